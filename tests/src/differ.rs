//! One frame through the XDP program and through the library, and what must hold for any answer: the
//! check that the fuzz targets, their corpus and the frame tests share.

mod answer;
mod datagram;
mod options;
mod reply;
mod sites;

use anyhow::{Context as _, Result};
use netboot_answer::{
    golden::site,
    kernel::{
        FastPath,
        run::{IFINDEX, Ran},
    },
    slow,
    tables::Tables,
};
use netboot_ebpf::{frame::seal, responder::Scratch, side::Daemon};
use netboot_site::model::Config;
use netboot_tools::selftest::compare;

pub use self::sites::sites;
use crate::mutate::{Random, mutate};

/// BPF_PROG_TEST_RUN takes no shorter frame, and no longer one in one piece.
const LENGTHS: std::ops::RangeInclusive<usize> = 14..=3400;

const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
/// Offset of the cookie in a message, and the length of the fields before `sname`.
const AT_COOKIE: usize = 236;
const FIXED: usize = 44;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The kernel answers, with the slow path's bytes.
    Kernel,
    /// Only the slow path answers.
    Userspace,
    Unanswered,
}

/// A site that frames are tried on.
pub struct Differ {
    tables: Tables,
    scratch: Box<Scratch>,
    fast: Option<FastPath>,
}

impl Differ {
    /// Of the kernel and the slow path. Needs root.
    pub fn with_kernel(config: &Config) -> Result<Self> {
        let differ = Self::of_host(config)?;
        let fast = FastPath::load(&differ.tables)?;
        Ok(Self { fast: Some(fast), ..differ })
    }

    /// Of the slow path alone.
    pub fn of_host(config: &Config) -> Result<Self> {
        let tables = site::tables_of(config)?;
        Ok(Self { tables, scratch: Box::new(Scratch::new()), fast: None })
    }

    /// Tries a frame.
    ///
    /// # Errors
    /// The kernel and the slow path treat it differently, or an answer is none that may be sent.
    pub fn check(&mut self, frame: &[u8]) -> Result<Outcome> {
        self.check_bytes(frame).with_context(|| format!("the frame {}", hex(frame)))
    }

    fn check_bytes(&mut self, frame: &[u8]) -> Result<Outcome> {
        reply::check(frame, &mut self.scratch)?;
        let answer = slow::answer::<Daemon>(frame, IFINDEX, &mut self.scratch, &self.tables).ok();
        let answer = answer.map(|answer| slow::bytes(frame, &self.scratch, answer));
        if let Some(answer) = &answer {
            answer::check(frame, answer).with_context(|| format!("the answer {}", hex(answer)))?;
        }
        let in_userspace = if answer.is_some() { Outcome::Userspace } else { Outcome::Unanswered };
        let Some(fast) = self.fast.as_mut().filter(|_| LENGTHS.contains(&frame.len())) else {
            return Ok(in_userspace);
        };
        match compare(fast, &self.tables, frame)? {
            Ran::Passed(_) | Ran::Dropped => Ok(in_userspace),
            Ran::Answered(kernel) => {
                anyhow::ensure!(
                    answer.as_ref() == Some(&kernel),
                    "the slow path answers otherwise"
                );
                Ok(Outcome::Kernel)
            }
        }
    }
}

/// All sites: what the fuzz targets' input is tried on.
pub struct Differs(Vec<Differ>);

impl Differs {
    /// Of the kernel and the slow path. Needs root.
    pub fn with_kernel() -> Result<Self> {
        sites()?.iter().map(Differ::with_kernel).collect::<Result<_>>().map(Self)
    }

    /// Of the slow path alone.
    pub fn of_host() -> Result<Self> {
        sites()?.iter().map(Differ::of_host).collect::<Result<_>>().map(Self)
    }

    /// Tries an input: its first byte chooses the site, the rest is the frame. Its header's checksum is made right,
    /// unless the first byte's highest bit says otherwise.
    ///
    /// # Errors
    /// As [`Differ::check`].
    pub fn check(&mut self, input: &[u8]) -> Result<Outcome> {
        let Some((site, frame)) = input.split_first() else { return Ok(Outcome::Unanswered) };
        let count = self.0.len();
        let differ = self.0.get_mut(usize::from(*site) % count).context("there are no sites")?;
        let mut frame = frame.to_vec();
        if site & 0x80 == 0 {
            seal(&mut frame);
        }
        differ.check(&frame)
    }
}

/// Changes an input so that most of it stays a request: lengths agree, known options come in. It stands
/// in the first `len` bytes of `input`; returns how many it then has.
pub fn mutate_input(input: &mut [u8], len: usize, seed: u32) -> usize {
    let mut random = Random::new(u64::from(seed) << 1);
    let mut frame = input.get(1..len).unwrap_or_default().to_vec();
    match random.below(3) {
        0 => change_header(&mut random, &mut frame),
        _ => mutate(&mut random, &mut frame),
    }
    let Some((site, place)) = input.split_first_mut() else { return 0 };
    if random.below(16) == 0 {
        *site = site.wrapping_add(1);
    }
    frame.truncate(place.len());
    place.iter_mut().zip(&frame).for_each(|(to, from)| *to = *from);
    1 + frame.len()
}

/// Changes a byte of the message's fixed fields, but for `sname` and `file`. Those that the responder
/// only copies reach no new code whatever they are: left to coverage, they would stay as they came.
fn change_header(random: &mut Random, frame: &mut [u8]) {
    let Some(cookie) = frame.windows(4).position(|window| window == COOKIE) else { return };
    let Some(start) = cookie.checked_sub(AT_COOKIE) else { return };
    if let Some(byte) = frame.get_mut(start + random.below(FIXED)) {
        *byte = random.below(256) as u8;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
