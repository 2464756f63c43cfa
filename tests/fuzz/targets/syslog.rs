//! A datagram to the syslog receiver.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netboot_tests::parsers;

fuzz_target!(|datagram: &[u8]| {
    if let Err(error) = parsers::syslog(datagram) {
        panic!("{error:#}");
    }
});
