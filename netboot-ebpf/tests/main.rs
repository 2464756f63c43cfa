//! The responder over frames, as the XDP program and the slow path call it.
#![cfg(test)]

mod classless;
mod client;
mod common;
mod conclude;
mod decide;
mod destination;
mod flatten;
mod frame;
mod golden;
mod kit;
mod limits;
mod nak;
mod options;
mod plain;
mod properties;
mod proxy;
mod quirks;
mod relay;
mod reply;
mod seen;
mod shorten;
mod states;
mod vlan;
