//! Whether a machine that asks for classless routes has a default route.

use netboot_dhcp::routes::{self, MICROSOFT, Route};
use netboot_ebpf::wire::code;
use netboot_site::model::DhcpOption;

use super::{Probe, State, dhcp::Reply, remedy::Lack};

impl Probe<'_> {
    /// Judges the routes that an iPXE is told; the first one's are all others', and those of its system.
    pub(super) fn routes(&mut self, reply: &Reply) {
        const STEP: &str = "routes";
        if self.findings.iter().any(|finding| finding.step == STEP) {
            return;
        }
        let mut routers = reply.addresses(code::ROUTER);
        if routers.is_empty() {
            routers.clone_from(&self.routers);
        }
        for code in [code::CLASSLESS_ROUTES, MICROSOFT] {
            let Some(value) = reply.option(code) else { continue };
            let Some(routes) = routes::read(&value) else {
                let what = format!("option {code} cannot be read as routes (RFC 3442)");
                self.note(STEP, State::Warning, what, None);
                continue;
            };
            if let Some(router) = routes::default_router(&routes) {
                let what = format!("option {code} has the default route, by {router}");
                self.note(STEP, State::Right, what, None);
            } else if let Some(router) = routers.first() {
                let what = format!(
                    "option {code} ({}) has no default route: a machine that asks for it ignores the router {router} \
                     (option 3, RFC 3442), and has none",
                    shown(&routes)
                );
                let value = routes::write(&routes::with_default(&routes, &routers));
                let lack = Lack::DefaultRoute(DhcpOption { code, value });
                self.note(STEP, State::Warning, what, Some(lack));
            }
        }
    }
}

fn shown(routes: &[Route]) -> String {
    let shown =
        routes.iter().take(4).map(|(destination, router)| format!("{destination} by {router}"));
    let more = if routes.len() > 4 { ", ..." } else { "" };
    shown.collect::<Vec<_>>().join(", ") + more
}
