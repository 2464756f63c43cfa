//! The default route of a machine that asks for classless routes.

use netboot_dhcp::{
    DhcpOption,
    route::{self, MICROSOFT, Route},
    show,
};
use netboot_ebpf::wire::code;

use super::{Grade, Probe, dhcp::Reply, remedy::Omission};

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
            let Some(routes) = route::read(&value) else {
                let what = format!("option {code} cannot be read as routes (RFC 3442)");
                self.note(STEP, Grade::Warning, what, None);
                continue;
            };
            if let Some(router) = route::default_router(&routes) {
                let what = format!("option {code} has the default route, by {router}");
                self.note(STEP, Grade::Right, what, None);
            } else if let Some(router) = routers.first() {
                let what = format!(
                    "option {code} ({}) has no default route: a machine that asks for it ignores the router {router} \
                     (option 3, RFC 3442), and has none",
                    shown(&routes)
                );
                let value = route::write(&route::with_default(&routes, &routers));
                let lack = Omission::DefaultRoute(DhcpOption { code, value });
                self.note(STEP, Grade::Warning, what, Some(lack));
            }
        }
    }
}

fn shown(routes: &[Route]) -> String {
    let first = routes.get(..4).unwrap_or(routes);
    let more = if first.len() < routes.len() { ", ..." } else { "" };
    show::routes(first) + more
}
