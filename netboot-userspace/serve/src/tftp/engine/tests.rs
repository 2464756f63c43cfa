//! Tests of the engine's turns.

use std::{fs, net::Ipv4Addr};

use netboot_base::files::Files;
use netboot_machines::{channel::channel, memory::Machines};
use netboot_site::model::Inventory;

use super::*;

use crate::tftp::{
    DEFAULT_BLOCK_SIZE, Sockets, TftpCommon,
    content::{Content, Contents, UnreadBytes},
    handler::BootFiles,
    prepare, server,
};

const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5);
const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// One that nobody hears.
fn engine() -> (Engine<BootFiles>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), [1; 5000]).unwrap();
    let bind = || {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None);
        let socket = socket.unwrap();
        prepare(&socket, true).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        std::net::UdpSocket::from(socket)
    };
    let sizes = BlockSizes { all: DEFAULT_BLOCK_SIZE, networks: Vec::new() };
    let machines = Machines::new(Inventory::new([]));
    let common = TftpCommon::new(Files::new(directory.path()), machines, channel().0, sizes);
    let sockets = Sockets { requests: bind(), transfers: (0..2).map(|_| bind()).collect() };
    let poll = mio::Poll::new().unwrap();
    let waker = mio::Waker::new(poll.registry(), WAKER).unwrap();
    let reads = Reads::new(tokio::runtime::Handle::current(), Arc::new(waker));
    let mut engine = server::engine(common, sockets, reads, Box::new(|_| ())).unwrap();
    ask(&mut engine, CLIENT, Instant::now());
    (engine, directory)
}

fn ask(engine: &mut Engine<BootFiles>, from: SocketAddr, now: Instant) {
    engine.request(ReceivedDatagram { bytes: b"\0\x01file\0octet\0", from, to: Some(LOCAL) }, now);
}

/// A transfer is looked at again and again, and is not over when the disk is slow.
#[tokio::test]
async fn a_transfer_waits_for_the_disk() {
    let (mut engine, _directory) = engine();
    let ends = TransferEnds { client: CLIENT, local: LOCAL };
    let start = Instant::now();
    let (id, _) = engine.transfers.between(&ends).unwrap();
    engine.transfers.get_mut(id).unwrap().disk = Disk::Awaited;
    for second in 1..50 {
        engine.wake(start + Duration::from_secs(second));
        assert_eq!((engine.transfers.len(), engine.timers.len()), (1, 1), "after {second} s");
    }
    engine.outbox.clear();
    engine.brought(id, 0, Ok(vec![1; 512]));
    assert!(matches!(engine.outbox[..], [Out::Blocks(_, Range { start: 1, end: 2 })]));
    engine.flush();
    // What was sent is not kept for a client that may be silent for long.
    assert!(matches!(engine.transfers.get(id).unwrap().disk, Disk::None));
    engine.brought(id, 0, Err(UnreadBytes::Changed));
    assert!(engine.transfers.is_empty());
}

/// A program that is stopped for long, as a virtual machine that moves, does not blame its clients.
#[tokio::test]
async fn a_pause_of_ours_is_no_silence() {
    let check = |engine: &mut Engine<BootFiles>, stopped: bool, expect: usize| {
        let ends = TransferEnds { client: CLIENT, local: LOCAL };
        let start = Instant::now();
        let (id, transfer) = engine.transfers.between(&ends).unwrap();
        let (socket, bytes) = (transfer.socket, b"\0\x04\0\x01");
        engine.answer(socket, ReceivedDatagram { bytes, from: CLIENT, to: Some(LOCAL) }, start);
        let later = start + Duration::from_secs(90);
        if stopped {
            engine.was_stopped(Duration::from_secs(90), later);
        }
        engine.wake(later);
        assert_eq!(engine.transfers.len(), expect);
        assert_eq!(engine.transfers.get(id).is_some(), stopped);
    };
    let (mut stopped, _one) = engine();
    check(&mut stopped, true, 1);
    let (mut silent, _two) = engine();
    check(&mut silent, false, 0);
}

/// A client that is slow is served as long as nobody wants its place.
#[tokio::test]
async fn who_is_slow_is_served_where_there_is_room() {
    for (most, expect) in [(16, 1), (1, 0)] {
        let (mut engine, _directory) = engine();
        engine.most.transfers = most;
        let ends = TransferEnds { client: CLIENT, local: LOCAL };
        let (id, transfer) = engine.transfers.between(&ends).unwrap();
        let socket = transfer.socket;
        engine.transfers.get_mut(id).unwrap().until = Instant::now();
        let now = Instant::now();
        let bytes = b"\0\x04\0\x01";
        engine.answer(socket, ReceivedDatagram { bytes, from: CLIENT, to: Some(LOCAL) }, now);
        assert_eq!(engine.transfers.len(), expect, "{most} are the most");
    }
}

/// The file was read whole while its bytes were awaited.
#[tokio::test]
async fn what_was_awaited_is_in_memory() {
    let (mut engine, _directory) = engine();
    let (id, _) = engine.transfers.between(&TransferEnds { client: CLIENT, local: LOCAL }).unwrap();
    engine.transfers.get_mut(id).unwrap().disk = Disk::Awaited;
    engine.outbox.clear();
    engine.brought(id, 0, Err(UnreadBytes::NotCached));
    assert!(matches!(engine.outbox[..], [Out::Blocks(_, Range { start: 1, end: 2 })]));
    assert!(matches!(engine.transfers.get(id).unwrap().disk, Disk::None));
}

/// Timers and the queue of those that nobody has answered do not grow by what is over.
#[tokio::test]
async fn what_is_over_takes_no_room() {
    let (mut engine, _directory) = engine();
    let now = Instant::now();
    for number in 0..20_000 {
        let client = SocketAddr::new(CLIENT.ip(), 1000 + number % 1000);
        ask(&mut engine, client, now);
        let ends = TransferEnds { client, local: LOCAL };
        let (id, transfer) = engine.transfers.between(&ends).unwrap();
        if number % 2 == 0 {
            let socket = transfer.socket;
            let bytes = b"\0\x04\0\x01";
            engine.answer(socket, ReceivedDatagram { bytes, from: client, to: Some(LOCAL) }, now);
        }
        engine.end(id, &TransferOutcome::Lost, now);
        engine.outbox.clear();
    }
    assert_eq!((engine.transfers.len(), engine.unanswered_now), (1, 1));
    assert!(engine.timers.len() < 2000, "{} timers", engine.timers.len());
    assert!(engine.unanswered.len() < 2000, "{} are queued", engine.unanswered.len());
}

/// However many wait for a disk that is slow.
#[tokio::test]
async fn what_is_awaited_is_bounded() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(9).unwrap();
    let Content::Disk(on_disk) = Contents::default().of(file).unwrap() else { panic!("in memory") };
    let (engine, _directory) = engine();
    let (id, _) = engine.transfers.between(&TransferEnds { client: CLIENT, local: LOCAL }).unwrap();
    let begin = |length| engine.reads.begin(id, Arc::clone(&on_disk), 0, length);
    assert!(begin(16 << 20) && begin(16 << 20) && !begin(1));
    let deadline = Instant::now() + Duration::from_secs(10);
    while engine.reads.next().is_none() {
        assert!(Instant::now() < deadline, "it does not come");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(begin(1));
}

/// What a transfer costs beside the file that all share, with places in the table that are free: under 2 kB.
#[test]
fn a_transfer_takes_little_room() {
    let of_transfer = 2 * (size_of::<(TransferEnds, usize)>() + size_of::<ActiveTransfer>());
    let of_timers = 4 * size_of::<Reverse<(Instant, Id)>>();
    let of_names = 128 + 64;
    let all = of_transfer + of_timers + 2 * size_of::<Id>() + of_names;
    assert!(all < 2000, "{all} bytes");
    println!("{all} bytes, {} in the table", size_of::<ActiveTransfer>());
}
