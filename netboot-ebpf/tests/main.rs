//! The responder over frames, as the XDP program and the slow path call it.
#![cfg(test)]

mod client;
mod common;
mod decide;
mod destination;
mod frame;
mod golden;
mod nak;
mod options;
mod properties;
mod reply;
mod seen;
