use std::fmt::Write as _;

use netboot_tests::load::Load;

pub(crate) const OPTIONS: [&str; 16] = [
    "--no-daemon",
    "--conf-file=/dev/null",
    "--user=root",
    "--port=0",
    "--quiet-dhcp",
    "--dhcp-authoritative",
    "--no-ping",
    "--leasefile-ro",
    "--dhcp-no-override",
    // Otherwise there are no more than 1000.
    "--dhcp-lease-max=1000000",
    "--dhcp-range=10.99.0.0,static,255.255.0.0,24h",
    "--dhcp-option=option:router,10.99.0.1",
    "--dhcp-option=option:dns-server,8.8.8.8,1.1.1.1",
    "--dhcp-userclass=set:script,Tinkerbell",
    "--dhcp-boot=tag:script,http://10.99.0.1/auto.ipxe,,10.99.0.1",
    "--dhcp-boot=tag:!script,ipxe.efi,,10.99.0.1",
];

/// The file of `--dhcp-hostsfile`.
pub(crate) fn hosts(load: &Load) -> String {
    let mut text = String::new();
    for (index, (mac, ip)) in load.machines().enumerate() {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{mac},{ip},machine{index}");
    }
    text
}
