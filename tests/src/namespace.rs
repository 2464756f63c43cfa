use std::{fs::File, path::PathBuf, process::Command, thread, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{self, Signal},
    unistd::Pid,
};

use crate::{
    process::{self, Process},
    wait::wait_for,
};

/// For `ip` and its like.
const SOON: Duration = Duration::from_secs(20);

/// A network namespace of its own, with the loopback interface up. It goes away with the value,
/// together with what still runs in it.
pub struct Namespace {
    name: String,
}

impl Namespace {
    pub fn new() -> Result<Self> {
        let name = random_name()?;
        host_ip(&["netns", "add", &name]).context("make a network namespace (needs root)")?;
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"])?;
        // Router solicitations and the like would only blur captures.
        let mut shell = namespace.command("sh");
        shell.args(["-c", "cd /proc/sys/net/ipv6/conf && echo 1 | tee */disable_ipv6 >/dev/null"]);
        // Fails where the kernel has no IPv6.
        Process::spawn(shell)?.quiet().finish(SOON)?;
        Ok(namespace)
    }

    /// `/run/netns/NAME`
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    /// A program in this namespace: the child itself, not its parent, which dies with the thread
    /// that starts it. `ip netns exec` would also hide `/sys/fs/bpf`.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "nsenter"]);
        command.arg(format!("--net={}", self.path().display()));
        command.args(["--", program]);
        command
    }

    /// Like [`Self::command`], for programs that configure their machine: `/etc` is read-only to
    /// them, and what they keep in `/run`, `/var/lib` and `/sys/fs/bpf` is gone when they end.
    #[must_use]
    pub fn sealed_command(&self, program: &str) -> Command {
        const SEAL: &str = "mount --bind /etc /etc && mount -o remount,bind,ro /etc && \
                            mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /run && \
                            mount -t bpf bpf /sys/fs/bpf && \
                            mkdir -p /var/lib/dhcp /var/lib/dhcpcd && exec \"$@\"";
        let mut command = self.command("unshare");
        command.args(["--mount", "--uts", "sh", "-c", SEAL, "sh", program]);
        command
    }

    /// Runs `ip` with these arguments.
    pub fn ip(&self, args: &[&str]) -> Result<String> {
        let mut command = self.command("ip");
        command.args(args);
        process::run(command, SOON)
    }

    /// Gives an interface an address (`192.0.2.1/24`).
    pub fn add_address(&self, interface: &str, address: &str) -> Result<()> {
        self.ip(&["address", "add", address, "dev", interface]).map(drop)
    }

    /// Gives an interface its Ethernet address.
    pub fn set_mac(&self, interface: &str, mac: &str) -> Result<()> {
        self.ip(&["link", "set", interface, "address", mac]).map(drop)
    }

    /// Puts interfaces into a new bridge.
    pub fn add_bridge(&self, bridge: &str, ports: &[&str]) -> Result<()> {
        self.ip(&[
            "link",
            "add",
            bridge,
            "type",
            "bridge",
            "stp_state",
            "0",
            "forward_delay",
            "0",
        ])?;
        for port in ports {
            self.ip(&["link", "set", port, "master", bridge, "up"])?;
        }
        self.ip(&["link", "set", bridge, "up"]).map(drop)
    }

    /// Adds a TAP interface, for a virtual machine, to a bridge.
    pub fn add_tap(&self, tap: &str, bridge: &str) -> Result<()> {
        self.ip(&["tuntap", "add", tap, "mode", "tap"])?;
        self.ip(&["link", "set", tap, "master", bridge, "up"]).map(drop)
    }

    /// Runs `work` on a thread that is in this namespace, as are the threads that it starts.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let path = self.path();
        let inside = || {
            // This thread alone changes its namespace, and ends.
            setns(File::open(path)?, CloneFlags::CLONE_NEWNET)?;
            work()
        };
        thread::scope(|scope| {
            scope.spawn(inside).join().map_err(|_| anyhow!("the thread panicked"))?
        })
    }

    /// Starts a program that is to run while the test does.
    pub fn spawn(&self, program: &str, args: &[&str]) -> Result<Process> {
        let mut command = self.command(program);
        command.args(args);
        Process::spawn(command)
    }

    fn kill_all(&self) -> Result<()> {
        wait_for("the end of the processes in a namespace", SOON, || {
            let pids = host_ip(&["netns", "pids", &self.name])?;
            for pid in pids.lines() {
                // One that has just ended is no error.
                let _ = signal::kill(Pid::from_raw(pid.parse()?), Signal::SIGKILL);
            }
            Ok(pids.is_empty().then_some(()))
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let removed = self.kill_all().and_then(|()| host_ip(&["netns", "delete", &self.name]));
        if let Err(error) = removed {
            eprintln!("namespace {} stays behind: {error:#}", self.name);
        }
    }
}

/// Joins two namespaces with a cable: a veth pair, both ends up.
pub fn connect(left: (&Namespace, &str), right: (&Namespace, &str)) -> Result<()> {
    let ends = [left, right];
    let [(left, left_end), (right, right_end)] = ends;
    host_ip(&[
        "link",
        "add",
        left_end,
        "netns",
        &left.name,
        "type",
        "veth",
        "peer",
        "name",
        right_end,
        "netns",
        &right.name,
    ])?;
    for (namespace, end) in ends {
        // Otherwise veth hands over frames with unfinished UDP checksums.
        let mut ethtool = namespace.command("ethtool");
        ethtool.args(["-K", end, "tx", "off"]);
        process::run(ethtool, SOON)?;
        namespace.ip(&["link", "set", end, "up"])?;
    }
    Ok(())
}

/// A name that no other test, and no other run of the tests, has.
pub fn random_name() -> Result<String> {
    let mut bytes = [0; 8];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(format!("netboot-test-{:016x}", u64::from_ne_bytes(bytes)))
}

fn host_ip(args: &[&str]) -> Result<String> {
    let mut command = Command::new("ip");
    command.args(args);
    process::run(command, SOON)
}
