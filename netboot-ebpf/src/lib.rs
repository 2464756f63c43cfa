//! The DHCP responder (placeholder order; see modules).
#![no_std]
#![forbid(unsafe_code)]

pub mod shared;
pub mod verdict;
pub mod wire;
