//! An answer to `netboot probe`: of DHCP, TFTP or HTTP, a boot file or a script.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netboot_tests::parsers;

fuzz_target!(|answer: &[u8]| {
    if let Err(error) = parsers::probe(answer) {
        panic!("{error:#}");
    }
});
