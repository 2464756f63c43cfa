//! Real parts for tests: network namespaces, the daemon, DHCP, TFTP and HTTP clients, machines with
//! firmware. Everything made here has a random name, belongs to one test and goes away with it.

pub mod attacks;
pub mod capture;
pub mod clients;
pub mod conformance;
pub mod daemon;
pub mod dhcp_server;
pub mod differ;
pub mod fates;
pub mod faults;
pub mod interrupt;
pub mod lab;
pub mod library_server;
pub mod load;
pub mod lossy_relay;
pub mod lossy_wire;
pub mod machine;
pub mod matrix;
pub mod mutate;
pub mod namespace;
pub mod packets;
pub mod parsers;
pub mod process;
pub mod program;
pub mod readers;
pub mod relay;
pub mod replace;
pub mod room;
pub mod router;
pub mod setting;
pub mod tftp_clients;
pub mod transfer;
pub mod wait;
pub mod wire;
pub mod xdp_pass;
