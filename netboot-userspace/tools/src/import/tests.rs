//! The property that any file is read or refused, and nothing panics.

use std::path::{Path, PathBuf};

use super::{
    Kind,
    files::{FileText, Files},
    judge::judge,
    site,
};

const FIXTURES: [(Kind, &str); 11] = [
    (Kind::Dnsmasq, "dnsmasq/small.conf"),
    (Kind::Dnsmasq, "dnsmasq/large.conf"),
    (Kind::Dnsmasq, "dnsmasq/large.d/10-rack1.conf"),
    (Kind::Dnsmasq, "dnsmasq/odd.conf"),
    (Kind::Dhcpd, "dhcpd/small.conf"),
    (Kind::Dhcpd, "dhcpd/large.conf"),
    (Kind::Dhcpd, "dhcpd/odd.conf"),
    (Kind::Dhcpd, "dhcpd/groups.conf"),
    (Kind::Kea, "kea/small.conf"),
    (Kind::Kea, "kea/large.conf"),
    (Kind::Kea, "kea/odd.conf"),
];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(name)
}

/// Whether it could be read.
fn try_read(kind: Kind, name: &str, text: &str, is_judged: bool) -> bool {
    let text = FileText { file: path(name).into(), text: text.to_owned(), depth: 0 };
    let Ok(site) = site(kind, &text, &mut Files::default()) else { return false };
    let (mut placed, mut notes) = site.settle();
    if is_judged {
        judge(&mut placed, &mut notes).unwrap();
    }
    true
}

#[test]
fn every_beginning_of_a_file() {
    for (kind, name) in FIXTURES {
        let text = std::fs::read_to_string(path(name)).unwrap();
        let mut read = 0;
        for (at, _) in text.char_indices() {
            let is_judged = text[..at].ends_with('\n');
            read += usize::from(try_read(kind, name, &text[..at], is_judged));
        }
        assert!(try_read(kind, name, &text, true), "{name}");
        // JSON is whole at its end only.
        assert!(read > 0 || kind == Kind::Kea, "{name}");
    }
}

#[test]
fn files_with_something_changed() {
    const PIECES: [&str; 20] = [
        "",
        "\0",
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        "(",
        ",",
        ";",
        "=",
        "#",
        "/*",
        "<?",
        "255",
        "0.0.0.0",
        "-1",
        "ä",
        "if option arch = 00:07 {",
    ];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for (kind, name) in FIXTURES {
        let text = std::fs::read_to_string(path(name)).unwrap();
        let mut read = 0;
        for turn in 0..400 {
            let mut changed = text.clone();
            for _ in 0..=random.below(3) {
                let mut ends = [random.below(text.len()), random.below(text.len())];
                ends.sort_unstable();
                let [start, end] = ends
                    .map(|at| (0..=at).rev().find(|at| changed.is_char_boundary(*at)).unwrap_or(0));
                let end = end.min(start + random.below(12)).min(changed.len());
                let end =
                    (start..=end).rev().find(|at| changed.is_char_boundary(*at)).unwrap_or(start);
                changed.replace_range(start..end, PIECES[random.below(PIECES.len())]);
            }
            read += usize::from(try_read(kind, name, &changed, turn % 8 == 0));
        }
        assert!(read > 0, "{name}");
    }
}

/// Numbers by xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }
}
