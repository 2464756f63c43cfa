//! Conditions as the ways to meet them: of each, all tests must pass.

use netboot_ebpf::wire::code;

use super::boot::Test;

/// One of these lists of tests must pass as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ways(pub(super) Vec<Vec<Test>>);

/// Parentheses in parentheses: more is no condition.
pub(super) const DEEPEST: usize = 32;

/// More is no rule for a boot file.
const MOST: usize = 64;

impl Ways {
    /// Met by everyone.
    pub(super) fn always() -> Self {
        Self(vec![Vec::new()])
    }

    pub(super) fn one(test: Test) -> Self {
        Self(vec![vec![test]])
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        let both =
            self.0.iter().flat_map(|way| other.0.iter().map(move |more| [&way[..], more].concat()));
        Self(both.take(MOST).collect())
    }

    pub(super) fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self.0.truncate(MOST);
        self
    }

    /// None of the tests may pass: more than what is asked for, but the same for tests of one thing.
    pub(super) fn not(&self) -> Self {
        if self.0.iter().any(Vec::is_empty) {
            return Self(Vec::new());
        }
        if let [way] = &self.0[..]
            && let [Test::Not(inner)] = &way[..]
        {
            return Self::one((**inner).clone());
        }
        // What is negated twice is only one of several ways out.
        let tests = self.0.iter().flatten().filter(|test| !matches!(test, Test::Not(_)));
        Self(vec![tests.take(MOST).map(|test| Test::Not(Box::new(test.clone()))).collect()])
    }
}

/// A reader of conditions; `and` binds more tightly than `or`. `depth` counts parentheses.
pub(super) trait Conditions {
    /// Whether the next token is this word; it is taken then.
    fn take_word(&mut self, word: &str) -> bool;

    /// A comparison, a negation, or what stands in parentheses; `None`: it is not understood.
    fn one(&mut self, depth: usize) -> Option<Ways>;

    fn either(&mut self, depth: usize) -> Option<Ways> {
        let mut ways = self.both(depth)?;
        while self.take_word("or") {
            ways = ways.or(self.both(depth)?);
        }
        Some(ways)
    }

    fn both(&mut self, depth: usize) -> Option<Ways> {
        let mut ways = self.one(depth)?;
        while self.take_word("and") {
            ways = ways.and(&self.one(depth)?);
        }
        Some(ways)
    }
}

/// What an option of a request must be.
pub(super) fn equals(code: u8, from: usize, value: &[u8]) -> Option<Test> {
    let text = || String::from_utf8(value.to_vec()).ok();
    match code {
        code::ARCHITECTURE => match value {
            [high, low] => Some(Test::Arch(u16::from_be_bytes([*high, *low]))),
            _ => None,
        },
        code::USER_CLASS => class(value).map(Test::Class),
        // `PXEClient:Arch:00007:UNDI:003016`
        code::VENDOR_CLASS if from == 0 => text().map(Test::Vendor),
        code::VENDOR_CLASS if from == 15 => text()?.parse().ok().map(Test::Arch),
        _ => None,
    }
}

/// A user class, with or without its length before it (RFC 3004).
fn class(value: &[u8]) -> Option<String> {
    let bytes = match value.split_first() {
        Some((length, rest)) if usize::from(*length) == rest.len() => rest,
        _ => value,
    };
    String::from_utf8(bytes.to_vec()).ok().filter(|class| !class.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negations() {
        let (arch, vendor) = (Ways::one(Test::Arch(7)), Ways::one(Test::Vendor("a".to_owned())));
        let check = |ways: Ways, expect: &str| assert_eq!(format!("{:?}", ways.0), expect);
        check(Ways::always().not(), "[]");
        check(Ways::always().not().not(), "[[]]");
        check(arch.not(), "[[Not(Arch(7))]]");
        check(arch.not().not(), "[[Arch(7)]]");
        check(vendor.and(&arch.not()).not(), "[[Not(Vendor(\"a\"))]]");
        check(vendor.or(arch).not(), "[[Not(Vendor(\"a\")), Not(Arch(7))]]");
    }

    #[test]
    fn options_become_tests() {
        let check =
            |code, from, value: &[u8], expect| assert_eq!(equals(code, from, value), expect);
        check(93, 0, &[0, 7], Some(Test::Arch(7)));
        check(93, 0, &[7], None);
        check(77, 0, b"Tinkerbell", Some(Test::Class("Tinkerbell".to_owned())));
        check(77, 0, b"\x0aTinkerbell", Some(Test::Class("Tinkerbell".to_owned())));
        check(77, 0, b"", None);
        check(60, 0, b"PXEClient", Some(Test::Vendor("PXEClient".to_owned())));
        check(60, 15, b"00009", Some(Test::Arch(9)));
        check(60, 3, b"Client", None);
        check(12, 0, b"a", None);
    }
}
