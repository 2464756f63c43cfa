//! A table of the file, read key by key. What is wrong with a value is reported with its place, and
//! reading goes on.

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    problem::{Place, Placed, Report},
    secret::hide,
    source_text::SourceText,
};

/// A host has so many.
const KEYS: usize = 24;

/// A table, with the keys that were asked for.
pub(crate) struct Section<'a> {
    pub(crate) place: Place,
    source: &'a SourceText,
    table: &'a DeTable<'a>,
    known: Vec<&'static str>,
    report: &'a Report,
}

impl<'a> Section<'a> {
    /// The file's top level.
    pub(crate) fn root(source: &'a SourceText, table: &'a DeTable<'a>, report: &'a Report) -> Self {
        let place = source.place(&(0..0), String::new());
        Self { place, source, table, known: Vec::with_capacity(KEYS), report }
    }

    /// A table of the file that does not stand in another one.
    pub(crate) fn of(
        source: &'a SourceText,
        table: &'a DeTable<'a>,
        place: Place,
        report: &'a Report,
    ) -> Self {
        Self { place, source, table, known: Vec::with_capacity(KEYS), report }
    }

    pub(crate) fn report(&self) -> &'a Report {
        self.report
    }

    /// The value of a key, if it is there and right.
    pub(crate) fn get<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<Placed<T>> {
        let value = self.find(key)?;
        self.read(value, key, self.path(key), read)
    }

    /// As [`Self::get`], where the place does not matter.
    pub(crate) fn value<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.find(key)?;
        let place = || self.source.place_of(value, self.path(key));
        let wrong = |why: &String| self.report.error(&place(), hide(key, value.get_ref(), why));
        read(value.get_ref()).inspect_err(wrong).ok()
    }

    /// As [`Self::get`], into its place in the configuration.
    pub(crate) fn set<T>(
        &mut self,
        key: &'static str,
        target: &mut T,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<Place> {
        let Placed { value, place } = self.get(key, read)?;
        *target = value;
        Some(place)
    }

    /// The value of a key that must be there.
    pub(crate) fn require<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<Placed<T>> {
        if !self.table.contains_key(key) {
            let place = Place { field: self.path(key), ..self.place.clone() };
            self.report.error(&place, "is missing");
        }
        self.get(key, read)
    }

    /// The elements of a list, those that are right.
    pub(crate) fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<Vec<Placed<T>>> {
        let array = self.array(key)?;
        let path = self.path(key);
        let elements = array.iter().enumerate();
        Some(
            elements
                .filter_map(|(at, value)| self.read(value, key, format!("{path}[{at}]"), &read))
                .collect(),
        )
    }

    /// As [`Self::list`], into its place in the configuration.
    pub(crate) fn set_list<T>(
        &mut self,
        key: &'static str,
        target: &mut Vec<T>,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) {
        if let Some(list) = self.list(key, read) {
            *target = list.into_iter().map(|placed| placed.value).collect();
        }
    }

    /// A table in this one.
    pub(crate) fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        let value = self.find(key)?;
        self.descend(value, self.path(key))
    }

    /// The tables of a list.
    pub(crate) fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        self.sections_from(key, 0)
    }

    /// The tables of a list, of which the first has this number.
    pub(crate) fn sections_from(&mut self, key: &'static str, first: usize) -> Vec<Section<'a>> {
        let Some(array) = self.array(key) else { return Vec::new() };
        let path = self.path(key);
        let elements = (first..).zip(array);
        elements.filter_map(|(at, value)| self.descend(value, format!("{path}[{at}]"))).collect()
    }

    /// All keys, where the file is free to name them, and the values that are right.
    pub(crate) fn entries<T>(
        self,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Vec<(Placed<String>, T)> {
        let mut entries = Vec::new();
        for (key, value) in self.table {
            let path = self.path(key.get_ref());
            let place = self.source.place_of(key, path.clone());
            if let Some(read) = self.read(value, key.get_ref(), path, &read) {
                entries.push((Placed { value: key.get_ref().to_string(), place }, read.value));
            }
        }
        entries
    }

    /// Whether the key is there, right or wrong.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value of a key, as it stands.
    pub(crate) fn peek(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// Where a key's value stands.
    pub(crate) fn place_of(&self, key: &str) -> Place {
        let value = self.table.get(key);
        let here = || Place { field: self.path(key), ..self.place.clone() };
        value.map_or_else(here, |value| self.source.place_of(value, self.path(key)))
    }

    /// Keys that are known, but not read.
    pub(crate) fn ignore(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    /// The keys that nobody asked for.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = (&'a str, Place)> {
        let keys = self.table.keys().map(|key| (key, &**key.get_ref()));
        let unknown = keys.filter(|(_, name)| !self.known.contains(name));
        unknown.map(|(key, name)| (name, self.source.place_of(key, self.path(name))))
    }

    /// Refuses the keys that nobody asked for.
    pub(crate) fn finish(self) {
        let known = &self.known;
        for (name, place) in self.unknown() {
            let likeness = |known: &&&str| strsim::jaro_winkler(known, name);
            let close = known
                .iter()
                .filter(|known| likeness(known) > 0.8)
                .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
            let hint = close.map_or_else(
                || format!("known here: {}", known.join(", ")),
                |close| format!("did you mean {close:?}?"),
            );
            self.report.quoting_error(&place, format!("unknown key; {hint}"), "unknown key");
        }
    }

    fn find(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.table.get(key)
    }

    fn array(&mut self, key: &'static str) -> Option<&'a DeArray<'a>> {
        let value = self.find(key)?;
        let array = value.get_ref().as_array();
        if array.is_none() {
            let found = value.get_ref().type_str();
            let hint = if found == "table" { format!("; write [[{key}]]") } else { String::new() };
            let place = self.source.place_of(value, self.path(key));
            self.report.error(&place, format!("expected a list, found {found}{hint}"));
        }
        array
    }

    fn descend(&self, value: &'a Spanned<DeValue<'a>>, path: String) -> Option<Section<'a>> {
        let place = self.source.place_of(value, path);
        let Some(table) = value.get_ref().as_table() else {
            let found = value.get_ref().type_str();
            self.report.error(&place, format!("expected a table, found {found}"));
            return None;
        };
        Some(Section { place, table, known: Vec::with_capacity(KEYS), ..*self })
    }

    fn read<T>(
        &self,
        value: &Spanned<DeValue<'_>>,
        key: &str,
        path: String,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<Placed<T>> {
        let place = self.source.place_of(value, path);
        match read(value.get_ref()) {
            Ok(value) => Some(Placed { value, place }),
            Err(message) => {
                self.report.error(&place, hide(key, value.get_ref(), &message));
                None
            }
        }
    }

    fn path(&self, key: &str) -> String {
        if self.place.field.is_empty() {
            return key.to_owned();
        }
        format!("{}.{key}", self.place.field)
    }
}
