//! Tests of messages in their frames.

use netboot_ebpf::wire::{ACK, OFFER};

use super::*;
use crate::show::ShownOption;

/// A server's message with these options, the first bytes of `sname` and of `file`, and ids of tags.
fn frame(options: &[u8], [sname, file]: [&[u8]; 2], vlans: &[u16]) -> Vec<u8> {
    let mut message = vec![0; OPTIONS];
    let mut put = |at: usize, bytes: &[u8]| message[at..at + bytes.len()].copy_from_slice(bytes);
    put(OP, &[BOOTREPLY, 1, 6]);
    put(XID, &[1, 2, 3, 4]);
    put(YIADDR, &[10, 0, 0, 5]);
    put(CHADDR, &[2, 0, 0, 0, 0, 5]);
    put(SNAME, sname);
    put(FILE, file);
    put(COOKIE, &MAGIC_COOKIE);
    message.extend(options);
    let mut frame = [[0xff; 6], [2, 0, 0, 0, 0, 1]].concat();
    for vlan in vlans {
        frame.extend([0x81, 0]);
        frame.extend(vlan.to_be_bytes());
    }
    frame.extend([8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 5]);
    frame.extend([0, 67, 0, 68]);
    frame.extend((message.len() as u16 + 8).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(message);
    // An Ethernet frame may be longer than its datagram.
    frame.extend([0xaa; 4]);
    frame
}

#[test]
fn the_fields_of_a_message() {
    let frame = frame(&[53, 1, ACK, 255], [b"", b"undionly.kpxe"], &[7, 9]);
    let packet = Packet::read(&frame).unwrap();
    assert!(packet.is_answer() && !packet.is_request());
    assert_eq!((packet.port, &packet.vlans[..]), (68, &[7, 9][..]));
    assert_eq!(packet.mac().to_string(), "02:00:00:00:00:05");
    assert_eq!((packet.xid(), packet.length()), ([1, 2, 3, 4], OPTIONS + 4));
    assert_eq!(packet.yiaddr(), Some(Ipv4Addr::new(10, 0, 0, 5)));
    assert_eq!((packet.siaddr(), packet.giaddr(), packet.ciaddr()), (None, None, None));
    assert_eq!(packet.message_type(), Some(ACK));
    assert_eq!(packet.boot_file().as_deref(), Some(&b"undionly.kpxe"[..]));
    for cut in [0, 12, 20, 40] {
        assert_eq!(Packet::read(&frame[..cut]), None, "{cut}");
    }
}

#[test]
fn options_wherever_they_stand() {
    #[track_caller]
    fn check(options: &[u8], fields: [&[u8]; 2], expect: &[&str]) {
        let frame = frame(options, fields, &[]);
        let options = Packet::read(&frame).unwrap().options();
        let shown = options.iter().map(|(code, value)| {
            let ShownOption { code, name, value } = ShownOption::new(*code, value);
            format!("{code} {name} {value}")
        });
        assert_eq!(shown.collect::<Vec<_>>(), expect);
    }
    check(&[53, 1, OFFER, 0, 0, 255, 51, 1], [b"", b""], &["53 message-type OFFER"]);
    // In pieces (RFC 3396).
    check(
        &[3, 2, 10, 0, 53, 1, 2, 3, 2, 0, 1],
        [b"", b""],
        &["3 router 10.0.0.1", "53 message-type OFFER"],
    );
    // Cut off.
    check(&[53, 1, OFFER, 3, 4, 10, 0, 0], [b"", b""], &["53 message-type OFFER"]);
    check(&[53, 1, OFFER, 3], [b"", b""], &["53 message-type OFFER"]);
    // Those of `file` go before those of `sname` (RFC 2131 section 4.1).
    let fields: [&[u8]; 2] = [b"\x0c\x01s\xff", b"\x0f\x01f\xff"];
    check(&[52, 1, 3, 255], fields, &["52 overload 3", "15 domain \"f\"", "12 hostname \"s\""]);
    check(&[52, 1, 1, 255], fields, &["52 overload 1", "15 domain \"f\""]);
    check(&[255], fields, &[]);
}

#[test]
fn boot_files() {
    let check = |options: &[u8], file: &[u8], expect: Option<&str>| {
        let frame = frame(options, [b"", file], &[]);
        let found = Packet::read(&frame).unwrap().boot_file();
        assert_eq!(found.as_deref(), expect.map(str::as_bytes), "{options:?} {file:?}");
    };
    check(&[255], b"a.efi", Some("a.efi"));
    check(&[67, 2, b'b', 0, 255], b"a.efi", Some("b"));
    check(&[52, 1, 1, 255], b"a.efi", None);
    check(&[255], b"", None);
}
