//! Steps 3 and 4: the files that the script loads, and the server that the machine logs to.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::{Duration, Instant},
};

use netboot_base::printable::printable;
use netboot_ebpf::wire::code;
use netboot_site::model::Architecture;
use url::{Host, Url};

use super::{
    Grade, Probe,
    dhcp::Reply,
    fetch::Fetched,
    script::{self, Followed, IpxeSettings, Load, What},
    tftp::Want,
};

const LARGEST_SCRIPT: usize = 1 << 20;
/// Scripts that load scripts.
const MOST_CHAINED: u32 = 6;
/// Files that are looked for.
const MOST_LOADS: usize = 16;
const SYSLOG: u16 = 514;
const PATIENCE: Duration = Duration::from_secs(3);

impl Probe<'_> {
    /// Follows a script to its kernel, and logs as that would. Says whether it knew where to.
    pub(super) fn script(&mut self, url: &Url, end: &Reply) -> bool {
        let mut settings = self.settings(end);
        let mut at = url.clone();
        for _ in 0..MOST_CHAINED {
            if self.is_over() {
                return false;
            }
            let Some((place, followed)) = self.follow(&at, &mut settings) else { return false };
            if let Some(note) = &followed.note {
                // Of a script that asks its user it cannot be told.
                let state = if followed.is_endless { Grade::Wrong } else { Grade::Warning };
                self.note("script", state, format!("{place}: {note}"), None);
            }
            if let Some(next) = &followed.chain {
                match place.join(next) {
                    Ok(next) => {
                        at = next;
                        continue;
                    }
                    Err(error) => {
                        let what = format!("{place} goes on to {next:?}, which is no URL: {error}");
                        self.note("script", Grade::Wrong, what, None);
                        return false;
                    }
                }
            }
            self.images(&place, &followed);
            return self.log(&place, &followed, &settings);
        }
        let what = format!("{url}: scripts that load scripts, {MOST_CHAINED} of them");
        self.note("script", Grade::Wrong, what, None);
        false
    }

    fn follow(&mut self, url: &Url, settings: &mut IpxeSettings) -> Option<(Url, Followed)> {
        self.progress.begin(&format!("loading {url}"));
        let fetched = self.reach().fetch(url, Want::All, LARGEST_SCRIPT);
        let Fetched { got, url: place, note } = match fetched {
            Ok(fetched) => fetched,
            Err(error) => {
                let what = format!("{url} cannot be loaded: {error:#}");
                self.note("script", Grade::Wrong, what, None);
                return None;
            }
        };
        if !script::is_script(&got.bytes) {
            let first = got.bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let what =
                format!("{url} is no iPXE script; it begins with \"{}\"", printable(first, 60));
            self.note("script", Grade::Wrong, what, None);
            return None;
        }
        let text = String::from_utf8_lossy(&got.bytes);
        let note = note.map(|note| format!("; {note}")).unwrap_or_default();
        let followed = script::follow(&text, settings);
        let is_empty =
            followed.loads.is_empty() && followed.chain.is_none() && followed.note.is_none();
        if is_empty {
            let said = text.lines().find_map(|line| line.trim().strip_prefix("echo "));
            let said =
                said.map(|said| format!(", and says \"{}\"", printable(said.as_bytes(), 160)));
            let what = format!("{url} loads nothing{}{note}", said.unwrap_or_default());
            self.note("script", Grade::Wrong, what, None);
            return None;
        }
        self.note("script", Grade::Right, format!("{url}: {} bytes{note}", got.bytes.len()), None);
        Some((place, followed))
    }

    /// What the script loads must be there.
    fn images(&mut self, place: &Url, followed: &Followed) {
        for Load { what, url, .. } in followed.loads.iter().take(MOST_LOADS) {
            if self.is_over() {
                return;
            }
            let step = match what {
                What::Kernel => "kernel",
                What::Initrd => "initrd",
                What::Other => "file",
            };
            let found = place.join(url).map_err(anyhow::Error::new).and_then(|url| {
                self.progress.begin(&format!("is {url} there?"));
                self.reach().fetch(&url, Want::Length, 0)
            });
            match found {
                Ok(Fetched { got, url, .. }) => {
                    let length = got.length.map(|length| format!(", {length} bytes"));
                    let what = format!("{url} is there{}", length.unwrap_or_default());
                    self.note(step, Grade::Right, what, None);
                }
                Err(error) => {
                    let what = format!("{url} cannot be loaded: {error:#}");
                    self.note(step, Grade::Wrong, what, None);
                }
            }
        }
        let rest = followed.loads.len().saturating_sub(MOST_LOADS);
        if rest > 0 {
            self.note(
                "file",
                Grade::Warning,
                format!("{place}: {rest} more files are not tried"),
                None,
            );
        }
        if !followed.loads.iter().any(|load| load.what == What::Kernel) && followed.note.is_none() {
            self.note("kernel", Grade::Warning, format!("{place} loads no kernel"), None);
        }
    }

    fn log(&mut self, place: &Url, followed: &Followed, settings: &IpxeSettings) -> bool {
        let argument = followed.loads.iter().find_map(|load| {
            load.arguments.split(' ').find_map(|word| word.strip_prefix("syslog_host="))
        });
        let set = Some(settings.get("syslog")).filter(|host| !host.is_empty());
        let host = argument.map(str::to_owned).or(set);
        let from_url = || match place.host() {
            Some(Host::Ipv4(address)) => Some(address),
            Some(Host::Domain(name)) => name.parse().ok(),
            _ => None,
        };
        let named = host.as_ref().map(|host| host.parse::<Ipv4Addr>());
        let server = match named {
            Some(Ok(server)) => Some(server),
            // The machine resolves the server's name.
            Some(Err(_)) => None,
            None => from_url(),
        };
        let Some(server) = server else {
            let host = host.unwrap_or_default();
            let what = format!("it logs to {host:?}, which is not tried: it is no address");
            self.note("log", Grade::Warning, what, None);
            return true;
        };
        self.progress.begin(&format!("logging to {server}"));
        let mac = self.plan.firmware.mac;
        let line = format!("<14>netboot-probe: a probe as {mac} came as far as its log");
        let to = SocketAddrV4::new(server, SYSLOG);
        let mut reach = self.reach();
        let network = reach.to(server);
        let sent = network.open().and_then(|()| network.send(to, line.as_bytes()));
        let until = Instant::now() + PATIENCE;
        let heard = network.exchange(to, &[], 0, until);
        // As on any wire: what is sent last may wait for the server's ARP answer.
        let _ = network.receive(Instant::now() + Duration::from_millis(50));
        match (sent, heard) {
            (Ok(()), Ok(_)) => {
                let what = format!("a line was sent to {server}, which listens at port 514");
                self.note("log", Grade::Right, what, None);
            }
            (Ok(()), Err(error)) => {
                let what = format!(
                    "a line was sent to {server} over UDP, which tells nothing of whether it came (TCP: {error})"
                );
                self.note("log", Grade::Warning, what, None);
            }
            (Err(error), _) => {
                let what = format!("no line can be sent to {server}: {error}");
                self.note("log", Grade::Warning, what, None);
            }
        }
        true
    }

    /// What an iPXE on the machine knows.
    pub(super) fn settings(&self, end: &Reply) -> IpxeSettings {
        let firmware = &self.plan.firmware;
        let code = firmware.code().unwrap_or_default();
        let (arch, platform) = match Architecture::name(code) {
            "x86-bios" => ("i386", "pcbios"),
            "x86-uefi" => ("i386", "efi"),
            "arm64-uefi" => ("arm64", "efi"),
            "arm32-uefi" => ("arm32", "efi"),
            _ => ("x86_64", "efi"),
        };
        let mut settings = IpxeSettings::default();
        settings.set("mac", firmware.mac.to_string());
        settings.set("buildarch", arch);
        settings.set("platform", platform);
        settings.set("user-class", &*self.plan.user_class);
        let mut address = |name, address: Option<Ipv4Addr>| {
            if let Some(address) = address {
                settings.set(name, address.to_string());
            }
        };
        address("ip", end.address());
        address("next-server", end.siaddr());
        address("netmask", end.addresses(code::SUBNET_MASK).first().copied());
        address("gateway", end.addresses(code::ROUTER).first().copied());
        address("dns", end.addresses(code::DNS).first().copied());
        address("dhcp-server", Some(end.server()));
        for (name, number) in [("hostname", code::HOSTNAME), ("domain", code::DOMAIN_NAME)] {
            if let Some(value) = end.option(number) {
                settings.set(name, printable(&value, 255));
            }
        }
        settings
    }
}
