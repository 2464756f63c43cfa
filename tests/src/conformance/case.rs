use netboot_test_kit::tags::{self, Tags};

use super::{Expect, site::Site};

/// A request and what must become of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The row of the checklist, a colon, and what is expected: `1.5 DISCOVER unknown: silence`.
    pub name: String,
    pub frame: Vec<u8>,
    pub expect: Expect,
    pub ways: Ways,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    All,
    /// What only its sockets, or its memory of earlier messages, can tell.
    Daemon,
    /// The daemon, until it answers so: a state of its own ends by itself.
    Eventually,
}

/// Cases on one site.
#[derive(Clone, Debug)]
pub struct Suite {
    pub site: Site,
    pub cases: Vec<Case>,
}

impl Case {
    #[must_use]
    pub fn new(name: impl Into<String>, frame: impl Into<Vec<u8>>, expect: Expect) -> Self {
        Self { name: name.into(), frame: frame.into(), expect, ways: Ways::All }
    }

    /// The daemon alone is asked.
    #[must_use]
    pub fn of_the_daemon(self) -> Self {
        Self { ways: Ways::Daemon, ..self }
    }

    /// The daemon alone is asked, until it answers so.
    #[must_use]
    pub fn eventually(self) -> Self {
        Self { ways: Ways::Eventually, ..self }
    }

    /// The row of the checklist.
    #[must_use]
    pub fn row(&self) -> &str {
        self.name.split_once(": ").map_or(&self.name, |(row, _)| row)
    }

    /// The VLAN tags of its frame.
    pub(super) fn tags(&self) -> Tags {
        tags::split(&self.frame).map(|(_, tags, _)| tags).unwrap_or_default()
    }

    /// What it says of the row.
    #[must_use]
    pub fn what(&self) -> &str {
        self.name.split_once(": ").map_or("", |(_, what)| what)
    }
}
