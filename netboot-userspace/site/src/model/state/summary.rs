//! A summary, in one line, of what a reload changed.

use std::fmt;

/// Numbers of hosts, and the settings beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
    /// By section: `dhcp`, `subnet 10.0.0.0/24`; without those that take a restart.
    pub settings: Vec<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, changed, removed, settings } = self;
        let hosts = if *added == 1 { "host" } else { "hosts" };
        write!(f, "{added} {hosts} added, {changed} changed, {removed} removed")?;
        if !settings.is_empty() {
            write!(f, "; settings changed: {}", settings.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_changed() {
        let mut summary = Summary { added: 2, changed: 1, ..Summary::default() };
        assert_eq!(summary.to_string(), "2 hosts added, 1 changed, 0 removed");
        summary.settings = vec!["dhcp".to_owned(), "subnet 10.0.0.0/24".to_owned()];
        summary.added = 1;
        assert_eq!(
            summary.to_string(),
            "1 host added, 1 changed, 0 removed; settings changed: dhcp, subnet 10.0.0.0/24"
        );
    }
}
