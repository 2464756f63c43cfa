//! The export for Kea: what a machine is are its client classes, and a subnet has classes of what is booted, which are
//! looked at once its reservation is known.

mod classes;
mod json;
mod subnets;

use netboot_dhcp::DhcpOption;

use self::{
    classes::write_classes,
    json::{Item, array, object, option_data, text, write_items},
    subnets::write_subnet,
};
use super::{comments, page::Page, plan::Plan};

pub(super) fn option_lines(option: &DhcpOption) -> Vec<String> {
    vec![option_data(option)]
}

pub(super) fn write(plan: &Plan<'_>) -> anyhow::Result<Page> {
    let mut page = Page::new("//");
    comments::head(&mut page, plan, "kea");
    comments::settings(&mut page, plan, "Kea");
    page.open("{ \"Dhcp4\": {");
    basics(&mut page, plan);
    write_classes(&mut page, plan);
    let joined = plan.config.dhcp.shared_networks;
    if joined {
        page.comment("A machine is offered its address also where it asks from another subnet.");
        page.open("\"shared-networks\": [ { \"name\": \"netboot\",");
    }
    page.open("\"subnet4\": [");
    for (at, network) in (1..).zip(&plan.networks) {
        let end = if at == plan.networks.len() { "}" } else { "}," };
        write_subnet(&mut page, network, end);
    }
    page.close("]");
    if joined {
        page.close("} ]");
    }
    page.close("} }");
    Ok(page)
}

fn basics(page: &mut Page, plan: &Plan<'_>) {
    let dhcp = &plan.config.dhcp;
    page.comment("At all interfaces; \"eth0\" would be one of them.");
    let interfaces = [("interfaces", array(&[text("*")])), ("dhcp-socket-type", text("raw"))];
    page.line(&format!("\"interfaces-config\": {},", object(&interfaces)));
    page.comment("There are reservations only: no leases to keep.");
    let database = [("type", text("memfile")), ("persist", "false".to_owned())];
    page.line(&format!("\"lease-database\": {},", object(&database)));
    page.comment(
        "Machines are known by their MAC alone: firmware, iPXE and the system send different client ids.",
    );
    page.line("\"host-reservation-identifiers\": [ \"hw-address\" ],");
    page.line("\"match-client-id\": false,");
    page.line("\"reservations-global\": false,");
    page.line("\"reservations-in-subnet\": true,");
    page.line("\"reservations-out-of-pool\": true,");
    if plan.has_several_macs() {
        page.comment("Machines have one address for several MACs (Kea 1.9.1 and later).");
        page.line("\"ip-reservations-unique\": false,");
    }
    page.comment("Whether wrong addresses are refused");
    page.line(&format!("\"authoritative\": {},", dhcp.authoritative));
    page.comment("Half, and seven eighths of the lease (RFC 2131 section 4.4.5)");
    page.line("\"calculate-tee-times\": true,");
    page.line("\"t1-percent\": 0.5,");
    page.line("\"t2-percent\": 0.875,");
    page.line(&format!("\"decline-probation-period\": {},", dhcp.decline_time.as_secs()));
    let raw = |name: &str, code: u8| {
        let space = ("space", text("dhcp4"));
        object(&[("name", text(name)), ("code", code.to_string()), space, ("type", text("binary"))])
    };
    let definitions = vec![
        Item::new(
            "As it is: Kea would take the value apart.",
            raw("vendor-encapsulated-options", 43),
        ),
        Item::new(
            "What iPXE reads: 176 (b0) in it tells it not to wait for a ProxyDHCP.",
            raw("ipxe-encap", 175),
        ),
    ];
    write_items(page, ["\"option-def\": [", "],"], definitions);
}
