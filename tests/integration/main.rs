//! The tests that need root: namespaces, real clients, machines with firmware.

mod peers;
