//! A file name of a TFTP or HTTP client.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netboot_tests::parsers::Tree;

thread_local! {
    static TREE: Tree = Tree::new().expect("make the tree");
}

fuzz_target!(|name: &[u8]| {
    if let Err(error) = TREE.with(|tree| tree.open(name)) {
        panic!("{error:#}");
    }
});
