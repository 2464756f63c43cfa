//! DHCP values: what an option is, how its value is written and read.

pub mod routes;
