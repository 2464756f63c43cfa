//! The property that every server can be told what `check` accepts.

use netboot_site::config::judge;

use super::*;

/// A value in each form that a configuration has, and its bytes.
const FORMS: [(&str, &[u8]); 12] = [
    ("text = \"x.y\"", b"x.y"),
    ("ip = \"10.0.0.1\"", &[10, 0, 0, 1]),
    ("ip = [\"10.0.0.1\", \"10.0.0.2\"]", &[10, 0, 0, 1, 10, 0, 0, 2]),
    ("u8 = 1", &[1]),
    ("u8 = 2", &[2]),
    ("u16 = 258", &[1, 2]),
    ("u16 = [1, 2]", &[0, 1, 0, 2]),
    ("u32 = 7", &[0, 0, 0, 7]),
    ("hex = \"61:62:63:64:65\"", b"abcde"),
    ("hex = \"61626364\"", b"abcd"),
    ("hex = \"08:61:62:63:64:65\"", b"\x08abcde"),
    ("hex = \"03:61:62:63:00\"", b"\x03abc\0"),
];

#[test]
fn options_in_all_forms() {
    let mut accepted = Vec::new();
    for code in 1..=254 {
        for (form, value) in FORMS {
            let option = format!("options = [{{ code = {code}, {form} }}]");
            let host = format!("[[host]]\nmac = \"525400000001\"\nip = \"10.0.0.5\"\n{option}");
            let text = format!("dhcp.mode = \"off\"\n[[subnet]]\ncidr = \"10.0.0.0/16\"\n{host}");
            // dnsmasq cannot be told text with control characters, which is right in hexadecimal.
            let is_odd = form.starts_with("hex") && value.iter().any(u8::is_ascii_control);
            let is_text = netboot_dhcp::option::row(code).is_some_and(|row| row.is_text_everywhere);
            if !(is_odd && is_text) && judge(&text).is_empty() {
                accepted.push(DhcpOption { code, value: value.to_vec() });
            }
        }
    }
    let forms = |code: u8| accepted.iter().filter(|option| option.code == code).count();
    assert_eq!([224, 150, 66, 19, 1].map(forms), [12, 3, 3, 1, 0]);
    for server in [ServerKind::Dnsmasq, ServerKind::Kea, ServerKind::Dhcpd] {
        let all = exported(server, |config| {
            config.subnets = vec![Subnet::new("10.0.0.0/16".parse().unwrap())];
            config.hosts = (1_u32..)
                .zip(&accepted)
                .map(|(number, option)| {
                    let [_, _, high, low] = number.to_be_bytes();
                    host(|host| {
                        host.mac.octets = [2, 0, 0, 0, high, low];
                        host.ip = Ipv4Addr::new(10, 0, high + 1, low);
                        host.options = vec![option.clone()];
                    })
                })
                .collect();
        });
        assert!(all.is_ok(), "{server}: {all:?}");
    }
}
