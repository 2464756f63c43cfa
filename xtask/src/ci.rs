//! `cargo xtask ci`: format, lints, documentation, import rules, licences.

use anyhow::Result;

use crate::{
    cargo::cargo,
    parts::Parts,
    rules,
    setup::{self, Group},
    shell::{self, run},
};

pub(crate) fn command() -> Result<()> {
    setup::ensure(Group::Build)?;
    let deny_warnings = ["--", "-D", "warnings"];
    let mut parts = Parts::default();
    parts.run("import rules", rules::check);
    parts.run("format", || run(&mut cargo(&["fmt", "--all", "--check"])));
    parts.run("lints", || {
        run(cargo(&["clippy", "--workspace", "--all-targets"]).args(deny_warnings))
    });
    parts.run("lints without the fast path", || {
        const PACKAGES: [&str; 6] =
            ["-p", "netboot-userspace", "-p", "netboot-answer", "-p", "netboot-tools"];
        let arguments = ["clippy", "--no-default-features", "--all-targets"];
        run(cargo(&arguments).args(PACKAGES).args(deny_warnings))
    });
    // A workspace of its own. Its dependencies are those just built, but for libFuzzer, which is left out.
    const FUZZ: [&str; 2] = ["--manifest-path", "tests/fuzz/Cargo.toml"];
    parts.run("format of the fuzz targets", || run(cargo(&["fmt", "--check"]).args(FUZZ)));
    parts.run("lints of the fuzz targets", || {
        let arguments = ["clippy", "--no-default-features", "--target-dir", "target"];
        run(cargo(&arguments).args(FUZZ).args(deny_warnings))
    });
    parts.run("documentation", || {
        run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-Dwarnings"))
    });
    parts.run("licences and sources", || {
        setup::ensure_cargo_deny()?;
        // Without advisories: their database is a repository of its own, which is not to be had everywhere.
        let mut deny = shell::command(setup::cargo_deny());
        deny.args(["--offline", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]);
        run(&mut deny)
    });
    parts.close()
}
