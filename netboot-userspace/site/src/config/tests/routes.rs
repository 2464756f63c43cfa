//! Warnings about routers and routes that an option takes away.

use super::{boot::check_warnings, directory, load_text};

#[test]
fn warnings_about_routes() {
    let text = |subnet: &str, host: &str| {
        format!(
            "[[subnet]]\ncidr = \"10.0.0.0/24\"\nrouters = [\"10.0.0.1\"]\n{subnet}\n\
             [[host]]\nmac = \"525400000001\"\nip = \"10.0.0.5\"\n{host}"
        )
    };
    let option = |code: u8, hex: &str| format!("options = [{{ code = {code}, hex = \"{hex}\" }}]");
    let lost = |place: &str, code: u8, more: &str| {
        format!(
            "netboot.toml:{place}: option {code} has no default route, and a machine that takes it ignores the \
             routers (RFC 3442): end it with 00 and the four bytes of the router, or use routes, which get it by \
             themselves{more}"
        )
    };
    let routes = "routes = [{ destination = \"10.1.0.0/16\", router = \"10.0.0.9\" }]";
    let (far, whole) = ("10:0a:01:0a:00:00:09", "10:0a:01:0a:00:00:09:00:0a:00:00:01");
    check_warnings(&text(routes, ""), &[]);
    check_warnings(&text("", routes), &[]);
    for code in [121, 249] {
        check_warnings(&text("", &option(code, far)), &[&lost("7: host[0]", code, "")]);
        check_warnings(&text("", &option(code, whole)), &[]);
        check_warnings(&text("", &format!("routers = []\n{}", option(code, far))), &[]);
    }
    // The subnet's is said once, whatever its hosts have.
    check_warnings(&text(&option(249, far), "mtu = 1400"), &[&lost("3: subnet[0]", 249, "")]);
    check_warnings(&text(&option(249, whole), "mtu = 1400"), &[]);
    // Of many hosts the first is named.
    let another = |last: u8| {
        format!(
            "\n[[host]]\nmac = \"5254000000{last:02x}\"\nip = \"10.0.0.{last}\"\n{}",
            option(121, far)
        )
    };
    let two = text("", &option(121, far)) + &another(20);
    check_warnings(&two, &[&lost("7: host[0]", 121, " (and 1 more host)")]);
    let forty = (20..59).map(another).collect::<String>();
    check_warnings(
        &(text("", &option(121, far)) + &forty),
        &[&lost("7: host[0]", 121, " (and 39 more hosts)")],
    );
    let replaced = "a machine that asks for classless routes (option 121) is not told option 33 (RFC 3442): give \
                    these routes as routes, too";
    let classful = option(33, "0a:02:00:00:0a:00:00:09");
    check_warnings(
        &text(&format!("{routes}\n{classful}"), ""),
        &[&format!("netboot.toml:3: subnet[0]: {replaced}")],
    );
    check_warnings(&text(routes, &classful), &[&format!("netboot.toml:7: host[0]: {replaced}")]);
    check_warnings(&text("", &classful), &[]);
    // 20 routes of 8 bytes, 5 of the default route, 2 before them; 48 of the subnet, and an option of 2 + N.
    let many: Vec<_> = (0..20)
        .map(|at| format!("{{ destination = \"10.1.{at}.0/24\", router = \"10.0.0.9\" }}"))
        .collect();
    let many = |bytes: usize| {
        let option = format!("options = [{{ code = 224, text = \"{}\" }}]", "x".repeat(bytes));
        text(&format!("routes = [{}]\n{option}", many.join(", ")), "netboot = false")
    };
    let room = "netboot.toml:3: subnet[0]: routes and all other options have more than 256 bytes: a machine that \
                does not ask for classless routes (option 121) is told none; leave options out or shorten them";
    check_warnings(&many(39), &[]);
    check_warnings(&many(40), &[room]);
    check_warnings(&many(46), &[room]);
    let directory = directory();
    let refused =
        format!("boot.root = \"boot\"\nboot.files.x86-bios = \"ipxe.efi\"\n{}", many(972));
    let problems = load_text(directory.path(), &refused).unwrap_err().join("\n");
    assert!(problems.contains("options take 1189 bytes, 1188 is the limit"), "{problems}");
}
