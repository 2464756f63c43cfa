//! DHCP options by number that are refused.

use super::{SUBNET, check, host};

#[test]
fn options_refused() {
    let option = |option: &str, message: &str| {
        check(
            &format!("{SUBNET}options = [{{ {option} }}]"),
            &[&format!("netboot.toml:3: subnet[0].options[0]{message}")],
        );
    };
    option("text = \"a\"", ".code: is missing");
    option("code = 256, text = \"a\"", ".code: 256 is out of range: the greatest here is 255");
    option("code = 66", ": found none of text, ip, hex, u8, u16, u32; give exactly one");
    option(
        "code = 66, text = \"a\", u8 = 1",
        ": found several of text, ip, hex, u8, u16, u32; give exactly one",
    );
    option("code = 66, text = \"\"", ".text: an option cannot be empty");
    option("code = 66, hex = \"\"", ".hex: an option cannot be empty");
    option("code = 66, ip = []", ".ip: an option cannot be empty");
    option(
        &format!("code = 66, text = \"{}\"", "x".repeat(1025)),
        ".text: the value has 1025 bytes; an option has 1024 at most",
    );
    option(
        "code = 66, hex = \"0a:b\"",
        ".hex: the value is not hexadecimal; write it as \"0a:0b\" or \"0a0b\"",
    );
    option("code = 66, u16 = 65536", ".u16: the value is out of range: the greatest here is 65535");
    option("code = 66, u8 = -1", ".u8: the value is out of range: the greatest here is 255");
    option("code = 66, ip = \"::1\"", ".ip: \"::1\" is not an IPv4 address");
    option("code = 224, txt = \"a\", u8 = 1", ".txt: unknown key; did you mean \"text\"?");
    for (value, message) in [
        (
            "code = 7, text = \"10.0.0.1\"",
            "text: option 7 is not text but addresses of 4 bytes each: use ip = [\"...\"]",
        ),
        (
            "code = 7, u16 = 1",
            "u16: this has 2 bytes, but option 7 is addresses of 4 bytes each: use ip = [\"...\"]",
        ),
        (
            "code = 33, ip = \"10.0.0.1\"",
            "ip: this has 4 bytes, but option 33 is pairs of addresses, 8 bytes each: use ip = [\"...\", \"...\"]",
        ),
        (
            "code = 16, hex = \"00\"",
            "hex: this has 1 bytes, but option 16 is an address of 4 bytes: use ip = \"...\"",
        ),
        (
            "code = 2, u16 = 1",
            "u16: this has 2 bytes, but option 2 is a number of 4 bytes: use u32 = ...",
        ),
        (
            "code = 66, ip = \"192.168.77.1\"",
            "ip: option 66 is not an address but text: use text = \"...\"",
        ),
        (
            "code = 17, ip = [\"10.0.0.1\", \"10.0.0.2\"]",
            "ip: option 17 is not an address but text: use text = \"...\"",
        ),
        ("code = 66, u8 = 49", "u8: option 66 is not a number but text: use text = \"...\""),
        (
            "code = 209, u16 = [1, 2]",
            "u16: option 209 is not a number but text: use text = \"...\"",
        ),
        ("code = 252, u32 = 1", "u32: option 252 is not a number but text: use text = \"...\""),
        (
            "code = 2, text = \"3600\"",
            "text: option 2 is not text but a number of 4 bytes: use u32 = ...",
        ),
        (
            "code = 2, ip = \"10.0.0.1\"",
            "ip: option 2 is not an address but a number of 4 bytes: use u32 = ...",
        ),
        (
            "code = 108, ip = \"10.0.0.1\"",
            "ip: option 108 is not an address but a number of 4 bytes: use u32 = ...",
        ),
        (
            "code = 211, u16 = [0, 30]",
            "u16: option 211 is a number of 4 bytes: use u32 = ..., not u16",
        ),
        (
            "code = 116, u16 = 1",
            "u16: this has 2 bytes, but option 116 is a number of 1 byte: use u8 = 0 or u8 = 1",
        ),
        (
            "code = 116, ip = \"10.0.0.1\"",
            "ip: option 116 is not an address but a number of 1 byte: use u8 = 0 or u8 = 1",
        ),
        (
            "code = 25, u8 = [2, 64]",
            "u8: option 25 is numbers of 2 bytes each: use u16 = [...], not u8",
        ),
        (
            "code = 25, hex = \"024000\"",
            "hex: this has 3 bytes, but option 25 is numbers of 2 bytes each: use u16 = [...]",
        ),
        (
            "code = 7, u32 = 167772161",
            "u32: option 7 is not a number but addresses of 4 bytes each: use ip = [\"...\"]",
        ),
        (
            "code = 68, text = \"10.0.0.1\"",
            "text: option 68 is not text but addresses of 4 bytes each: use ip = [\"...\"]",
        ),
        (
            "code = 150, text = \"10.0.0.1\"",
            "text: option 150 is not text but addresses of 4 bytes each: use ip = [\"...\"]",
        ),
        (
            "code = 150, hex = \"0a0000\"",
            "hex: this has 3 bytes, but option 150 is addresses of 4 bytes each: use ip = [\"...\"]",
        ),
        (
            "code = 249, ip = [\"10.0.0.0\", \"10.0.0.1\"]",
            "ip: option 249 is not an address but routes of 5 bytes at least: use hex = \"...\"",
        ),
        (
            "code = 249, hex = \"21:0a:00:00:00:0a\"",
            "hex: option 249 is routes (RFC 3442): of each the prefix's length (0 to 32), the octets that it covers, the router; this is \"21:0a:00:00:00:0a\"",
        ),
        (
            "code = 141, hex = \"04:61\"",
            "hex: option 141 is domain names (RFC 1035): before each label its length, behind the last one of a name a zero; this is \"04:61\"",
        ),
        ("code = 19, u8 = 2", "u8: option 19 is 0 (off) or 1 (on); this is \"02\""),
        ("code = 56, u8 = 1", "u8: option 56 is not a number but text: use text = \"...\""),
        (
            "code = 22, u8 = 1",
            "u8: this has 1 bytes, but option 22 is a number of 2 bytes: use u16 = ...",
        ),
        (
            "code = 46, u8 = [1, 8]",
            "u8: this has 2 bytes, but option 46 is a number of 1 byte: use u8 = ...",
        ),
    ] {
        option(value, &format!(".{message}"));
    }
    check(
        &host("options = [{ code = 119, text = \"lab.test\" }]"),
        &[
            "netboot.toml:6: host[0].options[0].text: option 119 is not text but domain names as DNS encodes them: use search = [\"...\"], or hex = \"...\"",
        ],
    );
    check(
        &host("options = [{ code = 121, hex = \"00:0a:00:00\" }]"),
        &[
            "netboot.toml:6: host[0].options[0].hex: this has 4 bytes, but option 121 is routes of 5 bytes at least: use hex = \"...\"",
        ],
    );
    for (code, why) in [
        (0, "it has no value"),
        (3, "use routers"),
        (50, "it depends on the request it answers"),
        (51, "use lease-time"),
        (52, "it depends on the request it answers"),
        (53, "it depends on the request it answers"),
        (54, "use dhcp.server-address"),
        (55, "it depends on the request it answers"),
        (57, "it depends on the request it answers"),
        (61, "it depends on the request it answers"),
        (82, "it depends on the request it answers"),
        (97, "it depends on the request it answers"),
        (255, "it has no value"),
    ] {
        option(
            &format!("code = {code}, u8 = 1"),
            &format!(".code: option {code} is set by the server: {why}"),
        );
    }
    check(
        &host("options = [{ code = 3, ip = \"10.0.0.9\" }, { code = 3, ip = \"10.0.0.9\" }]"),
        &["netboot.toml:6: host[0].options[1].code: option 3 is already given by \
           host[0].options[0].code (netboot.toml:6)"],
    );
}

#[test]
fn options_that_do_not_fit() {
    let long =
        |bytes: usize| format!("options = [{{ code = 224, text = \"{}\" }}]", "x".repeat(bytes));
    let more = "{ code = 225, text = \"".to_owned() + &"x".repeat(200) + "\" }";
    let two = long(1000).replace("}]", &format!("}}, {more}]"));
    check(
        &format!("{SUBNET}{two}"),
        &["netboot.toml:1: subnet[0]: its DHCP options take 1252 bytes, 1188 is the limit: \
           leave some out or shorten them"],
    );
    check(
        &host(&two),
        &["netboot.toml:3: host[0]: its DHCP options take 1210 bytes, 1188 is the limit: \
           leave some out or shorten them"],
    );
    // In pieces, and in the daemon's tables.
    check(&format!("{SUBNET}{}", long(320)), &[]);
    check(&host(&long(320)), &[]);
    check(
        &format!(
            "[[subnet]]\ncidr = \"10.0.0.0/24\"\n{}\n[[host]]\nmac = \"525400000001\"\nip = \"10.0.0.5\"\n{}",
            long(600),
            long(600).replace("224", "225")
        ),
        &[
            "netboot.toml:4: host[0]: an answer can have 1549 bytes, 1472 is the limit: leave options out or shorten them",
        ],
    );
    check(&format!("dhcp.mode = \"off\"\n{SUBNET}{two}"), &[]);
}
