//! Limits that are refused.

use super::check;

fn check_value(key: &str, value: &str, message: Option<&str>) {
    let problem = message.map(|message| format!("netboot.toml:1: {key}: {message}"));
    let expect: Vec<_> = problem.iter().map(String::as_str).collect();
    check(&format!("{key} = {value}"), &expect);
}

#[test]
fn rates() {
    for key in ["dhcp.machine-rate", "dhcp.unknown-rate", "dhcp.total-rate"] {
        check_value(key, "0", None);
        check_value(key, "1000000", None);
        let most = "1000001 is out of range: the greatest here is 1000000";
        check_value(key, "1000001", Some(most));
        check_value(key, "-1", Some("-1 is out of range: the greatest here is 4294967295"));
        check_value(key, "\"20\"", Some("expected a whole number, found \"20\""));
    }
}

#[test]
fn times_without_the_daemon() {
    for key in ["xdp.boot-files-without-daemon", "xdp.answers-without-daemon"] {
        check_value(key, "\"forever\"", None);
        check_value(key, "\"10s\"", None);
        check_value(key, "\"366days\"", None);
        for short in ["\"0s\"", "\"9s 999ms\""] {
            let message = "is shorter than 10s: the daemon says every few seconds that it lives; or write \"forever\"";
            check_value(key, short, Some(&format!("{short} {message}")));
        }
        let long = "\"367days\" is longer than a year: write \"forever\"";
        check_value(key, "\"367days\"", Some(long));
        check_value(key, "60", Some("expected a duration, found a number; write \"60s\""));
        let never = "\"never\" is not a duration such as \"24h\": expected number at 0";
        check_value(key, "\"never\"", Some(never));
    }
}
