//! Settings where nothing is said.

use super::*;
use crate::model::{Config, XdpMode};

#[test]
fn defaults() {
    let loaded = load_text(directory().path(), "").unwrap();
    assert!(loaded.config.path.is_some());
    let printed = Config::unconfigured().to_toml().unwrap();
    assert_eq!(loaded.config.to_toml().unwrap(), printed);
    let expect = r#"interfaces = []
state-dir = "/var/lib/netboot"
subnet = []
host = []

[xdp]
mode = "auto"
pin-path = "/sys/fs/bpf/netboot"
boot-files-without-daemon = "1m"
answers-without-daemon = "forever"

[dhcp]
mode = "reservation"
authoritative = true
lease-time = "1day"
skip-proxydhcp = true
echo-pxeclient = false
shared-networks = false
subnet-selection = false
decline-time = "1m"
known-servers = []
machine-rate = 20
unknown-rate = 1000
total-rate = 0

[boot]
root = "/srv/netboot"
script-user-classes = ["Tinkerbell"]
skip-ipv6-wait = true

[boot.files]

[tftp]
enabled = true
listen = "0.0.0.0:69"
single-port = false

[http]
enabled = true
listen = "0.0.0.0:80"

[syslog]
listen = [
    "udp://0.0.0.0:514",
    "tcp://0.0.0.0:514",
]

[script]
arch = "x86_64"
tinkerbell-tls = false
tinkerbell-insecure-tls = false
consoles = [
    "tty0",
    "ttyS1,115200",
]
kernel-params = []
retries = 1
retry-delay = 1
"#;
    assert_eq!(printed, expect);
}

#[test]
fn overrides() {
    let mut config = Config::unconfigured();
    config.interfaces = vec!["eth0".to_owned()];
    config.override_interfaces(Vec::new());
    config.override_xdp(None);
    assert_eq!(
        (config.interfaces.as_slice(), config.xdp.mode),
        (["eth0".to_owned()].as_slice(), XdpMode::Auto)
    );
    config.override_interfaces(vec!["eth1".to_owned()]);
    config.override_xdp(Some(XdpMode::Off));
    assert_eq!(
        (config.interfaces.as_slice(), config.xdp.mode),
        (["eth1".to_owned()].as_slice(), XdpMode::Off)
    );
}
