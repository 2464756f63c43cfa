//! Frames that are nearly right.

use netboot_ebpf::frame::seal;

/// Where a frame's parts begin.
const IP: usize = 14;
const UDP: usize = 34;
const MESSAGE: usize = 42;
const OPTIONS: usize = MESSAGE + 240;

/// Longer frames have fragments in BPF_PROG_TEST_RUN, which the program does not ask for.
const MAX_FRAME: usize = 3400;

/// Numbers that look random and are the same in each run (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }
}

/// Changes a frame in one to four ways.
pub fn mutate(random: &mut Random, frame: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        match random.below(9) {
            0 => anywhere(random, frame),
            1 => header(random, frame),
            2 => cut(random, frame),
            3 => grow(random, frame),
            4 => field(random, frame),
            5 => option(random, frame),
            6 => insert(random, frame),
            7 => insert_known(random, frame),
            _ => bad_length(random, frame),
        }
    }
    if frame.len() > MAX_FRAME {
        frame.truncate(MAX_FRAME);
        agree(frame);
    }
    if frame.len() < IP {
        frame.resize(IP, 0);
    }
    // Else little would be read of it.
    if random.below(16) != 0 {
        seal(frame);
    }
}

fn set(frame: &mut [u8], at: usize, byte: u8) {
    if let Some(place) = frame.get_mut(at) {
        *place = byte;
    }
}

fn anywhere(random: &mut Random, frame: &mut [u8]) {
    let (at, byte) = (random.below(frame.len()), random.byte());
    set(frame, at, byte);
}

fn header(random: &mut Random, frame: &mut [u8]) {
    let (at, byte) = (random.below(MESSAGE), random.byte());
    set(frame, at, byte);
}

/// A field that decides: op, htype, hlen, flags, ciaddr, giaddr, chaddr, cookie.
fn field(random: &mut Random, frame: &mut [u8]) {
    const FIELDS: [usize; 12] = [0, 1, 2, 10, 12, 15, 24, 27, 28, 33, 236, 239];
    let at = MESSAGE + FIELDS[random.below(FIELDS.len())];
    let byte = if random.below(2) == 0 { 0 } else { random.byte() };
    set(frame, at, byte);
}

fn option(random: &mut Random, frame: &mut [u8]) {
    let at = OPTIONS + random.below(frame.len().saturating_sub(OPTIONS));
    let byte = random.byte();
    set(frame, at, byte);
}

/// Ends early, with headers that agree.
fn cut(random: &mut Random, frame: &mut Vec<u8>) {
    let len = random.below(frame.len());
    frame.truncate(len);
    agree(frame);
}

fn grow(random: &mut Random, frame: &mut Vec<u8>) {
    let more = random.below(1800);
    let filling = if random.below(2) == 0 { 0 } else { random.byte() };
    frame.extend(std::iter::repeat_n(filling, more));
    agree(frame);
}

/// An option of any code and length at the begin of the options.
fn insert(random: &mut Random, frame: &mut Vec<u8>) {
    let (code, len) = (random.byte(), random.below(256));
    let value = (0..len).map(|_| random.byte()).collect();
    splice(frame, code, value);
}

/// An option that the responder reads, with a value that it may have.
fn insert_known(random: &mut Random, frame: &mut Vec<u8>) {
    let (code, value) = match random.below(12) {
        0 => (53, vec![random.below(10) as u8]),
        1 => (50, vec![172, 30, 0, 50]),
        2 => (54, vec![172, 30, 0, 1 + random.below(2) as u8]),
        3 => (57, (random.below(4096) as u16).to_be_bytes().to_vec()),
        4 => (61, vec![7; 1 + random.below(254)]),
        5 => (82, vec![9; 1 + random.below(254)]),
        6 => (97, vec![0; 17]),
        7 => (93, vec![0, random.below(20) as u8, 0, 7]),
        8 => (60, b"HTTPClient:Arch:00016".to_vec()),
        9 => (77, b"Tinkerbell".to_vec()),
        10 => (77, [&[random.below(6) as u8][..], b"first", &[10], b"Tinkerbell"].concat()),
        _ => (52, vec![1]),
    };
    splice(frame, code, value);
}

fn splice(frame: &mut Vec<u8>, code: u8, value: Vec<u8>) {
    if frame.len() >= OPTIONS {
        let option = [code, value.len() as u8].into_iter().chain(value);
        frame.splice(OPTIONS..OPTIONS, option);
        agree(frame);
    }
}

fn bad_length(random: &mut Random, frame: &mut [u8]) {
    let at = if random.below(2) == 0 { IP + 2 } else { UDP + 4 };
    let (high, low) = (random.below(8) as u8, random.byte());
    set(frame, at, high);
    set(frame, at + 1, low);
}

/// Makes the IP and UDP lengths say what the frame has.
fn agree(frame: &mut [u8]) {
    let Some(ip_len) = frame.len().checked_sub(IP) else { return };
    let [high, low] = (ip_len as u16).to_be_bytes();
    set(frame, IP + 2, high);
    set(frame, IP + 3, low);
    let [high, low] = (ip_len.saturating_sub(20) as u16).to_be_bytes();
    set(frame, UDP + 4, high);
    set(frame, UDP + 5, low);
}
