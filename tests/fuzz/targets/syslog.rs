//! A datagram to the syslog receiver.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netboot_tests::readers;

fuzz_target!(|datagram: &[u8]| {
    if let Err(error) = readers::syslog(datagram) {
        panic!("{error:#}");
    }
});
