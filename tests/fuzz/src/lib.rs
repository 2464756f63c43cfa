//! What targets share.

use netboot_tests::differ::mutate_input;

/// Half of the changes to a frame are libFuzzer's own, which know nothing of frames.
pub fn mutate(input: &mut [u8], len: usize, max_len: usize, seed: u32) -> usize {
    if seed.is_multiple_of(2) {
        return libfuzzer_sys::fuzzer_mutate(input, len, max_len);
    }
    // `input` has room for `max_len` bytes.
    mutate_input(input, len, seed)
}
