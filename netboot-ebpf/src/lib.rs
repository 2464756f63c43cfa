//! The DHCP responder's logic. It compiles into the XDP program and into the daemon, so that both give
//! the same bytes for the same frame.
//!
//! In reading order: [`wire`] and [`message`] are the ground, [`side`] says what each side can do; [`frame`],
//! [`options`], [`request`], [`parameters`] and [`client`] read; [`decide`] is the policy over the [`tables`];
//! [`reply`], [`destination`] and [`checksum`] write; [`responder`] is the whole way to a verdict. [`limit`] bounds
//! storms, and [`conclude`] says of whom the daemon is told. [`shared`] and [`verdict`] are what the kernel and the
//! daemon exchange.
//!
//! The rest is the daemon's alone, and the verifier never sees it: [`flatten`] puts options in pieces
//! together, [`proxy`] is the policy of ProxyDHCP, [`refuse`] the NAK, [`complete`] and [`trim`] make an
//! answer an INFORM's, shorter, or longer.
//!
//! # What this library may not do
//!
//! It imports `core` and `zerocopy` only: no `unsafe`, `alloc`, time, randomness or logging, and no
//! code that differs between the kernel and the host. The BPF verifier asks for more (seen on Linux 6.1
//! and 6.18 with LLVM 22); each rule broken alone cost a rejection:
//!
//! 1. Packet memory is never walked here: the XDP program copies the message into map memory, and
//!    hands in only the [`frame::HEADERS`] by reference.
//! 2. Messages are arrays of constant size, read with [`message::byte`] and [`message::bytes`], which
//!    compare with a constant. Linux 6.1 learns nothing from comparing two registers. `end` goes
//!    through `black_box`, or LLVM, knowing that it is within the array, drops that comparison.
//! 3. Nothing can panic: no computed index, no `unwrap`, no range slices. Loading is the proof.
//! 4. A loop's turn has one way on: [`options::walk`] computes its step instead of branching.
//! 5. What a loop finds goes to memory at a computed place ([`options::Index`]), not into locals.
//! 6. Copies have constant length ([`message::put`]): blocks are zero-padded, and the next overwrites
//!    the padding. What a copy of a request's option leaves behind is zeroed.
//! 7. What may be absent is a row of zeros, not an `Option` of a reference: a pointer or null doubles
//!    the states of all that follows ([`shared::BootFile::NONE`]).
//! 8. No value over about 64 bytes is on the stack: results go to [`responder::Scratch`].
//! 9. A value that is a constant on each way that leads here goes through [`message::forget`], or all that
//!    follows is verified once for each: the bytes of VLAN tags (0, 4, 8) thrice, 184,000 instructions
//!    instead of 64,000. Do it behind the branches that test the value: they would teach it again. A verdict,
//!    which each exit names, goes through [`responder::Scratch::verdict`].
//! 10. A loop that leaves at the match costs where it searches long: about 900 instructions for each byte
//!     of option 55. [`parameters::asks_for`] compares eight bytes at a time, without a branch.
//! 11. A struct of 2-byte alignment that is copied on the stack gets stores of four bytes there, which are
//!     refused where they are not aligned: keys ([`shared::Station`]) stay in the working memory, and
//!     [`frame::Destination`] is aligned.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")
)]

pub mod checksum;
pub mod client;
pub mod complete;
pub mod conclude;
pub mod decide;
pub mod destination;
pub mod flatten;
pub mod frame;
pub mod limit;
pub mod message;
pub mod options;
pub mod parameters;
pub mod proxy;
pub mod refuse;
pub mod reply;
pub mod request;
pub mod responder;
pub mod shared;
pub mod side;
pub mod tables;
pub mod trim;
pub mod verdict;
pub mod wire;
