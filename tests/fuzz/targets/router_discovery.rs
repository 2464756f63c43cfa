//! A frame on the link: a Router Solicitation or Advertisement, or something like it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netboot_tests::parsers;

fuzz_target!(|frame: &[u8]| {
    if let Err(error) = parsers::router_discovery(frame) {
        panic!("{error:#}");
    }
});
