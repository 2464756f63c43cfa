//! Conformance cases: one request, one expectation, and three ways that must meet it: the library in
//! this process, the XDP program, and a daemon at the other end of a wire.

mod case;
mod expect;
mod index;
mod library;
mod node;
mod run;
mod site;
mod wire;

pub use netboot_test_kit::{Ask, frame};

pub use self::{
    case::{Case, Suite, Ways},
    expect::Expect,
    index::{Row, index},
    run::check,
    site::{
        ADDRESS, FAR, FAR_ADDRESS, FAR_RELAY, FOREIGN, INTERFACE_MAC, LEASE_ONLY,
        LEASE_ONLY_ADDRESS, LONG_FILE, MAC, OTHER, OTHER_ADDRESS, OTHER_SERVER, RELAY, SERVER,
        STRANGER, Site,
    },
};
