//! `[[quirk]]` and `[host.quirks]`.

use netboot_ebpf::shared::MAX_ARCHITECTURES;
use toml::de::DeValue;

use super::{
    duration::delay,
    problem::Placed,
    section::Section,
    value::{boolean, line, number, text},
};
use crate::model::{Architecture, QuirkRow, Quirks};

/// The rows of manufacturers.
pub(crate) fn read_quirk_rows(file: &mut Section<'_>) -> Vec<QuirkRow> {
    let mut seen: Vec<Placed<[u8; 3]>> = Vec::new();
    let mut rows = Vec::new();
    for mut section in file.sections("quirk") {
        let oui = section.require("oui", oui);
        let reason = section.value("reason", line).unwrap_or_default();
        let quirks = read_quirks(&mut section);
        let report = section.report();
        section.finish();
        let Some(oui) = oui else { continue };
        if let Some(first) = seen.iter().find(|first| first.value == oui.value) {
            let message = format!(
                "{} already has its quirks at {} ({}); write them in one place",
                oui_text(oui.value),
                first.place.field,
                first.place.line()
            );
            report.error(&oui.place, message);
            continue;
        }
        rows.push(QuirkRow { oui: oui.value, quirks, reason });
        seen.push(oui);
    }
    rows
}

/// The quirks among a section's keys.
pub(crate) fn read_quirks(section: &mut Section<'_>) -> Quirks {
    let mut flag = |key| section.get(key, boolean).map(|flag| flag.value);
    Quirks {
        never_nak: flag("never-nak"),
        always_broadcast: flag("always-broadcast"),
        no_option_67: flag("no-option-67"),
        echo_pxeclient: flag("echo-pxeclient"),
        assume_pxe: flag("assume-pxe"),
        min_size: section.value("min-size", min_size),
        delay: section.value("delay", delay),
        architecture: section.value("architecture", architecture),
        menu: section.value("menu", menu),
    }
}

/// `b8:27:eb`
pub(crate) fn oui_text([a, b, c]: [u8; 3]) -> String {
    format!("{a:02x}:{b:02x}:{c:02x}")
}

fn oui(value: &DeValue<'_>) -> Result<[u8; 3], String> {
    let text = text(value)?;
    let wrong =
        || format!("{text:?} is not the begin of a MAC; write three octets, as in \"b8:27:eb\"");
    let octets: Option<Vec<u8>> = text
        .split([':', '-'])
        .map(|octet| {
            let plain = octet.len() == 2 && octet.bytes().all(|digit| digit.is_ascii_hexdigit());
            plain.then(|| u8::from_str_radix(octet, 16).ok()).flatten()
        })
        .collect();
    let oui: [u8; 3] = octets.ok_or_else(wrong)?.try_into().map_err(|_| wrong())?;
    let [first, ..] = oui;
    if first & 1 == 1 {
        return Err(format!("{text:?} begins group addresses, not machines'"));
    }
    Ok(oui)
}

fn min_size(value: &DeValue<'_>) -> Result<u16, String> {
    match number(value)? {
        size @ 300..=1500 => Ok(size),
        size => Err(format!("a message of {size} bytes cannot be asked for: 300 to 1500 can")),
    }
}

/// A name, or a number of option 93.
fn architecture(value: &DeValue<'_>) -> Result<u16, String> {
    if !matches!(value, DeValue::Integer(_)) {
        let architecture: Architecture = text(value)?.parse()?;
        return architecture.code().ok_or_else(|| "has no code in option 93".to_owned());
    }
    let code: u16 = number(value)?;
    if usize::from(code) >= MAX_ARCHITECTURES {
        return Err(format!(
            "{code} is not an architecture that can be served: numbers below {MAX_ARCHITECTURES} can"
        ));
    }
    Ok(code)
}

/// Firmware compares it byte by byte; it shares option 43 with what else stands there.
fn menu(value: &DeValue<'_>) -> Result<String, String> {
    const LONGEST: usize = 30;
    let text = line(value)?;
    if text.len() > LONGEST || !text.is_ascii() {
        return Err(format!("{text:?} is not the text of a menu: 1 to {LONGEST} ASCII characters"));
    }
    Ok(text)
}
