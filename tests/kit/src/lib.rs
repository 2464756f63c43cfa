//! The kit of all tests of DHCP: requests to build, a reader of answers, and a small site in memory. Nothing here
//! knows the daemon, so that the responder's own tests use the kit, too.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod ask;
mod reply;
pub mod site;
pub mod sums;
pub mod tags;

pub use self::{
    ask::{Ask, frame},
    reply::{Reply, options},
    site::Site,
};
