//! The command line.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use clap::{Args as ClapArgs, Parser, Subcommand};
use netboot_base::{format::Format, mac};
use netboot_ebpf::shared::{Mac, Vlan};
use netboot_site::model::{self, Architecture, DEFAULT_PATH, XdpMode};
use netboot_tools::selftest;
use netboot_tools::{explain::Message, export::ServerKind, import};

/// Gives every known machine its address and what it boots.
#[derive(Debug, Parser)]
#[command(name = "netboot", version, propagate_version = true, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon
    Run(RunArgs),
    /// Check the configuration and print it with every default filled in
    Check(CheckArgs),
    /// Say what would be answered to a machine, and why (not)
    #[command(after_help = "Exit codes: 0 every request is answered, 4 nobody answers one, \
        5 the running daemon's program does something else than this configuration says.")]
    Explain(ExplainArgs),
    /// Write the configuration of another DHCP server, which boots machines from here (dhcp.mode = "off")
    Export(ExportArgs),
    /// Take the XDP program and its maps, which a daemon left, out of the kernel
    Detach(DetachArgs),
    /// Show what the daemon counted, and the machines and where they are in their boot
    Status(StatusArgs),
    /// Play a machine against the DHCP service on the wire, and say what keeps it from booting
    #[command(
        after_help = "It takes the machine's address while it runs. What it sends does not come back to \
        this node: a DHCP server on this node itself is not reached.\n\n\
        Exit codes: 0 each machine would boot, 4 one would not."
    )]
    Probe(ProbeArgs),
    /// List and edit the hosts of the configuration
    #[command(subcommand)]
    Host(HostCommand),
    /// Read the configuration of another DHCP server into netboot's
    ///
    /// Its subnets, hosts, options and boot rules become TOML. What is not taken over is said on stderr, with its line.
    ///
    /// The output is a part of a netboot.toml: paste it there, or begin one with it. `netboot check` accepts it once the
    /// boot files that it names are under boot.root. If it has only `[[host]]` tables, it can be one of the files that
    /// `inventory` lists.
    Import(ImportArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Write the man pages
    #[command(hide = true)]
    Man(ManArgs),
    /// Run the XDP program over requests of real firmware, on this kernel
    #[command(subcommand, hide = true)]
    Selftest(selftest::Command),
}

#[derive(Debug, Default, ClapArgs)]
pub struct RunArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// Interface to answer at, instead of those of the configuration; may be repeated
    #[arg(long = "iface", value_name = "DEV", value_parser = model::interface_name)]
    pub interfaces: Vec<String>,
    /// How the XDP program is attached, instead of what the configuration says
    /// [possible values: auto, native, generic, off]
    #[arg(long, value_name = "MODE")]
    pub xdp: Option<XdpMode>,
    /// Let the kernel go on answering after SIGTERM, for the next `netboot run` to take over
    #[arg(long)]
    pub keep: bool,
    /// What is logged: a level, or levels by module, as in `info,netboot::sightings=debug`, which logs each
    /// DHCP message with its machine
    #[arg(long, value_name = "FILTER", env = "NETBOOT_LOG", default_value = "info")]
    pub log: String,
}

#[derive(Debug, Default, ClapArgs)]
pub struct DetachArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// Where the maps are pinned [default: xdp.pin-path]
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    pub pin_path: Option<PathBuf>,
}

#[derive(Debug, Default, ClapArgs)]
pub struct CheckArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// Print only warnings, notes, and how much there is of what
    #[arg(long, conflicts_with = "json")]
    pub quiet: bool,
    #[command(flatten)]
    pub format: FormatArg,
}

#[derive(Debug, Default, ClapArgs)]
pub struct StatusArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    #[command(flatten)]
    pub format: FormatArg,
}

#[derive(Debug, Default, ClapArgs)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// The machine's MAC address; with --pcap, its requests only
    #[arg(value_parser = mac::parse, required_unless_present = "pcap")]
    pub mac: Option<Mac>,
    /// Its architecture: a name of [boot.files], or a number of DHCP option 93 [default: x86_64-uefi]
    #[arg(long, conflicts_with = "pcap")]
    pub arch: Option<Architecture>,
    /// User class that it announces, as in Tinkerbell or iPXE; may be repeated
    #[arg(long = "user-class", value_name = "CLASS", conflicts_with = "pcap", value_parser = option_text)]
    pub user_classes: Vec<String>,
    /// Vendor class that it announces [default: PXEClient or HTTPClient, by its architecture]
    #[arg(long, value_name = "CLASS", conflicts_with = "pcap", value_parser = option_text)]
    pub vendor_class: Option<String>,
    /// Address of the relay that passes its requests on
    #[arg(long, value_name = "IP", conflicts_with = "pcap")]
    pub relay: Option<Ipv4Addr>,
    /// VLAN of its frames, as in 100; in a VLAN in another, the outer one first, as in 200.100
    /// [default: that of its only reservation]
    #[arg(long, value_name = "ID", conflicts_with = "pcap", value_parser = vlan)]
    pub vlan: Option<Vlan>,
    /// One request in detail, instead of its whole boot
    #[arg(long, value_name = "TYPE", conflicts_with = "pcap")]
    pub message: Option<Message>,
    /// Interface that its requests come over [default: that of its subnet]
    #[arg(long = "iface", value_name = "DEV", value_parser = model::interface_name)]
    pub interface: Option<String>,
    /// Explain the DHCP requests of a capture (pcap or pcapng)
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,
    #[command(flatten)]
    pub format: FormatArg,
}

#[derive(Debug, ClapArgs)]
pub struct ProbeArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// Interface to play the machine at
    #[arg(long = "iface", value_name = "DEV", value_parser = model::interface_name)]
    pub interface: String,
    /// The machine's MAC address; may be repeated [default: the interface's own]
    #[arg(long = "mac", value_name = "MAC", value_parser = mac::parse)]
    pub macs: Vec<Mac>,
    /// Its architecture: a name of [boot.files], or a number of DHCP option 93 [default: x86_64-uefi]
    #[arg(long)]
    pub arch: Option<Architecture>,
    /// Its firmware loads over HTTP (UEFI HTTP boot)
    #[arg(long)]
    pub http: bool,
    /// User class of the iPXE that it loads
    #[arg(long, value_name = "CLASS", default_value = "Tinkerbell", value_parser = option_text)]
    pub user_class: String,
    /// Seconds to wait for an offer
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub timeout: u64,
    /// The server on the wire, whose configuration remedies are written for [default: all]
    #[arg(long, value_name = "KIND")]
    pub server: Option<ServerKind>,
    #[command(flatten)]
    pub format: FormatArg,
}

#[derive(Debug, ClapArgs)]
pub struct ExportArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// Whose configuration
    pub server: ServerKind,
    /// File to write it to [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// All hosts
    List {
        #[command(flatten)]
        config: ConfigArg,
        #[command(flatten)]
        format: FormatArg,
    },
    /// One host, as the configuration writes it
    Show {
        #[command(flatten)]
        config: ConfigArg,
        /// MAC, address or hostname
        host: String,
        #[command(flatten)]
        format: FormatArg,
    },
    /// Add a host
    Add(AddArgs),
    /// Remove a host
    Remove {
        #[command(flatten)]
        config: ConfigArg,
        /// MAC, address or hostname
        host: String,
    },
}

#[derive(Debug, ClapArgs)]
pub struct AddArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// Inventory file to add the host to, one of those that the configuration lists
    #[arg(id = "inventory", long = "file", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Its MAC address, with `:`, `-`, `.` or no separators; may be repeated: any of a machine's MACs gets the address
    #[arg(long = "mac", value_name = "MAC", required = true, value_parser = mac::parse)]
    pub macs: Vec<Mac>,
    /// The IPv4 address it gets
    #[arg(long)]
    pub ip: Ipv4Addr,
    /// The name it gets
    #[arg(long)]
    pub hostname: Option<String>,
    /// URL of the machine's own iPXE script
    #[arg(long, value_name = "URL")]
    pub script: Option<String>,
    /// Give the machine its address, but nothing to boot
    #[arg(long)]
    pub no_netboot: bool,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Exit codes: 0 it was read, 1 it is broken, or cannot be written: nothing is."
)]
pub struct ImportArgs {
    /// Whose file it is
    pub kind: import::Kind,
    /// The file; what it includes is read too
    pub file: PathBuf,
    /// File to write to, instead of stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "out")]
    pub force: bool,
    #[command(flatten)]
    pub format: FormatArg,
}

#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    pub shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
pub struct ManArgs {
    /// Where to
    pub directory: PathBuf,
}

#[derive(Debug, Default, ClapArgs)]
pub struct ConfigArg {
    /// Configuration file [default: /etc/netboot/netboot.toml, if it exists]
    #[arg(long = "config", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

impl ConfigArg {
    /// The file that is named, else the default one if it exists.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        let default =
            || Some(PathBuf::from(DEFAULT_PATH)).filter(|path: &PathBuf| Path::exists(path));
        self.file.clone().or_else(default)
    }
}

#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub struct FormatArg {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl FormatArg {
    #[must_use]
    pub fn choose(self) -> Format {
        if self.json { Format::Json } else { Format::Text }
    }
}

/// What fits one DHCP option.
fn option_text(text: &str) -> Result<String, String> {
    match text.len() {
        0..=255 => Ok(text.to_owned()),
        bytes => Err(format!("it has {bytes} bytes, and a DHCP option has 255 at most")),
    }
}

/// `100`, `200.100`
fn vlan(text: &str) -> Result<Vlan, String> {
    let id = |text: &str| match text.parse() {
        Ok(id @ 1..=4094) => Ok(id),
        _ => Err("write a VLAN id, 1 to 4094, or the outer and the inner one as in 200.100"),
    };
    let ids = match text.split_once('.') {
        Some((outer, inner)) => [id(outer)?, id(inner)?],
        None => [id(text)?, 0],
    };
    Ok(Vlan { ids })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn what_is_refused() {
        for line in [
            "netboot run --xdp nativ",
            "netboot run --iface a/b",
            "netboot host add --mac 52:54 --ip 10.0.0.1",
            "netboot host add --mac 52:54:00:00:00:01 --ip 10.0.0",
            "netboot host add --mac 52:54:00:00:00:01",
            "netboot host add --ip 10.0.0.1",
            "netboot host add --mac 52:54:00:00:00:01 --mac 52:54 --ip 10.0.0.1",
            "netboot frobnicate",
            "netboot explain 52:54:00:00:00:01 --vlan 0",
            "netboot explain 52:54:00:00:00:01 --vlan 4095",
            "netboot explain 52:54:00:00:00:01 --vlan 200.",
            "netboot explain 52:54:00:00:00:01 --vlan 1.2.3",
            &format!("netboot explain 52:54:00:00:00:01 --user-class {}", "x".repeat(256)),
        ] {
            assert!(Args::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn explain_takes_one_or_two_vlans() {
        let check = |vlan: &str, ids| {
            let line = format!("netboot explain 52:54:00:00:00:01 --vlan {vlan}");
            let Command::Explain(explain) = Args::parse_from(line.split(' ')).command else {
                panic!("{line}")
            };
            assert_eq!(explain.vlan, Some(Vlan { ids }));
        };
        check("100", [100, 0]);
        check("200.100", [200, 100]);
    }

    #[test]
    fn run_takes_several_interfaces() {
        let line = "netboot run --iface eth0 --iface eth1 --xdp off --config a.toml";
        let Command::Run(run) = Args::parse_from(line.split(' ')).command else { panic!("{line}") };
        assert_eq!(run.interfaces, ["eth0", "eth1"]);
        assert_eq!(run.xdp, Some(XdpMode::Off));
        assert_eq!(run.config.path(), Some("a.toml".into()));
    }
}
