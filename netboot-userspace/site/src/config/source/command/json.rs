//! JSON with hosts, read with the keys and rules of `[[host]]`.

use std::{borrow::Cow, collections::BTreeMap, fmt, path::Path, sync::Arc};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::config::{
    host::{DraftHost, read_host},
    problem::{Place, Report},
    section::Section,
    source_text::SourceText,
};

const HOSTS: &str = "hosts";

/// The hosts that a program printed; `None`, reported: it is not JSON, or has no list of hosts.
pub(in crate::config) fn read_printed(
    path: &Arc<Path>,
    bytes: &[u8],
    report: &Report,
) -> Option<Vec<DraftHost>> {
    let whole = Place::file(path);
    let json = serde_json::from_slice(bytes);
    let json = json.inspect_err(|error| {
        report.quoting_error(&whole, format!("is not JSON: {error}"), "is not JSON");
    });
    let Json::Object(mut object) = json.ok()? else {
        report.error(&whole, "is not an object: write {\"hosts\": [...]}");
        return None;
    };
    let hosts = object.remove(HOSTS);
    for key in object.keys() {
        let place = Place { field: key.clone(), ..whole.clone() };
        let why = "unknown key; known here: hosts";
        report.quoting_error(&place, why, "unknown key");
    }
    let Some(Json::List(hosts)) = hosts else {
        report.error(&whole, "has no list \"hosts\": write {\"hosts\": [...]}");
        return None;
    };
    if hosts.is_empty() {
        report.warn(&whole, "has no hosts");
    }
    // Lines say nothing of what a program may print in one.
    let text = SourceText::without_lines(path);
    let read = hosts.iter().enumerate().filter_map(|(at, host)| {
        let place = Place { field: format!("{HOSTS}[{at}]"), ..whole.clone() };
        let Some(DeValue::Table(table)) = host.value() else {
            report.error(&place, format!("expected an object, found {}", host.kind()));
            return None;
        };
        Some(read_host(Section::of(&text, &table, place, report)))
    });
    Some(read.collect())
}

/// A value.
enum Json {
    Null,
    Boolean(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// The value as the configuration has it; `None`: null, which is as if it were not there.
    fn value(&self) -> Option<DeValue<'_>> {
        let spanned = |value| Spanned::new(0..0, value);
        Some(match self {
            Self::Null => return None,
            Self::Boolean(value) => DeValue::Boolean(*value),
            Self::Number(text) => match DeValue::parse(text) {
                Ok(number) => number.into_inner(),
                // One that the configuration cannot write.
                Err(_) => DeValue::String(Cow::Borrowed(text)),
            },
            Self::Text(text) => DeValue::String(Cow::Borrowed(text)),
            Self::List(list) => {
                DeValue::Array(list.iter().filter_map(Self::value).map(spanned).collect())
            }
            Self::Object(object) => {
                let mut table = DeTable::new();
                for (key, value) in object {
                    if let Some(value) = value.value() {
                        table.insert(Spanned::new(0..0, Cow::Borrowed(&**key)), spanned(value));
                    }
                }
                DeValue::Table(table)
            }
        })
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            if matches!(value, Json::Null) {
                return Err(A::Error::custom("null is no element of a list"));
            }
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((key, value)) = map.next_entry()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("an object has a key twice"));
            }
        }
        Ok(Json::Object(object))
    }
}
