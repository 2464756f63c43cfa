//! Step 1: the file that firmware is told to load, and whether it is there.

use netboot_ebpf::wire::code;
use netboot_site::boot_program;
use url::Url;

use super::{Grade, Probe, boot_url, dhcp::Exchange, remedy::Omission, tftp::Want};
use crate::explain::Machine;

/// More than any iPXE has, or GRUB.
const LARGEST: usize = 64 << 20;
/// PXE_DISCOVERY_CONTROL (PXE 2.1 section 2.2.3): its bit 3 is "load the file, ask no boot server".
const DISCOVERY_CONTROL: u8 = 6;

impl Probe<'_> {
    /// Judges what the firmware is told; what it would load, if it can.
    pub(super) fn firmware(&mut self, machine: &Machine, exchange: &Exchange) -> Option<Url> {
        const STEP: &str = "boot file";
        let lack = self.lack_of_binary(machine);
        let Some(reply) = exchange.boot() else {
            let what = "it is told nothing to boot";
            self.note(STEP, Grade::Wrong, what, Some(lack));
            return None;
        };
        let url = match boot_url::url(reply, None) {
            Ok(url) => url,
            Err(why) => {
                self.note(STEP, Grade::Wrong, why, Some(lack));
                return None;
            }
        };
        let vendor = reply.vendor_class();
        if machine.is_pxe_firmware() {
            if url.scheme() != "tftp" {
                let what = format!("{url}: PXE firmware loads over TFTP only");
                self.note(STEP, Grade::Wrong, what, Some(lack));
                return None;
            }
            let discovery =
                reply.option(code::VENDOR_OPTIONS).is_some_and(|value| has_discovery(&value));
            if vendor.starts_with(b"PXEClient") && !discovery {
                let what = "the answer has option 60 PXEClient, and no option 43.6: UEFI firmware then asks \
                            for boot servers, and does not load the file";
                // EDK2 ends with PXE-E16.
                let is_bios = machine.code() == Some(0);
                let state = if is_bios { Grade::Warning } else { Grade::Wrong };
                self.note(STEP, state, what, Some(Omission::Discovery));
            }
        } else {
            if !matches!(url.scheme(), "http" | "https") {
                let what = format!("{url}: firmware that loads over HTTP needs a URL of http");
                self.note(STEP, Grade::Wrong, what, Some(lack));
                return None;
            }
            if !vendor.starts_with(b"HTTPClient") {
                let what = "the answer has no option 60 HTTPClient: firmware that loads over HTTP ignores it";
                self.note(STEP, Grade::Wrong, what, Some(lack));
                return None;
            }
        }
        Some(url)
    }

    /// Fetches it as the machine does.
    pub(super) fn binary(&mut self, url: &Url, machine: &Machine) {
        const STEP: &str = "binary";
        self.progress.begin(&format!("loading {url}"));
        let start = std::time::Instant::now();
        let fetched = self.reach().fetch(url, Want::All, LARGEST);
        let code = machine.code().unwrap_or_default();
        match fetched {
            Ok(fetched) => {
                let (bytes, seconds) = (fetched.got.bytes.len(), start.elapsed().as_secs_f32());
                match boot_program::trouble(&fetched.got.bytes, bytes as u64, code) {
                    Some(why) => {
                        let lack = self.lack_of_binary(machine);
                        let what = format!("{url} ({bytes} bytes): {why}");
                        self.note(STEP, Grade::Wrong, what, Some(lack));
                    }
                    None => {
                        let what = format!("{url}: {bytes} bytes in {seconds:.1} s");
                        self.note(STEP, Grade::Right, what, None);
                    }
                }
            }
            Err(error) => {
                let what = format!("{url} cannot be loaded: {error:#}");
                self.note(STEP, Grade::Wrong, what, None);
            }
        }
    }

    /// What the server should say, by netboot's configuration if there is one.
    fn lack_of_binary(&self, machine: &Machine) -> Omission {
        let code = machine.code().unwrap_or_default();
        let expected = self.expected(machine);
        let file = expected.as_ref().and_then(|answer| answer.file.clone());
        if !machine.is_pxe_firmware() {
            let url = file.unwrap_or_else(|| "http://NETBOOT/ipxe/ipxe.efi".to_owned());
            return Omission::HttpBinary { code, url };
        }
        let default = if code == 0 { "undionly.kpxe" } else { "ipxe.efi" };
        let server = expected.and_then(|answer| answer.siaddr);
        Omission::Binary {
            code,
            file: file.unwrap_or_else(|| default.to_owned()),
            next_server: server.map_or_else(|| "NETBOOT".to_owned(), |server| server.to_string()),
        }
    }
}

/// Whether option 43 has the sub-option that spares the firmware the search for boot servers.
fn has_discovery(mut value: &[u8]) -> bool {
    while let [code, length, rest @ ..] = value {
        let Some((value_of, tail)) = rest.split_at_checked(usize::from(*length)) else {
            return false;
        };
        if *code == DISCOVERY_CONTROL {
            return value_of.first().is_some_and(|bits| bits & 8 != 0);
        }
        value = tail;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discovery_is_one_bit_of_one_suboption() {
        for (value, expect) in [
            (&[6, 1, 8, 255][..], true),
            (&[1, 2, 0, 0, 6, 1, 8], true),
            (&[6, 1, 3], false),
            (&[6, 9, 8], false),
            (&[6], false),
            (&[], false),
        ] {
            assert_eq!(has_discovery(value), expect, "{value:?}");
        }
    }
}
