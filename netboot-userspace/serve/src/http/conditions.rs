//! Conditions of a request for a file (RFC 9110, 13.1 and 13.2).

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use headers::{ETag, Header as _, LastModified};

/// A request, and the file as it is here.
pub(super) struct RequestConditions<'r> {
    pub(super) request: &'r HeaderMap,
    /// A strong one, always.
    pub(super) tag: Option<&'r ETag>,
    pub(super) modified: Option<SystemTime>,
    pub(super) now: SystemTime,
}

/// What becomes of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConditionJudgement {
    Send,
    NotModified,
    Failed,
}

/// "An origin server MUST use the strong comparison function when comparing entity tags for If-Match and
/// If-Range", and the weak one for If-None-Match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

impl RequestConditions<'_> {
    /// In the order of 13.2.2: a condition on the tag stands above the one on the date.
    pub(super) fn judge(&self) -> ConditionJudgement {
        if self.has(&header::IF_MATCH) {
            if !self.lists_tag(&header::IF_MATCH, Comparison::Strong) {
                return ConditionJudgement::Failed;
            }
        } else if let (Some(since), Some(modified)) =
            (self.date(&header::IF_UNMODIFIED_SINCE), self.modified_in_seconds())
            && modified > since
        {
            return ConditionJudgement::Failed;
        }
        let is_fresh = if self.has(&header::IF_NONE_MATCH) {
            self.lists_tag(&header::IF_NONE_MATCH, Comparison::Weak)
        } else {
            let since = self.date(&header::IF_MODIFIED_SINCE);
            since.zip(self.modified_in_seconds()).is_some_and(|(since, modified)| modified <= since)
        };
        if is_fresh { ConditionJudgement::NotModified } else { ConditionJudgement::Send }
    }

    /// 13.1.5: a part is sent of the very file that the client has a part of, else all of it. A condition that is
    /// not understood is one that does not hold.
    pub(super) fn allow_range(&self) -> bool {
        let mut conditions = self.request.get_all(header::IF_RANGE).iter();
        let Some(condition) = conditions.next() else { return true };
        if conditions.next().is_some() {
            return false;
        }
        match date(condition) {
            // "exactly matches", and "strong in the sense defined by Section 8.8.2.2": not of the second that may
            // still bring another file.
            Some(since) => self.modified_in_seconds().is_some_and(|modified| {
                let age = self.now.duration_since(modified);
                modified == since && age.is_ok_and(|age| age > Duration::from_secs(1))
            }),
            None => condition.to_str().is_ok_and(|tag| self.is_tag(tag.trim(), Comparison::Strong)),
        }
    }

    fn has(&self, name: &HeaderName) -> bool {
        self.request.contains_key(name)
    }

    /// Whether one of the header's tags is the file's, or it is `*`.
    fn lists_tag(&self, name: &HeaderName, comparison: Comparison) -> bool {
        self.request.get_all(name).iter().filter_map(|value| value.to_str().ok()).any(|list| {
            // Our tags have no comma in them.
            list.trim() == "*" || list.split(',').any(|tag| self.is_tag(tag.trim(), comparison))
        })
    }

    fn is_tag(&self, tag: &str, comparison: Comparison) -> bool {
        let opaque = match (tag.strip_prefix("W/"), comparison) {
            (Some(_), Comparison::Strong) => return false,
            (Some(opaque), Comparison::Weak) => opaque,
            (None, _) => tag,
        };
        self.tag.is_some_and(|own| {
            let mut value = Vec::new();
            own.encode(&mut value);
            matches!(value.as_slice(), [own] if own.as_bytes() == opaque.as_bytes())
        })
    }

    /// Of the header, if it is there once and is a date.
    fn date(&self, name: &HeaderName) -> Option<SystemTime> {
        let mut values = self.request.get_all(name).iter();
        let value = values.next()?;
        values.next().is_none().then(|| date(value))?
    }

    /// HTTP's dates have whole seconds.
    fn modified_in_seconds(&self) -> Option<SystemTime> {
        self.modified.map(|modified| LastModified::from(modified).into())
    }
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    LastModified::decode(&mut [value].into_iter()).ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"a-7d\"";
    const DATE: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
    const EARLIER: &str = "Sun, 09 Sep 2001 01:46:39 GMT";
    const LATER: &str = "Sun, 09 Sep 2001 01:46:41 GMT";
    const MODIFIED: Duration = Duration::from_millis(1_000_000_000_700);

    fn with<T>(
        age: Duration,
        headers: &[(&str, &str)],
        ask: impl FnOnce(&RequestConditions<'_>) -> T,
    ) -> T {
        let mut request = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.append(name, HeaderValue::from_str(value).unwrap());
        }
        let modified = SystemTime::UNIX_EPOCH + MODIFIED;
        let tag = TAG.parse().unwrap();
        let (tag, now) = (Some(&tag), modified + age);
        ask(&RequestConditions { request: &request, tag, modified: Some(modified), now })
    }

    #[test]
    fn a_part_is_of_the_file_that_the_client_has() {
        let check_at = |age, values: &[&str], expect| {
            let headers: Vec<_> = values.iter().map(|value| ("if-range", *value)).collect();
            let allowed = with(age, &headers, |conditions| conditions.allow_range());
            assert_eq!(allowed, expect, "{values:?}");
        };
        let check = |value: &str, expect| check_at(Duration::from_secs(60), &[value], expect);
        check(TAG, true);
        check(&format!(" {TAG} "), true);
        check(DATE, true);
        // The obsolete forms are of the same date.
        check("Sunday, 09-Sep-01 01:46:40 GMT", true);
        check("Sun Sep  9 01:46:40 2001", true);

        check("garbage", false);
        check("", false);
        check("*", false);
        check("a-7d", false);
        check("\"a-7d", false);
        check("a-7d\"", false);
        check("'a-7d'", false);
        check("\"A-7D\"", false);
        check("\"other\"", false);
        check("W/\"a-7d\"", false);
        check("w/\"a-7d\"", false);
        check("\"other\", \"a-7d\"", false);
        check(EARLIER, false);
        check(LATER, false);
        check("Sun, 09 Sep 2001 01:46:40", false);
        check("Tue, 19 Jan 2038 03:14:07 GMT", false);

        check_at(Duration::from_secs(60), &[], true);
        check_at(Duration::from_secs(60), &[TAG, TAG], false);
        check_at(Duration::from_millis(100), &[DATE], false);
        check_at(Duration::from_millis(100), &[TAG], true);
    }

    #[test]
    fn conditions_have_an_order() {
        use ConditionJudgement::{Failed, NotModified, Send};
        let check = |headers: &[(&str, &str)], expect| {
            let judgement = with(Duration::from_secs(60), headers, |of| of.judge());
            assert_eq!(judgement, expect, "{headers:?}");
        };
        check(&[], Send);
        check(&[("if-match", TAG)], Send);
        check(&[("if-match", "\"x\", \"a-7d\"")], Send);
        check(&[("if-match", "*")], Send);
        check(&[("if-match", "\"x\"")], Failed);
        check(&[("if-match", "W/\"a-7d\"")], Failed);
        check(&[("if-match", "garbage")], Failed);
        check(&[("if-unmodified-since", DATE)], Send);
        check(&[("if-unmodified-since", LATER)], Send);
        check(&[("if-unmodified-since", EARLIER)], Failed);
        check(&[("if-unmodified-since", "garbage")], Send);
        check(&[("if-match", TAG), ("if-unmodified-since", EARLIER)], Send);

        check(&[("if-none-match", TAG)], NotModified);
        check(&[("if-none-match", "W/\"a-7d\"")], NotModified);
        check(&[("if-none-match", "\"x\", \"a-7d\"")], NotModified);
        check(&[("if-none-match", "*")], NotModified);
        check(&[("if-none-match", "\"x\"")], Send);
        check(&[("if-none-match", "garbage")], Send);
        check(&[("if-modified-since", DATE)], NotModified);
        check(&[("if-modified-since", LATER)], NotModified);
        check(&[("if-modified-since", EARLIER)], Send);
        check(&[("if-modified-since", "garbage")], Send);
        check(&[("if-none-match", "\"x\""), ("if-modified-since", DATE)], Send);
        check(&[("if-none-match", "garbage"), ("if-modified-since", DATE)], Send);
        check(&[("if-match", "\"x\""), ("if-none-match", TAG)], Failed);
    }
}
