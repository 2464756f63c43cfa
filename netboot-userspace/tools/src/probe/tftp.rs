//! A TFTP client (RFC 1350, with the options of RFC 2347 to 2349), as firmware is one.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    time::{Duration, Instant},
};

use netboot_base::printable::printable;

use super::transport::Transport;

pub(super) const PORT: u16 = 69;

const RRQ: u16 = 1;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OACK: u16 = 6;
/// Fits a datagram of any Ethernet: 1500 without the headers of IP, UDP and TFTP.
const BLOCK: usize = 1468;
const DEFAULT_BLOCK: usize = 512;
/// Until a datagram is sent again.
const PATIENCE: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 5;
/// Answers that bring nothing new.
const REPETITIONS: u32 = 32;

/// How much is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    All,
    /// Whether the file is there, and how long it is.
    Length,
}

/// What the server has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Got {
    /// As far as it was wanted.
    pub(super) bytes: Vec<u8>,
    /// The whole length, if the server said it.
    pub(super) length: Option<u64>,
}

/// Fetches a file.
///
/// # Errors
/// What the server says, or that it says nothing.
pub(super) fn fetch(
    network: &mut dyn Transport,
    server: Ipv4Addr,
    name: &str,
    want: Want,
    limit: usize,
    end: Instant,
) -> io::Result<Got> {
    let start = Instant::now();
    network.open()?;
    let request = request(name);
    let mut to = SocketAddrV4::new(server, PORT);
    let mut datagram = request;
    let mut got = Got::default();
    let (mut block, mut size) = (1_u16, DEFAULT_BLOCK);
    let mut attempts = 0;
    loop {
        if Instant::now() > end {
            let came = got.bytes.len();
            let seconds = start.elapsed().as_secs();
            let why = format!("{came} bytes came in {seconds} s, and no end: it is given up");
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        if attempts > REPETITIONS {
            return Err(io::Error::other(
                "the server repeats itself, and sends no more of the file",
            ));
        }
        network.send(to, &datagram)?;
        attempts += 1;
        let until = end.min(Instant::now() + PATIENCE);
        let answer = loop {
            let Some((from, answer)) = network.receive(until)? else { break None };
            // The server's own port is the one that it answers from first.
            if *from.ip() == server && (to.port() == PORT || from.port() == to.port()) {
                break Some((from, answer));
            }
            // Others may send without an end.
            if Instant::now() > until {
                break None;
            }
        };
        let Some((from, answer)) = answer else {
            if attempts >= ATTEMPTS {
                let seconds = ATTEMPTS as u64 * PATIENCE.as_secs();
                let why = format!("no answer from UDP port {} in {seconds} s", to.port());
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            continue;
        };
        to = from;
        match read(&answer) {
            Some(TftpPacket::Data { number, data }) if number == block => {
                got.bytes.extend_from_slice(data);
                if want == Want::Length || got.bytes.len() > limit {
                    network.send(to, &abort())?;
                    return Ok(got);
                }
                datagram = acknowledge(block);
                if data.len() < size {
                    network.send(to, &datagram)?;
                    let came = got.bytes.len() as u64;
                    if let Some(said) = got.length.replace(came).filter(|said| *said != came) {
                        let why = format!("{came} bytes came of {said} that the server said");
                        return Err(io::Error::other(why));
                    }
                    return Ok(got);
                }
                // Files of more than 65535 blocks start again at 0.
                block = block.wrapping_add(1);
                attempts = 0;
            }
            // One that came twice.
            Some(TftpPacket::Data { .. }) => {}
            Some(TftpPacket::Options { length, block_size }) => {
                got.length = length.or(got.length);
                size = block_size.unwrap_or(DEFAULT_BLOCK);
                if want == Want::Length && length.is_some() {
                    network.send(to, &abort())?;
                    return Ok(got);
                }
                datagram = acknowledge(0);
            }
            Some(TftpPacket::Error { number, message }) => {
                let message = printable(message, 200);
                return Err(io::Error::other(format!(
                    "the server says: {message} (error {number})"
                )));
            }
            None => return Err(io::Error::other("the server's answer is no TFTP")),
        }
    }
}

pub(super) enum TftpPacket<'d> {
    Data { number: u16, data: &'d [u8] },
    Options { length: Option<u64>, block_size: Option<usize> },
    Error { number: u16, message: &'d [u8] },
}

pub(super) fn read(datagram: &[u8]) -> Option<TftpPacket<'_>> {
    let (kind, rest) = datagram.split_first_chunk::<2>()?;
    match u16::from_be_bytes(*kind) {
        DATA => {
            let (number, data) = rest.split_first_chunk::<2>()?;
            Some(TftpPacket::Data { number: u16::from_be_bytes(*number), data })
        }
        OACK => {
            let mut words = rest.split(|byte| *byte == 0);
            let (mut length, mut block_size) = (None, None);
            while let (Some(name), Some(value)) = (words.next(), words.next()) {
                let value = std::str::from_utf8(value).ok()?;
                if name.eq_ignore_ascii_case(b"tsize") {
                    length = value.parse().ok();
                } else if name.eq_ignore_ascii_case(b"blksize") {
                    block_size = value.parse().ok();
                }
            }
            Some(TftpPacket::Options { length, block_size })
        }
        ERROR => {
            let (number, message) = rest.split_first_chunk::<2>()?;
            let message = message.split(|byte| *byte == 0).next()?;
            Some(TftpPacket::Error { number: u16::from_be_bytes(*number), message })
        }
        _ => None,
    }
}

fn request(name: &str) -> Vec<u8> {
    let block = BLOCK.to_string();
    let mut datagram = RRQ.to_be_bytes().to_vec();
    for word in [name, "octet", "tsize", "0", "blksize", &block] {
        datagram.extend(word.as_bytes());
        datagram.push(0);
    }
    datagram
}

fn acknowledge(block: u16) -> Vec<u8> {
    [ACK.to_be_bytes(), block.to_be_bytes()].concat()
}

/// Error 0, as firmware ends a request that only asks for the length.
fn abort() -> Vec<u8> {
    [&ERROR.to_be_bytes()[..], &[0, 0], b"enough\0"].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A server that answers so, whatever it is sent.
    #[derive(Default)]
    struct Scripted {
        answers: VecDeque<Vec<u8>>,
        sent: Vec<Vec<u8>>,
    }

    impl Transport for Scripted {
        fn exchange(
            &mut self,
            _: SocketAddrV4,
            _: &[u8],
            _: usize,
            _: Instant,
        ) -> io::Result<Vec<u8>> {
            unreachable!("TFTP is UDP")
        }

        fn open(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn send(&mut self, _: SocketAddrV4, datagram: &[u8]) -> io::Result<()> {
            self.sent.push(datagram.to_vec());
            Ok(())
        }

        fn receive(&mut self, _: Instant) -> io::Result<Option<(SocketAddrV4, Vec<u8>)>> {
            let from = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 3000);
            Ok(self.answers.pop_front().map(|answer| (from, answer)))
        }
    }

    #[track_caller]
    fn check(answers: &[&[u8]], want: Want, expect: Result<(&[u8], Option<u64>), &str>) {
        let answers = answers.iter().map(|answer| answer.to_vec()).collect();
        let mut server = Scripted { answers, ..Scripted::default() };
        let end = Instant::now() + Duration::from_secs(60);
        let got = fetch(&mut server, Ipv4Addr::LOCALHOST, "a", want, 10_000, end);
        let got = got.map(|got| (got.bytes, got.length)).map_err(|error| error.to_string());
        let expect = expect.map(|(bytes, length)| (bytes.to_vec(), length)).map_err(str::to_owned);
        assert_eq!(got, expect);
    }

    #[test]
    fn servers_answer_in_many_ways() {
        let oack = b"\0\x06tsize\x005\0blksize\x00512\0";
        check(&[oack, b"\0\x03\0\x01hello"], Want::All, Ok((b"hello", Some(5))));
        check(&[oack], Want::Length, Ok((b"", Some(5))));
        // Without options, and a block that comes twice.
        let first = [&b"\0\x03\0\x01"[..], &[7; 512]].concat();
        let all = [&[7; 512][..], b"x"].concat();
        check(&[&first, &first, b"\0\x03\0\x02x"], Want::All, Ok((&all, Some(513))));
        check(&[&first], Want::Length, Ok((&[7; 512], None)));
        let error = "the server says: no\\x1bsuch (error 1)";
        check(&[b"\0\x05\0\x01no\x1bsuch\0"], Want::All, Err(error));
        check(&[b"\0\x09"], Want::All, Err("the server's answer is no TFTP"));
        check(&[], Want::All, Err("no answer from UDP port 69 in 5 s"));
        let again = "the server repeats itself, and sends no more of the file";
        check(&[&oack[..]; 100], Want::All, Err(again));
        check(&[&first[..]; 100], Want::All, Err(again));
        let lies = "2 bytes came of 5 that the server said";
        check(&[oack, b"\0\x03\0\x01hi"], Want::All, Err(lies));
        check(&[oack], Want::All, Err("no answer from UDP port 3000 in 5 s"));
    }

    /// Sends a block whenever it is asked for one, each after a while.
    #[derive(Default)]
    struct Slow(u16);

    impl Transport for Slow {
        fn exchange(
            &mut self,
            _: SocketAddrV4,
            _: &[u8],
            _: usize,
            _: Instant,
        ) -> io::Result<Vec<u8>> {
            unreachable!("TFTP is UDP")
        }

        fn open(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn send(&mut self, _: SocketAddrV4, _: &[u8]) -> io::Result<()> {
            Ok(())
        }

        fn receive(&mut self, _: Instant) -> io::Result<Option<(SocketAddrV4, Vec<u8>)>> {
            let due = Instant::now() + Duration::from_millis(9);
            while Instant::now() < due {
                std::thread::yield_now();
            }
            self.0 = self.0.wrapping_add(1);
            let block = [&DATA.to_be_bytes()[..], &self.0.to_be_bytes(), &[7; 512]].concat();
            Ok(Some((SocketAddrV4::new(Ipv4Addr::LOCALHOST, 3000), block)))
        }
    }

    #[test]
    fn a_server_that_sends_slowly_is_given_up() {
        let end = Instant::now() + Duration::from_millis(300);
        let server = Ipv4Addr::LOCALHOST;
        let error = fetch(&mut Slow::default(), server, "a", Want::All, 64 << 20, end).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().ends_with("and no end: it is given up"), "{error}");
        assert!(Instant::now() < end + Duration::from_secs(5));
    }
}
