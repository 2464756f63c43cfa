//! The party that answers a request, the reason, and the advice to the operator.

use netboot_ebpf::{
    client::Stage,
    shared::{Station, Vlan},
    verdict::Verdict,
};
use netboot_site::{
    config::ShownVlan,
    model::{DhcpMode, Host},
};

use super::{
    AnsweredBy, BootFields, Site, VerdictText,
    judge::{Judgement, Outcome},
};

/// Who answers, and whose outcome it is.
pub(super) struct Who<'j> {
    pub(super) by: AnsweredBy,
    pub(super) outcome: &'j Outcome,
    pub(super) why: String,
}

pub(super) fn who<'j>(without_xdp: Option<&str>, judgement: &'j Judgement) -> Who<'j> {
    let Judgement { kernel, daemon, .. } = judgement;
    let (by, outcome, why) = match without_xdp {
        None if kernel.answer.is_some() => {
            (AnsweredBy::Kernel, kernel, VerdictText::of(kernel.verdict).what.to_owned())
        }
        _ if daemon.answer.is_none() => {
            (AnsweredBy::Nobody, daemon, VerdictText::of(daemon.verdict).what.to_owned())
        }
        None => {
            let passed = VerdictText::of(kernel.verdict).what;
            (AnsweredBy::Daemon, daemon, format!("the kernel leaves it to the daemon: {passed}"))
        }
        Some(reason) => (AnsweredBy::Daemon, daemon, reason.to_owned()),
    };
    Who { by, outcome, why }
}

impl Who<'_> {
    /// As it is where another server gives the addresses.
    pub(super) fn beside_another(
        self,
        stage: Stage,
        host: Option<&Host>,
        boot: &BootFields,
    ) -> Self {
        let boots = stage != Stage::Plain && host.is_none_or(|host| host.netboot);
        match self.outcome.verdict {
            Verdict::OtherServer | Verdict::UnsupportedType => Self {
                by: AnsweredBy::OtherServer,
                why: "it gives the addresses (dhcp.mode)".to_owned(),
                ..self
            },
            Verdict::NotNetboot if boots => {
                Self { why: format!("there is nothing for it to boot: {}", boot.because), ..self }
            }
            Verdict::NotNetboot => Self {
                by: AnsweredBy::OtherServer,
                why: format!("it gives the addresses (dhcp.mode), and {}", boot.because),
                ..self
            },
            _ => self,
        }
    }

    /// What to do; empty: nothing. `remedy` is what gives the machine something to boot.
    pub(super) fn advice(&self, site: &Site, station: Station, remedy: Option<&str>) -> String {
        let verdict = self.outcome.verdict;
        let own = match verdict {
            _ if self.by == AnsweredBy::OtherServer => Some(String::new()),
            Verdict::OfferNoBootFile | Verdict::AckNoBootFile | Verdict::NotNetboot => {
                remedy.map(str::to_owned)
            }
            Verdict::UnknownMachine => in_other_vlan(site, station),
            _ => None,
        };
        own.unwrap_or_else(|| VerdictText::of(verdict).advice.to_owned())
    }
}

/// For a machine that has reservations, but none in this VLAN.
fn in_other_vlan(site: &Site, station: Station) -> Option<String> {
    let vlans = site.vlans(station.mac);
    let option = vlans.iter().find(|vlan| **vlan != Vlan::NONE);
    let option = option.map_or_else(String::new, |vlan| format!(" (here: --vlan {vlan})"));
    let places: Vec<_> = vlans.iter().map(|vlan| place(*vlan)).collect();
    (!places.is_empty()).then(|| {
        format!(
            "it has a reservation {}, and asks {}: correct the switch port, or the `vlan` of the host or its \
             [[subnet]]{option}",
            places.join(" and "),
            place(station.vlan)
        )
    })
}

fn place(vlan: Vlan) -> String {
    match vlan {
        Vlan::NONE => "without VLAN tag".to_owned(),
        vlan => format!("in {}", ShownVlan(vlan)),
    }
}

/// Why the XDP program does not answer, whatever the interface is.
pub(super) const fn mode_without_xdp(mode: DhcpMode) -> Option<&'static str> {
    match mode {
        DhcpMode::Proxy | DhcpMode::AutoProxy => {
            Some("the daemon answers ProxyDHCP, without XDP (dhcp.mode)")
        }
        DhcpMode::Reservation | DhcpMode::Off => None,
    }
}
