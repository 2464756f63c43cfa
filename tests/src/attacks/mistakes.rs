//! Configurations with thousands of mistakes.

/// The same host so often.
#[must_use]
pub fn equal_hosts(count: usize, mac: &str, ip: &str) -> String {
    format!("[[host]]\nmac = \"{mac}\"\nip = \"{ip}\"\n").repeat(count)
}
