//! A machine's quirk: what its firmware needs otherwise than others, who says so, and why.

use netboot_site::{
    config::QuirksEntry,
    model::{
        Config, DhcpMode, Host,
        quirks::{self, Applied, QuirkOrigin},
    },
};

use netboot_ebpf::shared::Mac;
use serde::Serialize;

/// The quirks that hold because one place says so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quirk {
    /// As the configuration has them.
    pub settings: QuirksEntry,
    pub origin: &'static str,
    /// `None`: nobody says.
    pub reason: Option<String>,
}

/// The quirks of a machine, those of its host entry first. What a nearer place says otherwise is left out.
pub(super) fn applied(config: &Config, host: Option<&Host>, mac: Mac) -> Vec<Quirk> {
    let (_, rows) = match host {
        Some(host) => quirks::of(config, host),
        None if config.dhcp.mode == DhcpMode::AutoProxy => {
            quirks::of_manufacturer(config, quirks::oui(mac))
        }
        None => return Vec::new(),
    };
    let mut nearer = netboot_site::model::Quirks::default();
    let mut shown = Vec::new();
    for Applied { origin, quirks, reason } in rows {
        let settings = QuirksEntry::from(&quirks.beyond(&nearer));
        nearer = nearer.or(quirks);
        if settings != QuirksEntry::default() {
            let reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
            shown.push(Quirk { settings, origin: place(origin), reason });
        }
    }
    shown
}

impl Quirk {
    /// `delay = "200ms" (host.quirks)`
    pub(super) fn text(&self) -> String {
        let settings = toml::to_string(&self.settings).unwrap_or_default();
        let settings = settings.lines().collect::<Vec<_>>().join(", ");
        let because = self.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        format!("{settings} ({}{because})", self.origin)
    }
}

const fn place(origin: QuirkOrigin) -> &'static str {
    match origin {
        QuirkOrigin::Host => "host.quirks",
        QuirkOrigin::Configured => "[[quirk]]",
        QuirkOrigin::BuiltIn => "built-in",
    }
}
