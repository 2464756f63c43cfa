//! Tags: which of them a network, a machine or a request has.

use std::collections::{BTreeMap, BTreeSet};

use netboot_dhcp::option;
use netboot_ebpf::wire::code;

use super::{
    super::{boot::Test, condition::Ways},
    directives::Directive,
};

/// A condition: `tag:red`, `tag:!red`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) is_negated: bool,
}

impl Tag {
    pub(super) fn new(text: &str) -> Self {
        let name = text.strip_prefix(['!', '#']);
        Self { name: name.unwrap_or(text).to_owned(), is_negated: name.is_some() }
    }

    /// Of `tag:`, or `net:` as old versions have it.
    pub(super) fn prefixed(text: &str) -> Option<Self> {
        text.strip_prefix("tag:").or_else(|| text.strip_prefix("net:")).map(Self::new)
    }
}

/// The tags that requests have by what they hold.
#[derive(Debug, Default)]
pub(super) struct OfRequests(BTreeMap<String, Ways>);

impl OfRequests {
    /// What the directives say of tags by `dhcp-match` and its like.
    pub(super) fn new(directives: &[Directive]) -> Self {
        let mut tags = Self::default();
        for directive in directives {
            let test = match directive.name.as_str() {
                "dhcp-match" => matched(directive),
                "dhcp-userclass" => named(directive, |class| Test::Class(class.to_owned())),
                "dhcp-vendorclass" => named(directive, |class| Test::Vendor(class.to_owned())),
                "dhcp-circuitid" | "dhcp-remoteid" | "dhcp-subscrid" | "dhcp-name-match" => {
                    let what = directive.name.clone();
                    named(directive, |_| Test::Other(format!("what {what} asks for")))
                }
                _ => None,
            };
            if let Some((tag, test)) = test {
                tags.add(tag, Ways::one(test));
            }
        }
        // A tag of tags may be a part of another one.
        for directive in directives.iter().filter(|directive| directive.name == "tag-if") {
            tags.tag_if(directive);
        }
        tags
    }

    pub(super) fn has(&self, tag: &str) -> bool {
        self.0.contains_key(tag)
    }

    /// `tag-if=set:a,tag:b,tag:c`
    fn tag_if(&mut self, directive: &Directive) {
        let texts = directive.texts();
        let conditions: Vec<_> = texts.iter().filter_map(|text| Tag::prefixed(text)).collect();
        let Some(ways) = self.ways(&conditions) else { return };
        for tag in texts.iter().filter_map(|text| text.strip_prefix("set:")) {
            self.add(tag.to_owned(), ways.clone());
        }
    }

    fn add(&mut self, tag: String, ways: Ways) {
        let ways = match self.0.remove(&tag) {
            Some(known) => known.or(ways),
            None => ways,
        };
        self.0.insert(tag, ways);
    }

    /// The ways to have all of these tags; `None`: one of them is no request's.
    pub(super) fn ways(&self, tags: &[Tag]) -> Option<Ways> {
        let mut all = Ways::always();
        for tag in tags {
            let ways = self.0.get(&tag.name)?;
            all = all.and(&if tag.is_negated { ways.not() } else { ways.clone() });
        }
        Some(all)
    }
}

/// `set:efi64,option:client-arch,7`
fn matched(directive: &Directive) -> Option<(String, Test)> {
    let texts = directive.texts();
    let [tag, option, values @ ..] = &texts[..] else { return None };
    let code = match option.strip_prefix("option:") {
        Some(name) => option::by_name(name).map(|row| row.code),
        None => option.parse().ok(),
    };
    let value = values.first().copied().unwrap_or_default();
    let test = match (code, value) {
        (Some(code::ARCHITECTURE), _) if value.parse::<u16>().is_ok() => {
            Test::Arch(value.parse().unwrap_or_default())
        }
        (Some(code::USER_CLASS), _) if !value.is_empty() => Test::Class(value.to_owned()),
        (Some(code::VENDOR_CLASS), _) if !value.is_empty() => Test::Vendor(value.to_owned()),
        // Only iPXE sends it.
        (Some(code::IPXE), "") => Test::Class("iPXE".to_owned()),
        _ => Test::Other(format!("option {}", [&[*option], values].concat().join(","))),
    };
    Some((set(tag), test))
}

/// `set:ipxe,iPXE`
fn named(directive: &Directive, test: impl FnOnce(&str) -> Test) -> Option<(String, Test)> {
    let texts = directive.texts();
    let [tag, .., value] = &texts[..] else { return None };
    Some((set(tag), test(value)))
}

fn set(tag: &str) -> String {
    let name = tag.strip_prefix("set:").or_else(|| tag.strip_prefix("net:"));
    name.unwrap_or(tag).to_owned()
}

/// Whether one who has these tags meets the conditions.
pub(super) fn meets(has: &BTreeSet<String>, conditions: &[Tag]) -> bool {
    conditions.iter().all(|tag| has.contains(&tag.name) != tag.is_negated)
}
