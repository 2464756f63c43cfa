//! Who may import whom: the design's rules that a scan of the sources can check.

mod manifest;
mod source;

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use self::source::{Name, Place, Source};
use crate::{progress, shell};

/// Each of which knows no other.
const SERVICES: &[&str] = &["http", "syslog", "tftp"];
const PACKAGES: &[&str] = &["netboot-ebpf", "netboot-userspace", "tests", "xtask"];
const EBPF: &str = "netboot-ebpf/src";
/// For which no crate has a safe call.
const PACKET_OPTION: &str = "netboot-userspace/base/src/packet_option.rs";
const XDP: &str = "netboot-ebpf/src/xdp";
const DAEMON: &str = "netboot-userspace";
const NODE: &str = "netboot-userspace/src/app";
const KERNEL: &str = "netboot-userspace/answer/src/kernel";
const SERVE: &str = "netboot-userspace/serve/src";
const PROBE: &str = "netboot-userspace/tools/src/probe";
/// For the node and probe.
const PACKET_SOCKET: &str = "netboot-userspace/base/src/packet_socket";
const ARGS: &str = "netboot-userspace/src/args";
/// Builds, and runs on no node.
const BUILD: &str = "netboot-userspace/answer/build.rs";
const EXAMPLES: &str = "netboot-userspace/site/examples";
const MOST_LINES: usize = 500;

struct Rule {
    says: &'static str,
    check: fn(&Source) -> Vec<Finding>,
}

struct Finding {
    line: usize,
    what: String,
}

const RULES: &[Rule] = &[
    Rule {
        says: "the responder's library is core and zerocopy: no std, no alloc, no aya",
        check: library_is_core,
    },
    Rule {
        says: "the responder's library is the same on every architecture",
        check: library_knows_no_target,
    },
    Rule { says: "the XDP program knows no std and no userspace", check: program_is_core },
    Rule {
        says: "unsafe is for src/xdp, one line in answer's kernel, and one for socket options",
        check: unsafe_has_its_places,
    },
    Rule { says: "services never import each other", check: services_are_apart },
    Rule { says: "only answer's kernel names aya", check: aya_is_in_kernel },
    Rule { says: "only dhcp names dhcproto", check: dhcproto_is_in_dhcp },
    Rule {
        says: "nothing but the node and probe binds sockets, and but the node spawns tasks that nobody joins",
        check: app_binds_and_spawns,
    },
    Rule { says: "only args reads the environment", check: args_reads_the_environment },
    Rule { says: "xtask knows no part of the product", check: xtask_is_apart },
    Rule { says: "no test is ignored", check: no_test_is_ignored },
    Rule { says: "no test sleeps, but to ask again in a loop", check: no_test_sleeps },
    Rule { says: "no file is over 500 lines", check: files_are_short },
];

/// Checks the whole workspace.
pub(crate) fn check() -> Result<()> {
    let sources = source::all(&shell::root(), PACKAGES)?;
    let mut broken = manifest::findings()?;
    for rule in RULES {
        for source in &sources {
            for Finding { line, what } in (rule.check)(source) {
                broken.push(format!("{}:{line}: {what}: {}", source.path, rule.says));
            }
        }
    }
    for line in &broken {
        eprintln!("{line}");
    }
    if !broken.is_empty() {
        bail!("{} places break the import rules", broken.len());
    }
    progress::said(
        "import rules",
        &format!("{} rules hold in {} files", RULES.len(), sources.len()),
    );
    Ok(())
}

fn library_is_core(source: &Source) -> Vec<Finding> {
    if !source.is_under(EBPF) || source.is_under(XDP) {
        return Vec::new();
    }
    let foreign =
        ["std", "alloc", "aya", "aya_ebpf", "aya_log_ebpf", "network_types", "log", "tracing"];
    code(source, |name| foreign.iter().any(|root| name.is_from(root)))
}

fn library_knows_no_target(source: &Source) -> Vec<Finding> {
    if !source.is_under(EBPF) || source.is_under(XDP) {
        return Vec::new();
    }
    code(source, |name| name.path == "target_arch")
}

fn program_is_core(source: &Source) -> Vec<Finding> {
    if !source.is_under(XDP) {
        return Vec::new();
    }
    code(source, |name| ["std", "alloc", "aya", "netboot"].iter().any(|root| name.is_from(root)))
}

fn unsafe_has_its_places(source: &Source) -> Vec<Finding> {
    let allowed = match () {
        () if source.is_under(XDP) => usize::MAX,
        () if is_in(source, KERNEL) || source.is_under(PACKET_OPTION) => 1,
        () => 0,
    };
    let found = code_and_tests(source, |name| name.path == "unsafe");
    found.into_iter().skip(allowed).collect()
}

fn services_are_apart(source: &Source) -> Vec<Finding> {
    let is_service = |module: &String| SERVICES.contains(&module.as_str());
    let Some(module) = source.module().filter(|_| source.is_under(SERVE)).filter(is_service) else {
        return Vec::new();
    };
    let others = || SERVICES.iter().filter(|service| **service != module);
    code(source, |name| others().any(|other| name.is_in(&format!("crate::{other}"))))
}

fn aya_is_in_kernel(source: &Source) -> Vec<Finding> {
    if !source.is_under(DAEMON) || is_in(source, KERNEL) {
        return Vec::new();
    }
    code_and_tests(source, |name| name.is_from("aya") || name.is_from("aya_log"))
}

fn dhcproto_is_in_dhcp(source: &Source) -> Vec<Finding> {
    if !source.is_under(DAEMON) || source.is_under("netboot-userspace/dhcp") {
        return Vec::new();
    }
    code(source, |name| name.is_from("dhcproto"))
}

fn app_binds_and_spawns(source: &Source) -> Vec<Finding> {
    if !source.is_under(DAEMON) || is_in(source, NODE) {
        return Vec::new();
    }
    let may_bind = [PROBE, PACKET_SOCKET].iter().any(|place| is_in(source, place));
    let detached = [
        "tokio::spawn",
        "tokio::task::spawn",
        "task::spawn",
        "std::thread::spawn",
        "thread::spawn",
    ];
    code(source, |name| {
        let binds = name.path.ends_with("::bind") && !may_bind;
        binds || detached.contains(&name.path.as_str())
    })
}

fn args_reads_the_environment(source: &Source) -> Vec<Finding> {
    if !source.is_under(DAEMON) || [ARGS, BUILD, EXAMPLES].iter().any(|place| is_in(source, place))
    {
        return Vec::new();
    }
    let readers =
        ["env::var", "env::var_os", "env::vars", "env::vars_os", "env::args", "env::args_os"];
    code(source, |name| {
        readers
            .iter()
            .any(|reader| name.path == *reader || name.path.ends_with(&format!("::{reader}")))
    })
}

fn xtask_is_apart(source: &Source) -> Vec<Finding> {
    if !source.is_under("xtask") {
        return Vec::new();
    }
    code_and_tests(source, |name| {
        ["netboot", "netboot_ebpf", "netboot_tests"].iter().any(|root| name.is_from(root))
    })
}

fn no_test_is_ignored(source: &Source) -> Vec<Finding> {
    code_and_tests(source, |name| name.path == "#ignore")
}

fn no_test_sleeps(source: &Source) -> Vec<Finding> {
    code_and_tests(source, |name| name.place == Place::Test && name.last() == "sleep")
}

fn files_are_short(source: &Source) -> Vec<Finding> {
    if source.lines <= MOST_LINES {
        return Vec::new();
    }
    vec![Finding { line: MOST_LINES, what: format!("{} lines", source.lines) }]
}

/// Whether the file is the module's, or in its directory.
fn is_in(source: &Source, module: &str) -> bool {
    source.is_under(module) || source.path.strip_suffix(".rs") == Some(module)
}

fn code(source: &Source, is_bad: impl Fn(&Name) -> bool) -> Vec<Finding> {
    code_and_tests(source, |name| name.place == Place::Code && is_bad(name))
}

fn code_and_tests(source: &Source, is_bad: impl Fn(&Name) -> bool) -> Vec<Finding> {
    let bad = source.names.iter().filter(|name| is_bad(name));
    // One line that names a thing twice is one finding.
    let lines: BTreeMap<_, _> = bad.map(|name| (name.line, name.path.clone())).collect();
    lines.into_iter().map(|(line, what)| Finding { line, what }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which rules does this file break, by their words?
    fn broken(path: &str, text: &str) -> Vec<&'static str> {
        let source = Source::parse(path, text).unwrap();
        RULES
            .iter()
            .filter(|rule| !(rule.check)(&source).is_empty())
            .map(|rule| rule.says)
            .collect()
    }

    #[test]
    fn each_rule_bites_where_it_should() {
        fn check(path: &str, text: &str, expect: &[&str]) {
            let broken = broken(path, text);
            assert_eq!(broken.len(), expect.len(), "{path}: {text}: {broken:?}");
            for (rule, words) in broken.iter().zip(expect) {
                assert!(rule.contains(words), "{path}: {text}: {rule} is not about {words}");
            }
        }
        let library = "netboot-ebpf/src/request.rs";
        check(library, "use core::hint::black_box; use zerocopy::FromBytes;", &[]);
        check(library, "use std::vec::Vec;", &["core and zerocopy"]);
        check(library, "fn f() -> alloc::vec::Vec<u8> { }", &["core and zerocopy"]);
        check(library, "use aya_ebpf::macros::map;", &["core and zerocopy"]);
        check(library, "#[cfg(test)] mod tests { use std::vec::Vec; }", &[]);
        check(library, "#[cfg(target_arch = \"bpf\")] fn f() {}", &["every architecture"]);
        check(library, "fn f() { unsafe { g() } }", &["unsafe"]);
        check(library, "#![forbid(unsafe_code)]", &[]);

        let program = "netboot-ebpf/src/xdp/packet.rs";
        check(
            program,
            "use aya_ebpf::programs::XdpContext; fn f() { unsafe { g() }; unsafe { g() } }",
            &[],
        );
        check(program, "pub fn netboot(context: XdpContext) -> u32 { 0 }", &[]);
        check(program, "use std::vec::Vec;", &["XDP program"]);

        let kernel = "netboot-userspace/answer/src/kernel/maps.rs";
        check(kernel, "use aya::Pod;\nunsafe impl Pod for X {}", &[]);
        check(kernel, "unsafe impl Pod for X {}\nunsafe impl Pod for Y {}", &["unsafe"]);
        check("netboot-userspace/answer/src/kernel.rs", "use aya::Pod;", &[]);
        check("netboot-userspace/answer/src/kernels.rs", "use aya::Pod;", &["aya"]);

        let tftp = "netboot-userspace/serve/src/tftp.rs";
        check(tftp, "use crate::{connections, log_budget::Budget};", &[]);
        check(tftp, "use crate::{connections, http::Server};", &["services"]);
        check(tftp, "use super::syslog;", &["services"]);
        check(tftp, "use crate::tftp::block;", &[]);
        check("netboot-userspace/tools/src/http.rs", "use crate::tftp::Server;", &[]);
        check(tftp, "#[cfg(test)] mod tests { use crate::http; }", &[]);
        check(tftp, "use aya::Ebpf;", &["aya"]);
        check(tftp, "use dhcproto::v4::Message;", &["dhcproto"]);
        check(tftp, "#[cfg(test)] mod tests { use dhcproto::v4; }", &[]);
        check(tftp, "async fn f() { UdpSocket::bind(a).await }", &["binds"]);
        check(tftp, "fn f() { tokio::spawn(g()); }", &["binds"]);
        check(tftp, "fn f(tasks: &mut JoinSet<()>) { tasks.spawn(g()); }", &[]);
        check(tftp, "fn f() { std::env::var(\"X\") }", &["environment"]);
        check(tftp, "use std::env; fn f() { env::args() }", &["environment"]);
        check(tftp, "const X: &str = env!(\"CARGO_PKG_VERSION\");", &[]);

        let node = "netboot-userspace/src/app.rs";
        check(node, "fn f() { tokio::spawn(UdpSocket::bind(a)); }", &[]);
        let probe = "netboot-userspace/tools/src/probe/wire.rs";
        check(probe, "fn f() { UdpSocket::bind(a) }", &[]);
        check(probe, "fn f() { tokio::spawn(g()); }", &["binds"]);
        check(node, "use netboot_serve::{http, tftp};", &[]);
        check("netboot-userspace/src/args.rs", "fn f() { std::env::var(\"X\") }", &[]);
        check("netboot-userspace/dhcp/src/value.rs", "use dhcproto::v4;", &[]);
        check(BUILD, "fn main() { std::env::var(\"X\") }", &[]);

        check("xtask/src/run.rs", "use netboot_ebpf::wire;", &["xtask"]);
        check("tests/integration/main.rs", "#[test] #[ignore] fn f() {}", &["ignored"]);
        check("tests/integration/main.rs", "#[test] #[ignore = \"slow\"] fn f() {}", &["ignored"]);
        check("tests/src/lib.rs", "fn f() { std::thread::sleep(x) }", &["sleeps"]);
        check("tests/src/lib.rs", "fn f() { while !ready() { std::thread::sleep(x) } }", &[]);
        check(tftp, "#[tokio::test] async fn f() { tokio::time::sleep(x).await }", &["sleeps"]);
        check(tftp, "async fn f() { tokio::time::sleep(x).await }", &[]);
        check(tftp, &"\n".repeat(501), &["500 lines"]);
        check(tftp, &"\n".repeat(500), &[]);
    }

    #[test]
    fn says_where() {
        let text = "fn f() {}\n\nuse crate::http;\n";
        let source = Source::parse("netboot-userspace/serve/src/tftp.rs", text).unwrap();
        let findings = services_are_apart(&source);
        assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [3]);
    }
}
