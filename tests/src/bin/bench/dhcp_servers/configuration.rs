//! One site in the languages of four servers: a subnet with router and name servers, leases of a day, a
//! script for iPXE of class Tinkerbell, a binary for everyone else, and a name for every machine.

pub(super) mod dhcpd;
pub(super) mod dnsmasq;
pub(super) mod kea;
mod netboot;

pub(super) use netboot::tables as netboot;

/// What perfdhcp's machines are given to boot.
const SCRIPT_URL: &str = "http://10.99.0.1/auto.ipxe";
pub(super) const BINARY: &str = "ipxe.efi";
