//! The kit of all tests: requests to build, a reader of answers, a small site in memory, heads of programs. Nothing here
//! knows the daemon, so that the responder's own tests use the kit, too.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod ask;
mod program;
mod reply;
pub mod site;
pub mod sums;
pub mod tags;

pub use self::{
    ask::{Ask, frame},
    program::efi,
    reply::{Reply, options},
    site::Site,
};
