//! The reader of answers refuses what is no valid answer: a wrong answer would else pass all other tests.

use netboot_ebpf::{responder::Scratch, wire::OPTIONS};

use crate::common::{Ask, Reply, Site, daemon};

const UDP: usize = 34;
const MESSAGE: usize = 42;

fn answer() -> Vec<u8> {
    let request = Ask::discover().with(61, &[1, 2, 3]).frame();
    daemon(&Site::new(), &request, &mut Scratch::new()).unwrap().1
}

/// What is said of an answer in which something was changed.
fn read(change: impl FnOnce(&mut Vec<u8>)) -> Result<Reply, String> {
    let mut frame = answer();
    change(&mut frame);
    Reply::read(&frame).map_err(|error| error.to_string())
}

/// An answer with other bytes in its message, and a UDP checksum that is right again.
fn summed(change: impl FnOnce(&mut [u8])) -> impl FnOnce(&mut Vec<u8>) {
    |frame| {
        change(&mut frame[MESSAGE..]);
        frame[UDP + 6..UDP + 8].fill(0);
        let length = frame[UDP + 4..UDP + 6].to_vec();
        let pseudo = [&frame[26..34], &[0, 17], &length[..]].concat();
        let sum = !netboot_test_kit::sums::internet_sum(&[&pseudo, &frame[UDP..]]);
        frame[UDP + 6..UDP + 8].copy_from_slice(&sum.to_be_bytes());
    }
}

#[test]
fn wrong_answers_are_refused() {
    #[track_caller]
    fn check(read: Result<Reply, String>, expect: &str) {
        let said = read.map(|reply| reply.codes()).unwrap_err();
        assert!(said.contains(expect), "{said:?}, not {expect:?}");
    }
    assert_eq!(read(|_| {}).map(|reply| reply.message_type), Ok(2));
    assert_eq!(read(summed(|_| {})), read(|_| {}));
    check(read(|frame| frame[13] = 6), "ethertype");
    check(read(|frame| frame[22] = 65), "TTL 64");
    check(read(|frame| frame[20] = 0), "fragment");
    check(read(|frame| frame[17] ^= 1), "IP length");
    check(read(|frame| frame[24] ^= 1), "IP checksum");
    check(read(|frame| frame[UDP + 5] ^= 1), "UDP length");
    check(read(|frame| frame[UDP + 6..UDP + 8].fill(0)), "no UDP checksum");
    check(read(|frame| frame[MESSAGE + 4] ^= 1), "UDP checksum");
    check(read(summed(|message| message[236] = 0)), "magic cookie");
    check(read(summed(|message| message[OPTIONS] = 0)), "a pad between options");
    check(read(summed(|message| message[OPTIONS] = 61)), "option 61 comes twice");
    check(read(summed(|message| message[OPTIONS] = 200)), "no message type");
    check(read(summed(|message| message[OPTIONS + 3] = 255)), "junk after End");
    check(read(summed(|message| message[108..236].fill(b'a'))), "does not end with a NUL");
    check(read(summed(|message| message[235] = 1)), "junk after the file name");
}
