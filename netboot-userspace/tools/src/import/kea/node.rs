//! JSON values, and the lines that they stand in.

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::{Object, Value},
    common::Ranged as _,
    parse_to_ast,
};
use netboot_site::config::Problem;

use super::{super::note::NotePlace, text::Expanded};

/// A value of the text.
#[derive(Clone, Copy)]
pub(super) struct JsonNode<'t> {
    value: &'t Value<'t>,
    text: &'t Expanded,
}

/// JSON as Kea takes it: with commas too many, but nothing else.
pub(super) fn parse(text: &Expanded) -> Result<Value<'_>, Problem> {
    let options = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: true,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed =
        parse_to_ast(&text.json, &CollectOptions::default(), &options).map_err(|error| {
            text.place(error.range().start).problem(format!("is not JSON: {}", error.kind()))
        })?;
    parsed.value.ok_or_else(|| text.place(0).problem("is empty"))
}

impl<'t> JsonNode<'t> {
    pub(super) fn new(value: &'t Value<'t>, text: &'t Expanded) -> Self {
        Self { value, text }
    }

    pub(super) fn place(self) -> NotePlace {
        self.text.place(self.value.start())
    }

    fn object(self) -> Option<&'t Object<'t>> {
        self.value.as_object()
    }

    /// The value of a key.
    pub(super) fn get(self, key: &str) -> Option<Self> {
        let property = self.object()?.get(key)?;
        Some(Self { value: &property.value, ..self })
    }

    /// All keys with their values, and where they stand.
    pub(super) fn entries(self) -> Vec<(&'t str, NotePlace, Self)> {
        let entry = |property: &'t jsonc_parser::ast::ObjectProp<'t>| {
            let place = self.text.place(property.range.start);
            (property.name.as_str(), place, Self { value: &property.value, ..self })
        };
        self.object().into_iter().flat_map(|object| &object.properties).map(entry).collect()
    }

    /// The elements of a list that stands at a key.
    pub(super) fn list(self, key: &str) -> Result<Vec<Self>, Problem> {
        let Some(node) = self.get(key) else { return Ok(Vec::new()) };
        let Some(array) = node.value.as_array() else {
            return Err(node.place().problem(format!("{key}: expected a list")));
        };
        Ok(array.elements.iter().map(|value| Self { value, ..self }).collect())
    }

    /// As [`Self::list`], of objects.
    pub(super) fn objects(self, key: &str) -> Result<Vec<Self>, Problem> {
        let list = self.list(key)?;
        match list.iter().find(|node| node.object().is_none()) {
            Some(other) => Err(other.place().problem(format!("{key}: expected an object"))),
            None => Ok(list),
        }
    }

    pub(super) fn text(self, key: &str) -> Option<&'t str> {
        self.get(key)?.as_text()
    }

    pub(super) fn as_text(self) -> Option<&'t str> {
        self.value.as_string_lit().map(|text| &*text.value)
    }

    pub(super) fn number(self, key: &str) -> Option<u32> {
        self.get(key)?.value.as_number_lit()?.value.parse().ok()
    }

    pub(super) fn flag(self, key: &str) -> Option<bool> {
        self.get(key)?.value.as_boolean_lit().map(|flag| flag.value)
    }

    /// The texts of a list, or the one text.
    pub(super) fn texts(self, key: &str) -> Vec<&'t str> {
        match self.text(key) {
            Some(text) => vec![text],
            None => {
                self.list(key).unwrap_or_default().into_iter().filter_map(Self::as_text).collect()
            }
        }
    }

    /// As it stands, on one line.
    pub(super) fn shown(self) -> String {
        const MOST: usize = 60;
        let text =
            self.value.text(&self.text.json).split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() <= MOST {
            return text;
        }
        text.chars().take(MOST).chain("...".chars()).collect()
    }
}
