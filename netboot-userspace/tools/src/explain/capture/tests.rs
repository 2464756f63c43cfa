//! Tests of capture files.

use std::net::Ipv4Addr;

use netboot_ebpf::shared::{Mac, Vlan};

use super::*;
use crate::explain::{KnownServer, Machine, Message};

const ONE: Mac = Mac { octets: [0x52, 0x54, 0, 0, 0, 1] };
const TWO: Mac = Mac { octets: [0x52, 0x54, 0, 0, 0, 2] };

/// A DISCOVER.
fn request(mac: Mac, vlan: Option<u16>) -> Vec<u8> {
    let address = Ipv4Addr::UNSPECIFIED;
    let known = KnownServer { address, server: address, node: address, server_mac: Mac::default() };
    let vlan = vlan.map(|id| Vlan { ids: [id, 0] });
    Machine { vlan, ..Machine::new(mac) }.frame(Message::Discover, known)
}

/// Neither of these is a request.
fn others() -> Vec<Vec<u8>> {
    let mut answer = request(ONE, None);
    answer[42] = 2;
    let mut to_client = request(ONE, None);
    to_client[37] = 68;
    let mut tcp = request(ONE, None);
    tcp[23] = 6;
    let arp = [&[0xff; 12][..], &[0x08, 0x06], &[0; 28]].concat();
    vec![answer, to_client, tcp, arp, vec![0; 20], Vec::new()]
}

/// A classic file of a link type, in either byte order.
fn classic(linktype: u32, frames: &[Vec<u8>], number: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let version = if number(1)[0] == 1 { [2, 0, 4, 0] } else { [0, 2, 0, 4] };
    let mut file = [number(0xa1b2_c3d4), version].concat();
    file.extend([0, 0, 65_535, linktype].map(number).concat());
    for frame in frames {
        let length = frame.len() as u32;
        file.extend([7, 8, length, length].map(number).concat());
        file.extend(frame);
    }
    file
}

/// A pcapng file with two interfaces: nothing is captured on the first, which is of another kind.
fn next_generation(linktype: u16, frames: &[Vec<u8>]) -> Vec<u8> {
    captured_on(&vec![1; frames.len()], linktype, frames)
}

/// A pcapng file with two interfaces, and the number of that of each frame.
fn captured_on(interfaces: &[u32], linktype: u16, frames: &[Vec<u8>]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, &body, &length].concat()
    };
    let section = [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255];
    let mut file = block(0x0a0d_0d0a, &section);
    for kind in [101, linktype] {
        file.extend(block(1, &[&kind.to_le_bytes()[..], &[0; 6]].concat()));
    }
    for (frame, interface) in frames.iter().zip(interfaces) {
        let length = frame.len() as u32;
        let head = [*interface, 0, 0, length, length].map(u32::to_le_bytes).concat();
        file.extend(block(6, &[&head[..], frame].concat()));
    }
    file
}

fn read(bytes: &[u8], mac: Option<Mac>) -> Result<Capture, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let name = file.path().display().to_string();
    Capture::read(file.path(), mac).map_err(|error| format!("{error:#}").replace(&name, "FILE"))
}

/// The numbers of the requests in a file.
fn check(bytes: &[u8], mac: Option<Mac>, expect: &[usize]) {
    let capture = read(bytes, mac).unwrap();
    let numbers: Vec<_> = capture.requests.iter().map(|request| request.number).collect();
    assert_eq!(numbers, expect);
    assert_eq!(capture.notes, [""; 0]);
}

#[test]
fn requests_are_found_in_either_format() {
    let mut frames = vec![request(ONE, None)];
    frames.extend(others());
    frames.extend([request(TWO, None), request(ONE, Some(7))]);
    let (all, ones) = ([1, 8, 9], [1, 9]);
    for file in [
        classic(1, &frames, u32::to_le_bytes),
        classic(1, &frames, u32::to_be_bytes),
        next_generation(1, &frames),
    ] {
        check(&file, None, &all);
        check(&file, Some(ONE), &ones);
        check(&file, Some(Mac::default()), &[]);
        let capture = read(&file, None).unwrap();
        assert_eq!(capture.requests[1].frame, frames[7]);
        assert_eq!((capture.frames, capture.requests[1].cut), (9, 0));
    }
    check(&classic(1, &others(), u32::to_le_bytes), None, &[]);
}

#[test]
fn a_file_that_is_cut_off_is_read_as_far_as_it_goes() {
    for file in [
        classic(1, &[request(ONE, None), request(TWO, None)], u32::to_le_bytes),
        next_generation(1, &[request(ONE, None), request(TWO, None)]),
    ] {
        let capture = read(&file[..file.len() - 30], None).unwrap();
        assert_eq!(capture.requests.len(), 1);
        assert_eq!(capture.notes, ["the file ends within frame 2"]);
    }
}

#[test]
fn frames_of_unknown_interfaces_are_skipped_and_counted() {
    let frames = [request(ONE, None), request(ONE, None), request(TWO, None)];
    let capture = read(&captured_on(&[1, 7, 1], 1, &frames), None).unwrap();
    let numbers: Vec<_> = capture.requests.iter().map(|request| request.number).collect();
    assert_eq!((&numbers[..], capture.frames, capture.skipped), (&[1, 3][..], 3, 1));
    let note = "1 frames are skipped: the file does not describe what they were captured on";
    assert_eq!(capture.notes, [note]);
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (path, expect) in
        [(fifo.as_path(), "not a regular file"), (directory.path(), "is a directory")]
    {
        let error = format!("{:#}", Capture::read(path, None).unwrap_err());
        assert!(error.starts_with("cannot open ") && error.contains(expect), "{error}");
    }
}

#[test]
fn what_the_snap_length_cut_is_told() {
    let mut frame = request(ONE, None);
    frame.truncate(96);
    let mut file = classic(1, &[frame], u32::to_le_bytes);
    file[36..40].copy_from_slice(&342_u32.to_le_bytes());
    assert_eq!(read(&file, None).unwrap().requests[0].cut, 342 - 96);
}

#[test]
fn what_is_more_than_anybody_reads_is_counted() {
    let frames = vec![request(ONE, None); MOST + 2];
    let capture = read(&classic(1, &frames, u32::to_le_bytes), None).unwrap();
    assert_eq!((capture.requests.len(), capture.left_out), (MOST, 2));
}

#[test]
fn other_files_are_refused() {
    let refused = |bytes: &[u8], expect: &str| {
        let error = read(bytes, None).unwrap_err();
        assert!(error.contains(expect), "{error}");
    };
    let frames = [request(ONE, None)];
    refused(b"", "FILE is no capture file: write one with `tcpdump");
    refused(b"interfaces = [\"eth0\"]\n\n# some text\n", "FILE is no capture file");
    refused(&classic(113, &frames, u32::to_le_bytes), "captured on `any` (Linux cooked)");
    refused(&next_generation(276, &frames), "captured on `any` (Linux cooked)");
    refused(&classic(101, &frames, u32::to_le_bytes), "its link type is 101, not Ethernet");
    let error = Capture::read(Path::new("/nowhere/a.pcap"), None).unwrap_err();
    assert_eq!(error.to_string(), "cannot open /nowhere/a.pcap");
}
