use netboot_ebpf::{
    client::Stage,
    responder::Scratch,
    shared::{NO_ARCHITECTURE, Reservation},
    verdict::Verdict,
};

use crate::common::{Ask, Site, ask, daemon};

const PXE: &[u8] = b"PXEClient:Arch:00000:UNDI:002001";
const HTTP: &[u8] = b"HTTPClient:Arch:00016:UNDI:003000";

fn seen(ask: &Ask) -> (Stage, u16) {
    let mut scratch = Scratch::new();
    daemon(&Site::new(), &ask.frame(), &mut scratch).unwrap();
    (Stage::from_number(scratch.seen.stage).unwrap(), scratch.seen.architecture)
}

fn request(vendor: Option<&[u8]>, classes: Option<&[u8]>) -> Ask {
    let mut ask = Ask::discover();
    if let Some(vendor) = vendor {
        ask = ask.with(60, vendor);
    }
    if let Some(classes) = classes {
        ask = ask.with(77, classes);
    }
    ask
}

fn check(vendor: Option<&[u8]>, classes: Option<&[u8]>, expect: Stage) {
    let ask = request(vendor, classes);
    assert_eq!(seen(&ask).0, expect, "60 {vendor:02x?}, 77 {classes:02x?}");
    // The order of the options and what follows them changes nothing.
    let mut other = Ask { options: vec![], ..Ask::discover() };
    if let Some(classes) = classes {
        other = other.with(77, classes);
    }
    other = other.with(53, &[1]);
    if let Some(vendor) = vendor {
        other = other.with(60, vendor);
    }
    other.end = vec![];
    assert_eq!(seen(&other).0, expect, "60 {vendor:02x?}, 77 {classes:02x?}, at the end");
}

#[test]
fn stage_by_vendor_class() {
    let check = |vendor, expect| check(vendor, None, expect);
    check(None, Stage::Plain);
    check(Some(PXE), Stage::Pxe);
    check(Some(b"PXEClient"), Stage::Pxe);
    check(Some(HTTP), Stage::Http);
    check(Some(b"HTTPClient"), Stage::Http);
    check(Some(b"PXEClien"), Stage::Plain);
    check(Some(b"HTTPClien"), Stage::Plain);
    check(Some(b"pxeclient"), Stage::Plain);
    check(Some(b" PXEClient"), Stage::Plain);
    check(Some(b"U-Boot.armv8"), Stage::Loader);
    check(Some(b"U-Boot"), Stage::Loader);
    check(Some(b"U-Boo"), Stage::Plain);
    check(Some(b"u-boot.armv8"), Stage::Plain);
    check(Some(b""), Stage::Plain);
}

/// The script class goes first: otherwise the machine loops.
#[test]
fn stage_by_both_classes() {
    for vendor in [None, Some(PXE), Some(HTTP)] {
        check(vendor, Some(b"Tinkerbell"), Stage::Script);
        check(vendor, Some(b"\x04iPXE\x0aTinkerbell"), Stage::Script);
    }
    check(None, Some(b"iPXE"), Stage::Ipxe);
    check(Some(PXE), Some(b"iPXE"), Stage::Ipxe);
    check(Some(HTTP), Some(b"iPXE"), Stage::Http);
    check(Some(PXE), Some(b"other"), Stage::Pxe);
    check(Some(HTTP), Some(b"other"), Stage::Http);
}

#[test]
fn user_class_encodings() {
    let check = |classes: &[u8], expect| check(Some(PXE), Some(classes), expect);
    check(b"Tinkerbell", Stage::Script);
    check(b"Tinkerbell\0", Stage::Script);
    check(b"Tinkerbell\0\0\0", Stage::Script);
    check(b"\x0aTinkerbell", Stage::Script);
    check(b"\x0bTinkerbell\0", Stage::Script);
    check(b"\x0aTinkerbell\x05other", Stage::Script);
    check(b"\x05other\x0aTinkerbell", Stage::Script);
    check(b"\x01a\x02bc\x03def\x0aTinkerbell", Stage::Script);
    check(b"\x01a\x04iPXE\x01b", Stage::Ipxe);
    check(b"\x00\x0aTinkerbell", Stage::Script);
    // A padded list.
    check(b"\x0aTinkerbell\0", Stage::Script);
    check(b"a-user-class-of-just-32-bytes-ok", Stage::Script);
    check(b"\x20a-user-class-of-just-32-bytes-ok", Stage::Script);
    // A whole class of 33 bytes cannot match; the instance in it can.
    check(b"\x0aTinkerbell\x15another-of-twenty-one", Stage::Script);
}

#[test]
fn user_classes_that_do_not_match() {
    let check = |classes: &[u8]| check(Some(PXE), Some(classes), Stage::Pxe);
    check(b"");
    check(b"\0");
    check(b"\0\0\0\0\0\0\0");
    check(b"Tinkerbel");
    check(b"Tinkerbells");
    check(b"tinkerbell");
    check(b" Tinkerbell");
    check(b"xTinkerbell");
    check(b"a-user-class-of-just-32-bytes-ok-");
    check(b"a-user-class-of-just-32-bytes-o");
    // Cut: the instance says more bytes than there are.
    check(b"\x0bTinkerbell");
    check(b"\x05other\x0aTinkerbel");
    check(b"\x09Tinkerbell");
    // The fifth instance is not looked at.
    check(b"\x01a\x01b\x01c\x01d\x0aTinkerbell");
    check(&[0xff; 255]);
}

/// What is read ends with its option: the next option's code would complete it.
#[test]
fn values_end_with_their_option() {
    let check = |code: u8, value: &[u8], next: u8| {
        let of_firmware = Ask::discover().with(60, b"PXEClient");
        let ask = if code == 60 { Ask::discover() } else { of_firmware };
        let ask = ask.with(code, value).with(next, &[]);
        let expect = if code == 60 { Stage::Plain } else { Stage::Pxe };
        assert_eq!(seen(&ask), (expect, NO_ARCHITECTURE), "{code}: {value:02x?}, then {next}");
        let reply = crate::common::ask(&Site::new(), &ask.frame()).unwrap();
        assert_eq!(reply.boot_file(), "");
    };
    check(60, b"PXEClien", b't');
    check(60, b"HTTPClien", b't');
    check(77, b"Tinkerbel", b'l');
    check(77, b"\x0aTinkerbel", b'l');
    check(77, b"\x01a\x04iPX", b'E');
    check(93, &[0], 7);
    check(93, &[], 0);
}

#[test]
fn stages_have_numbers_and_names() {
    let stages = [Stage::Plain, Stage::Pxe, Stage::Http, Stage::Ipxe, Stage::Script, Stage::Loader];
    let names = ["plain", "pxe", "http", "ipxe", "script", "pxe"];
    for (number, (stage, name)) in (0..).zip(stages.into_iter().zip(names)) {
        assert_eq!(Stage::from_number(number), Some(stage));
        assert_eq!((stage as u8, stage.as_str()), (number, name));
    }
    assert_eq!(Stage::from_number(6), None);
}

/// The rows of a boot set: each choice has one of its own.
#[test]
fn rows_of_a_boot_set() {
    for slots in 1..20 {
        let mut rows = vec![Stage::Script.row(slots, 0)];
        for stage in [Stage::Pxe, Stage::Http, Stage::Ipxe] {
            rows.extend((1..=slots).map(|slot| stage.row(slots, slot)));
        }
        rows.push(Stage::Plain.row(slots, 1));
        assert_eq!(rows, (0..Stage::rows(slots)).collect::<Vec<_>>());
        // A loader loads as firmware does.
        assert_eq!(Stage::Loader.row(slots, slots), Stage::Pxe.row(slots, slots));
    }
}

/// The boot file that is answered to option 93.
fn architecture(value: Option<&[u8]>, first: u16, boot_file: &str) {
    let mut request = request(Some(PXE), None);
    if let Some(value) = value {
        request = request.with(93, value);
    }
    assert_eq!(seen(&request).1, first, "{value:02x?}");
    let reply = ask(&Site::new(), &request.frame()).unwrap();
    assert_eq!(reply.boot_file(), boot_file, "{value:02x?}");
    let expect = if boot_file.is_empty() { Verdict::OfferNoBootFile } else { Verdict::Offer };
    assert_eq!(reply.verdict, expect, "{value:02x?}");
}

#[test]
fn architectures() {
    let check = architecture;
    check(Some(&[0, 0]), 0, "undionly.kpxe");
    check(Some(&[0, 7]), 7, "ipxe.efi");
    check(Some(&[0, 9]), 9, "ipxe.efi");
    check(Some(&[0, 11]), 11, "arm64.efi");
    check(Some(&[0, 63]), 63, "arm64.efi");
    // The first that is known.
    check(Some(&[0, 11, 0, 7]), 11, "arm64.efi");
    check(Some(&[0, 6, 0, 7, 0, 11]), 6, "ipxe.efi");
    check(Some(&[0, 64, 0, 11]), 64, "arm64.efi");
    check(Some(&[1, 0, 0, 7]), 256, "ipxe.efi");
    check(Some(&[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 7]), 1, "ipxe.efi");
    // Odd lengths.
    check(Some(&[0, 7, 0]), 7, "ipxe.efi");
    check(Some(&[0, 1, 0]), 1, "");
    check(Some(&[0]), NO_ARCHITECTURE, "");
    check(Some(&[7]), NO_ARCHITECTURE, "");
    // None, or none that is known.
    check(None, NO_ARCHITECTURE, "");
    check(Some(&[]), NO_ARCHITECTURE, "");
    check(Some(&[0, 64]), 64, "");
    check(Some(&[0xff, 0xff]), 0xffff, "");
    check(Some(&[0, 1]), 1, "");
    // The ninth code is not looked at.
    check(Some(&[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 7]), 1, "");
}

#[test]
fn boot_file_by_stage_and_architecture() {
    let check = |vendor, classes, architecture: &[u8], expect| {
        let request = request(vendor, classes).with(93, architecture);
        assert_eq!(ask(&Site::new(), &request.frame()).unwrap().boot_file(), expect);
    };
    check(Some(PXE), None, &[0, 0], "undionly.kpxe");
    check(Some(PXE), None, &[0, 11], "arm64.efi");
    check(Some(HTTP), None, &[0, 16], "http://172.30.0.1/ipxe/ipxe.efi");
    check(Some(HTTP), None, &[0, 11], "http://172.30.0.1/ipxe/arm64.efi");
    check(Some(PXE), Some(b"iPXE"), &[0, 0], "tftp://172.30.0.1/undionly.kpxe");
    check(Some(PXE), Some(b"iPXE"), &[0, 11], "tftp://172.30.0.1/arm64.efi");
    check(Some(PXE), Some(b"Tinkerbell"), &[0, 7], "http://172.30.0.1/auto.ipxe");
    // The script is the same for every architecture, known or not.
    check(Some(PXE), Some(b"Tinkerbell"), &[0, 33], "http://172.30.0.1/auto.ipxe");
    check(None, Some(b"Tinkerbell"), &[], "http://172.30.0.1/auto.ipxe");
    check(None, None, &[0, 7], "");
    check(Some(b"U-Boot.armv8"), None, &[0, 22], "arm64.efi");
}

/// The slot of machines that say no architecture with a slot, and the architecture that one is taken for.
#[test]
fn other_slot() {
    let check = |other_slot, taken_for, value: Option<&[u8]>, expect| {
        let mut site = Site::new();
        site.settings.as_mut().unwrap().other_slot = other_slot;
        site.machine().architecture = taken_for;
        let mut request = request(Some(PXE), None);
        if let Some(value) = value {
            request = request.with(93, value);
        }
        let reply = ask(&site, &request.frame()).unwrap();
        assert_eq!(reply.boot_file(), expect, "{other_slot}, {taken_for}, {value:02x?}");
    };
    let [says, bios, arm64] = [NO_ARCHITECTURE, 0, 11];
    for value in [None, Some(&[][..]), Some(&[0]), Some(&[0, 33]), Some(&[1, 0]), Some(&[0xff; 2])]
    {
        check(0, says, value, "");
        check(2, says, value, "ipxe.efi");
        check(2, arm64, value, "arm64.efi");
        check(2, bios, value, "undionly.kpxe");
        check(2, 33, value, "ipxe.efi");
        check(0, 33, value, "");
    }
    for value in [Some(&[0, 0][..]), Some(&[0, 33, 0, 0])] {
        check(2, says, value, "undionly.kpxe");
        check(2, arm64, value, "arm64.efi");
        check(2, 33, value, "ipxe.efi");
        check(2, 64, value, "ipxe.efi");
        check(0, 33, value, "");
    }
}

/// The classes that get the script are those of the machine's own list.
#[test]
fn lists_of_script_classes() {
    let check = |list: u32, class: &[u8], expect: Stage| {
        let site =
            Site::new().with(|site| site.machine().flags = Reservation::of_list(list).unwrap());
        let request = request(Some(PXE), Some(class)).with(93, &[0, 7]);
        let reply = ask(&site, &request.frame()).unwrap();
        let expect = match expect {
            Stage::Script => "http://172.30.0.1/auto.ipxe",
            Stage::Ipxe => "tftp://172.30.0.1/ipxe.efi",
            _ => "ipxe.efi",
        };
        assert_eq!(reply.boot_file(), expect, "list {list}: {class:?}");
    };
    for (class, lists) in [
        (&b"Tinkerbell"[..], &[0][..]),
        (b"of-a-list", &[1]),
        (b"of-both", &[0, 30]),
        (b"none", &[]),
    ] {
        for list in [0, 1, 2, 30] {
            let is_script = lists.contains(&list);
            check(list, class, if is_script { Stage::Script } else { Stage::Pxe });
        }
    }
    check(1, b"iPXE", Stage::Ipxe);
    check(1, b"\x04iPXE\x09of-a-list", Stage::Script);
    check(1, b"\x04iPXE\x0aTinkerbell", Stage::Ipxe);
    assert_eq!(Reservation::of_list(31), None);
}
