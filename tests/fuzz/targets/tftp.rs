//! A TFTP request, and what its client says then.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netboot_tests::parsers;

fuzz_target!(|input: &[u8]| {
    if let Err(error) = parsers::tftp(input) {
        panic!("{error:#}");
    }
});
