//! JSON with comments, in the order that it is written in.

use netboot_dhcp::{
    DhcpOption,
    option::{self, Dialect},
    show::joined,
    value::{Value, hex},
};
use serde_json::Value as Json;

use crate::export::{page::Page, value};

/// One of a list.
pub(super) struct Item {
    pub(super) comments: Vec<String>,
    pub(super) json: String,
}

impl Item {
    pub(super) fn of(json: String) -> Self {
        Self { comments: Vec::new(), json }
    }

    pub(super) fn new(comment: &str, json: String) -> Self {
        Self { comments: vec![comment.to_owned()], json }
    }
}

/// A list, one item a line.
pub(super) fn write_items(page: &mut Page, [open, close]: [&str; 2], items: Vec<Item>) {
    page.open(open);
    let count = items.len();
    for (at, Item { comments, json }) in (1..).zip(items) {
        for comment in comments {
            page.comment(&comment);
        }
        let comma = if at == count { "" } else { "," };
        page.line(&format!("{json}{comma}"));
    }
    page.close(close);
}

pub(super) fn text(text: &str) -> String {
    Json::from(text).to_string()
}

pub(super) fn array(items: &[String]) -> String {
    if items.is_empty() { "[ ]".to_owned() } else { format!("[ {} ]", items.join(", ")) }
}

pub(super) fn object(fields: &[(&str, String)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, json)| format!("\"{name}\": {json}")).collect();
    format!("{{ {} }}", fields.join(", "))
}

/// An item of `option-data`: it is sent whether it is asked for or not, as netboot does.
pub(super) fn option_data(option: &DhcpOption) -> String {
    let always = ("always-send", "true".to_owned());
    let data = match value::of(option) {
        Value::Addresses(list) => Some(joined(&list)),
        Value::Names(names) => Some(joined(&names)),
        Value::Number(number) => Some(number.to_string()),
        Value::Text(text) => Some(text).filter(|text| is_plain(text)),
        _ => None,
    };
    let name = option::row(option.code).and_then(|row| row.told(Dialect::Kea));
    let as_text = name.zip(data);
    match as_text {
        Some((name, data)) => object(&[("name", text(name)), ("data", text(&data)), always]),
        None => object(&[
            ("code", option.code.to_string()),
            ("csv-format", "false".to_owned()),
            ("data", text(&hex(&option.value, ""))),
            always,
        ]),
    }
}

/// Neither in need of escapes in a list of values, nor of quotes in an expression.
pub(super) fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/ ".contains(c);
    text.chars().all(plain) && text.trim() == text
}
