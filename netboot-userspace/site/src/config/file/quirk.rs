//! `[[quirk]]` and `[host.quirks]` in the form of the file.

use serde::Serialize;
use serde_with::skip_serializing_none;

use crate::{
    config::quirk::oui_text,
    model::{self, Architecture},
};

#[derive(Debug, Serialize)]
pub struct QuirkEntry {
    oui: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(flatten)]
    quirks: QuirksEntry,
}

/// `[host.quirks]`
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct QuirksEntry {
    never_nak: Option<bool>,
    always_broadcast: Option<bool>,
    min_size: Option<u16>,
    delay: Option<String>,
    #[serde(rename = "no-option-67")]
    no_option_67: Option<bool>,
    echo_pxeclient: Option<bool>,
    assume_pxe: Option<bool>,
    architecture: Option<Code>,
    menu: Option<String>,
}

/// An architecture: its name where it has one of its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Code {
    Name(String),
    Number(u16),
}

impl QuirksEntry {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&model::QuirkRow> for QuirkEntry {
    fn from(row: &model::QuirkRow) -> Self {
        Self {
            oui: oui_text(row.oui),
            reason: row.reason.clone(),
            quirks: QuirksEntry::from(&row.quirks),
        }
    }
}

impl From<&model::Quirks> for QuirksEntry {
    fn from(quirks: &model::Quirks) -> Self {
        Self {
            never_nak: quirks.never_nak,
            always_broadcast: quirks.always_broadcast,
            min_size: quirks.min_size,
            delay: quirks.delay.map(|delay| humantime::format_duration(delay).to_string()),
            no_option_67: quirks.no_option_67,
            echo_pxeclient: quirks.echo_pxeclient,
            assume_pxe: quirks.assume_pxe,
            architecture: quirks.architecture.map(code),
            menu: quirks.menu.clone(),
        }
    }
}

fn code(code: u16) -> Code {
    let named = Architecture::of(code).filter(|named| named.code() == Some(code));
    named.map_or(Code::Number(code), |named| Code::Name(named.to_string()))
}
