//! The build of the XDP program into the daemon (feature `fastpath`).

#[cfg(not(feature = "fastpath"))]
fn main() {}

#[cfg(feature = "fastpath")]
fn main() -> anyhow::Result<()> {
    use anyhow::Context as _;
    use std::env;

    // The BPF target has no prebuilt `core`: it is built with `-Z build-std`, which a stable cargo
    // allows under RUSTC_BOOTSTRAP only. The variable must not reach other crates, which probe for
    // it, and a process cannot safely change its own environment: this script runs itself again.
    const BOOTSTRAP: &str = "RUSTC_BOOTSTRAP";
    if env::var_os(BOOTSTRAP).is_none_or(|value| value != "1") {
        let this = env::current_exe().context("the build script's own path")?;
        let output = std::process::Command::new(this).env(BOOTSTRAP, "1").output()?;
        let told = String::from_utf8_lossy(&output.stdout);
        for line in told.lines().filter(|line| !output.status.success() || !is_progress(line)) {
            println!("{line}");
        }
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        anyhow::ensure!(
            output.status.success(),
            "the XDP program was not built: run `cargo xtask setup`, \
             or build without it: `cargo build --no-default-features`"
        );
        return Ok(());
    }

    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../netboot-ebpf");
    let package = aya_build::Package {
        name: "netboot-ebpf",
        root_dir: root,
        features: if cfg!(feature = "other-build") { &["xdp", "other-build"] } else { &["xdp"] },
        ..Default::default()
    };
    let toolchain = env::var("RUSTUP_TOOLCHAIN").unwrap_or_else(|_| "1.95.0".into());
    aya_build::build_ebpf([package], aya_build::Toolchain::Custom(&toolchain))
}

/// What the cargo that builds the program says of its progress, which aya-build passes on as warnings:
/// cargo would repeat it at every build.
#[cfg(feature = "fastpath")]
fn is_progress(line: &str) -> bool {
    const PROGRESS: [&str; 9] = [
        "Adding",
        "Blocking",
        "Compiling",
        "Downloaded",
        "Downloading",
        "Finished",
        "Fresh",
        "Locking",
        "Updating",
    ];
    let Some(warning) = line.strip_prefix("cargo:warning=") else { return false };
    warning.trim().is_empty() || PROGRESS.iter().any(|word| warning.trim_start().starts_with(word))
}
