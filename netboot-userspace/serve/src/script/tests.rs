//! Tests of scripts.

use netboot_ebpf::shared::Mac;
use netboot_site::model::{self, ScriptSettings};

use super::*;

fn script() -> model::Script {
    model::Script {
        consoles: Vec::new(),
        retries: 3,
        retry_delay: 2,
        ..model::Settings::unconfigured().script
    }
}

fn host() -> Host {
    Host {
        mac: Mac { octets: [0x52, 0x54, 0x00, 0xee, 0x0d, 0x0b] },
        ip: [192, 168, 2, 144].into(),
        hostname: Some("machine1".into()),
        ..Host::default()
    }
}

fn server() -> SocketAddr {
    ([192, 168, 2, 112], 80).into()
}

#[test]
fn the_whole_script() {
    let script = model::Script {
        facility: Some("lab".into()),
        tinkerbell_tls: true,
        consoles: vec!["tty0".into(), "ttyS1,115200".into()],
        kernel_params: vec!["quiet panic=5".into(), "net.ifnames=0".into()],
        ..script()
    };
    let text = of_host(&host(), &script, server()).unwrap();
    assert_eq!(text, include_str!("golden.ipxe"));
}

/// The script has this line; `expect` begins with the command, or is the error.
#[track_caller]
fn check(change: impl FnOnce(&mut model::Script, &mut Host), expect: &str) {
    let (mut script, mut host) = (script(), host());
    change(&mut script, &mut host);
    match of_host(&host, &script, server()) {
        Ok(text) => {
            assert!(text.lines().any(|line| line.contains(expect)), "no {expect:?} in\n{text}");
        }
        Err(error) => assert_eq!(error.to_string(), expect),
    }
}

#[test]
fn values() {
    check(|_, _| {}, "set download-url http://192.168.2.112");
    check(|_, _| {}, "grpc_authority=192.168.2.112:42113 tinkerbell_tls=false");
    check(|_, _| {}, "set syslog 192.168.2.112 ||");
    check(|s, _| s.download_url = Some("http://m/hook/".into()), "set download-url http://m/hook");
    check(|s, _| s.arch = "aarch64".into(), "set kernel vmlinuz-aarch64");
    check(|s, _| s.arch = "aarch64".into(), "set initrd initramfs-aarch64");
    check(|s, _| s.kernel = Some("k".into()), "set kernel k");
    check(|s, _| s.syslog_host = Some("10.0.0.1".into()), "set syslog 10.0.0.1 ||");
    check(|s, _| s.syslog_host = Some("logs.lab".into()), "nslookup syslog logs.lab ||");
    check(|s, _| s.grpc_authority = Some("t:1".into()), " grpc_authority=t:1 ");
    check(|_, _| {}, " hw_addr=52:54:00:ee:0d:0b modules=");
    check(
        |s, _| s.tink_worker_image = Some("r.lab:5000/agent:1".into()),
        " hw_addr=52:54:00:ee:0d:0b tink_worker_image=r.lab:5000/agent:1 modules=",
    );
    check(|_, h| h.boot_vlan = Some(100), "/${kernel} vlan_id=100 syslog_host=");
    check(|s, _| s.retries = 7, "iseq ${failures} 7 && goto kernel_failed ||");
    check(|_, h| h.hostname = None, "echo netboot: HookOS for 52:54:00:ee:0d:0b, from http");
}

#[test]
fn a_host_goes_before_all() {
    fn own(change: impl FnOnce(&mut ScriptSettings), expect: &str) {
        let all = |s: &mut model::Script| {
            s.download_url = Some("http://all/".into());
            s.kernel = Some("k".into());
            s.initrd = Some("i".into());
            s.facility = Some("f".into());
            s.tink_worker_image = Some("all".into());
            s.consoles = vec!["tty0".into()];
            s.kernel_params = vec!["quiet".into()];
        };
        let change = |s: &mut model::Script, h: &mut Host| {
            all(s);
            change(&mut h.script_settings);
        };
        check(change, expect);
    }
    own(|s| s.download_url = Some("http://own/".into()), "set download-url http://own");
    own(|s| s.kernel = Some("kernel".into()), "set kernel kernel");
    own(|s| s.initrd = Some("initrd".into()), "set initrd initrd");
    own(|s| s.arch = Some("aarch64".into()), "set arch aarch64");
    own(|s| s.facility = Some("onprem".into()), " facility=onprem ");
    own(|s| s.worker_id = Some("node1".into()), " worker_id=node1 hw_addr=52:54:00:ee:0d:0b ");
    own(|s| s.tink_worker_image = Some("own:2".into()), " tink_worker_image=own:2 modules=");
    own(|_| {}, " tink_worker_image=all modules=");
    own(|s| s.consoles = Some(vec!["ttyS1".into()]), "initrd=${initrd} console=ttyS1 quiet &&");
    own(|s| s.kernel_params = vec!["a=1 b".into()], "console=tty0 quiet a=1 b &&");
    own(|_| {}, "set kernel k");
    check(|_, h| h.boot_vlan = Some(400), "${kernel} vlan_id=400 syslog_host=");
    check(
        |_, h| h.script_settings.worker_id = Some("a b".into()),
        r#"host.script-settings.worker-id has a blank or a control character: correct it in the configuration"#,
    );
}

#[test]
fn a_host_has_its_own_script() {
    let url = |url: &str| Some(HostScript::Url(url.into()));
    check(|_, h| h.script = url("https://x/y?a=b&c"), "chain --autofree https://x/y?a=b&c ||");

    let text = |text: &str| {
        let host = Host { script: Some(HostScript::Text(text.into())), ..host() };
        of_host(&host, &script(), server()).unwrap()
    };
    assert_eq!(text("#!ipxe\nshell\n"), "#!ipxe\nshell\n");
    assert_eq!(text("shell"), "#!ipxe\nshell");
}

#[test]
fn nothing_is_injected() {
    check(
        |s, _| s.arch = "x\nchain http://evil/".into(),
        r#"script.arch has a blank or a control character: correct it in the configuration"#,
    );
    check(
        |s, _| s.facility = Some("a b".into()),
        r#"script.facility has a blank or a control character: correct it in the configuration"#,
    );
    check(
        |s, _| s.tink_worker_image = Some("a b".into()),
        r#"script.tink-worker-image has a blank or a control character: correct it in the configuration"#,
    );
    check(
        |s, _| s.kernel_params = vec!["quiet || reboot".into()],
        r#"script.kernel-params is an operator or a comment to iPXE: correct it in the configuration"#,
    );
    check(
        |s, _| s.consoles = vec!["tty0\r\nreboot".into()],
        r#"script.consoles has a blank or a control character: correct it in the configuration"#,
    );
    check(
        |_, h| h.script = Some(HostScript::Url("http://a\nreboot".into())),
        r#"host.script has a blank or a control character: correct it in the configuration"#,
    );
    check(
        |_, h| h.script = Some(HostScript::Url("file:/x".into())),
        r#"host.script is no URL of http or https: correct it in the configuration"#,
    );
    check(
        |_, h| h.hostname = Some("a\nreboot && ${x}".into()),
        "echo netboot: HookOS for 52:54:00:ee:0d:0b (a?reboot ?? ??x?), from http",
    );
}

#[test]
fn the_address_of_the_server() {
    let check = |server: &str, expect: &str| {
        let text = of_host(&host(), &script(), server.parse().unwrap()).unwrap();
        let line = format!("set download-url {expect}");
        assert!(text.lines().any(|found| found == line), "no {line:?} in\n{text}");
    };
    check("10.0.0.1:80", "http://10.0.0.1");
    check("10.0.0.1:8080", "http://10.0.0.1:8080");
    check("[::ffff:10.0.0.1]:80", "http://10.0.0.1");
    check("[fd00::1]:80", "http://[fd00::1]");
    check("[fd00::1]:81", "http://[fd00::1]:81");
}

#[test]
fn a_refusal_is_a_script() {
    assert_eq!(
        refusal("web-1\nhas `netboot = false`"),
        "#!ipxe\n\
         echo netboot: nothing to boot: web-1?has `netboot = false`\n\
         echo netboot: the next boot device follows in 10 s\n\
         sleep 10\n\
         exit 1\n"
    );
}
