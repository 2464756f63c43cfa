//! The default route among classless routes, wherever they are given, and what is said of it.

use super::*;

/// The values of options 3 and 121 to an iPXE, which asks for both, and the notes, where the machine is given so;
/// `None`: the option is not there.
#[track_caller]
fn check(subnet: &str, inventory: (&str, &str), expect: [Option<&str>; 2], note: &str) {
    let directory = tempfile::tempdir().unwrap();
    let (name, text) = inventory;
    fs::write(directory.path().join(name), text).unwrap();
    fs::write(directory.path().join("ipxe.efi"), "").unwrap();
    let main = format!(
        "interfaces = [\"nonesuch0\"]\ninventory = [\"{name}\"]\n[boot]\nroot = \".\"\n[boot.files]\n\
         x86_64-uefi = \"ipxe.efi\"\n[[subnet]]\ncidr = \"10.0.0.0/24\"\n{subnet}\n"
    );
    let path = directory.path().join("netboot.toml");
    fs::write(&path, main).unwrap();
    let site = Site::here(config::load_to_run(&path).unwrap()).unwrap();
    let ipxe = machine(ONE).with_user_class("Tinkerbell");
    for message in [Message::Discover, Message::Request, Message::Inform] {
        let explained =
            steps(&site, &WithoutXdp::new(), &ipxe, Some(message), None).remove(0).explanation;
        let answer = explained.answer.unwrap();
        let value = |code: u8| {
            let found = answer.options.iter().find(|option| option.code == code);
            found.map(|option| option.value.as_str())
        };
        assert_eq!([3, 121].map(value), expect, "{message:?} of {text}");
        assert!(explained.notes.iter().any(|own| own.contains(note)), "{:?}", explained.notes);
    }
    // Firmware asks for the router.
    let firmware = steps(&site, &WithoutXdp::new(), &machine(ONE), Some(Message::Discover), None);
    assert!(firmware[0].explanation.notes.is_empty(), "{:?}", firmware[0].explanation.notes);
}

#[test]
fn in_every_inventory() {
    const SUBNET: &str = "routers = [\"10.0.0.1\"]";
    const ROUTED: &str = "routers = [\"10.0.0.1\"]\nroutes = [{ destination = \"10.8.0.0/16\", router = \"10.0.0.9\" }]";
    const BY_1: &str = "10.8.0.0/16 by 10.0.0.9, 0.0.0.0/0 by 10.0.0.1";
    const BY_2: &str = "10.8.0.0/16 by 10.0.0.9, 0.0.0.0/0 by 10.0.0.2";
    const NONE: &str =
        "option 121 has no default route, and machines that ask for it ignore option 3 (RFC 3442)";
    let told = |router: u8| {
        format!(
            "option 121 has the default route, by 10.0.0.{router}, in place of option 3, which machines that ask for \
             121 ignore (RFC 3442)"
        )
    };
    let toml = |lines: &str| format!("[[host]]\nmac = \"{ONE}\"\nip = \"10.0.0.10\"\n{lines}");
    let own = "routes = [{ destination = \"10.8.0.0/16\", router = \"10.0.0.9\" }]";
    check(ROUTED, ("a.toml", &toml("")), [None, Some(BY_1)], &told(1));
    check(SUBNET, ("a.toml", &toml(own)), [None, Some(BY_1)], &told(1));
    check(ROUTED, ("a.toml", &toml("routers = [\"10.0.0.2\"]")), [None, Some(BY_2)], &told(2));
    check(ROUTED, ("a.toml", &toml("routers = []")), [None, Some("10.8.0.0/16 by 10.0.0.9")], NONE);
    check("", ("a.toml", &toml(own)), [None, Some("10.8.0.0/16 by 10.0.0.9")], NONE);

    let csv = |routers: &str, routes: &str| {
        format!("mac,ip,routers,routes\n{ONE},10.0.0.10,{routers},{routes}\n")
    };
    check(ROUTED, ("a.csv", &csv("10.0.0.2", "")), [None, Some(BY_2)], &told(2));
    check(SUBNET, ("a.csv", &csv("", "10.8.0.0/16=10.0.0.9")), [None, Some(BY_1)], &told(1));
    let given = csv("10.0.0.1", "10.8.0.0/16=10.0.0.9 0.0.0.0/0=10.0.0.2");
    check(SUBNET, ("a.csv", &given), [None, Some(BY_2)], &told(2));

    let hardware = |gateway: &str, routes: &str| {
        format!(
            "apiVersion: tinkerbell.org/v1alpha1\nkind: Hardware\nmetadata: {{name: one}}\nspec:\n  interfaces:\n  \
             - dhcp: {{mac: \"{ONE}\", ip: {{address: 10.0.0.10, netmask: 255.255.255.0{gateway}}}{routes}}}\n    \
             netboot: {{allowPXE: true}}\n"
        )
    };
    let routes =
        ", classless_static_routes: [{destination_descriptor: 10.8.0.0/16, router: 10.0.0.9}]";
    check("", ("a.yaml", &hardware(", gateway: 10.0.0.2", routes)), [None, Some(BY_2)], &told(2));
    check(ROUTED, ("a.yaml", &hardware(", gateway: 10.0.0.2", "")), [None, Some(BY_2)], &told(2));
    check(SUBNET, ("a.yaml", &hardware("", routes)), [None, Some(BY_1)], &told(1));
    let whole = ", classless_static_routes: [{destination_descriptor: 10.8.0.0/16, router: 10.0.0.9}, \
                 {destination_descriptor: 0.0.0.0/0, router: 10.0.0.2}]";
    check("", ("a.yaml", &hardware(", gateway: 10.0.0.1", whole)), [None, Some(BY_2)], &told(2));

    let smee = format!(
        "{ONE}:\n  ipAddress: 10.0.0.10\n  subnetMask: 255.255.255.0\n  defaultGateway: 10.0.0.2\n"
    );
    check(ROUTED, ("b.yaml", &smee), [None, Some(BY_2)], &told(2));
}
