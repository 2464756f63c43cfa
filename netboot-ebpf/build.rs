//! Lets LLVM use 8-byte loads and stores at any offset of the BPF program: option blocks are
//! copied to variable places, and the kernels' JITs for x86-64 and arm64 take unaligned accesses.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "bpf") {
        println!("cargo::rustc-link-arg-bins=--cpu-features=+allows-misaligned-mem-access");
        println!("cargo::rustc-link-arg-bins=--disable-expand-memcpy-in-order");
    }
}
