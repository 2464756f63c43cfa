//! A frame through the slow path alone: many more of them a second than through the kernel.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use netboot_tests::differ::Differs;

thread_local! {
    static DIFFERS: RefCell<Differs> = RefCell::new(Differs::of_host().expect("load the sites"));
}

fuzz_target!(|input: &[u8]| {
    if let Err(error) = DIFFERS.with_borrow_mut(|differs| differs.check(input)) {
        panic!("{error:#}");
    }
});

fuzz_mutator!(|input: &mut [u8], len: usize, max_len: usize, seed: u32| {
    netboot_fuzz::mutate(input, len, max_len, seed)
});
