//! An explanation as an operator reads it.

use std::fmt::Write;

use netboot_base::columns::table;
use netboot_ebpf::wire::PROXY_PORT;

use super::{AnswerFields, AnsweredBy, Explanation, ShownOption, Step, reason::architecture_name};

/// The width of lines that are filled.
const WIDTH: usize = 100;
const INDENT: usize = 15;

/// A request in about 15 lines.
#[must_use]
pub fn render(explanation: &Explanation) -> String {
    let mut out = String::new();
    let request = &explanation.request;
    let mut head = format!("{} of {} over {}", request.message, request.mac, request.interface);
    if request.port == PROXY_PORT {
        head += &format!(", to port {PROXY_PORT}");
    }
    for vlan in &request.vlans {
        head += &format!(", VLAN {vlan}");
    }
    for (name, address) in [
        ("relay", request.relay),
        ("for", request.requested),
        ("has", request.ciaddr),
        ("to server", request.server),
    ] {
        if let Some(address) = address {
            head += &format!(", {name} {address}");
        }
    }
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{head} ({})", explanation.source);
    for (name, text) in rows(explanation) {
        let _ = writeln!(out, "  {name:<12} {text}");
    }
    out
}

fn rows(explanation: &Explanation) -> Vec<(&'static str, String)> {
    let mut rows = identity(explanation);
    let who = match explanation.answered_by {
        AnsweredBy::Kernel => "the kernel (XDP)",
        AnsweredBy::Daemon => "the daemon",
        AnsweredBy::OtherServer => "the other server",
        AnsweredBy::Nobody => "nobody",
    };
    let verdict = explanation.verdict.as_str();
    rows.push(("answered by", format!("{who}: {} [{verdict}]", explanation.why)));
    if let Some(advice) = &explanation.advice {
        rows.push(("do", advice.clone()));
    }
    if let Some(answer) = &explanation.answer {
        rows.push(("answer", answer_line(answer)));
        rows.push(("options", filled(&answer.options)));
    }
    rows.extend(explanation.notes.iter().map(|note| ("note", note.clone())));
    if let Some(running) = &explanation.running {
        let text = if running.same {
            "the running daemon's program does the same".to_owned()
        } else {
            let verdict = running.verdict.as_str();
            format!("the running daemon's program DIFFERS [{verdict}]: {}", running.note)
        };
        rows.push(("running", text));
    }
    rows
}

fn identity(explanation: &Explanation) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    match &explanation.reservation {
        Some(reserved) => {
            let hostname = reserved.hostname.as_deref().unwrap_or("no hostname");
            let origin = reserved.origin.as_deref().unwrap_or("its configuration");
            let ip = match reserved.ip {
                ip if ip.is_unspecified() => "no address here".to_owned(),
                ip => ip.to_string(),
            };
            rows.push(("machine", format!("{ip} ({hostname}), in {origin}")));
            if !reserved.macs.is_empty() {
                rows.push(("MACs", format!("{}: one machine's", reserved.macs.join(" "))));
            }
            let place = reserved.interface.as_ref();
            let place =
                place.map_or("reached through relays".to_owned(), |name| format!("on {name}"));
            let server = reserved.server;
            rows.push(("subnet", format!("{} {place}, server {server}", reserved.subnet)));
        }
        None => rows.push(("machine", "no reservation".to_owned())),
    }
    let stage = &explanation.stage;
    rows.push(("stage", format!("{}: {}", stage.name, stage.because)));
    if let Some(code) = explanation.request.architecture {
        rows.push(("architecture", architecture_name(code)));
    }
    rows.push(("boots", boots(explanation)));
    rows.extend(explanation.quirks.iter().map(|quirk| ("quirks", quirk.text())));
    rows
}

fn boots(explanation: &Explanation) -> String {
    let boot = &explanation.boot;
    match (&boot.file, boot.next_server) {
        (Some(file), Some(server)) => format!("{file} from {server}: {}", boot.because),
        (Some(file), None) => format!("{file}: {}", boot.because),
        (None, _) if explanation.answer.is_none() => "nothing: it is not answered".to_owned(),
        (None, _) if explanation.answer.as_ref().is_some_and(|answer| answer.message == "NAK") => {
            "nothing: it is refused".to_owned()
        }
        (None, _) => format!("nothing: {}", boot.because),
    }
}

fn answer_line(answer: &AnswerFields) -> String {
    let mut line = answer.message.to_owned();
    for (name, address) in [("yiaddr", answer.yiaddr), ("siaddr", answer.siaddr)] {
        if let Some(address) = address {
            line += &format!(", {name} {address}");
        }
    }
    if let Some(file) = &answer.file {
        line += &format!(", file \"{file}\"");
    }
    let AnswerFields { to_mac, to, port, length, .. } = answer;
    format!("{line}, {length} bytes to {to_mac}, {to}:{port}")
}

/// Options side by side.
fn filled(options: &[ShownOption]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for option in options {
        let text = named(option);
        match lines.last_mut() {
            Some(line) if INDENT + line.len() + 2 + text.len() <= WIDTH => {
                *line += "; ";
                *line += &text;
            }
            _ => lines.push(text),
        }
    }
    lines.join(&format!("\n{:INDENT$}", ""))
}

fn named(option: &ShownOption) -> String {
    let ShownOption { code, name, value } = option;
    if name.is_empty() { format!("{code} {value}") } else { format!("{code} {name} {value}") }
}

/// What another answer has otherwise.
pub(super) fn difference(expected: &AnswerFields, found: &AnswerFields) -> String {
    let mut parts = Vec::new();
    let mut part = |name: &str, found: String, expected: String| {
        if found != expected {
            parts.push(format!("it sends {name} {found}, not {expected}"));
        }
    };
    let text = |address: Option<std::net::Ipv4Addr>| {
        address.map_or_else(|| "none".to_owned(), |address| address.to_string())
    };
    part("yiaddr", text(found.yiaddr), text(expected.yiaddr));
    part("siaddr", text(found.siaddr), text(expected.siaddr));
    let file = |answer: &AnswerFields| answer.file.clone().unwrap_or_else(|| "none".to_owned());
    part("file", file(found), file(expected));
    let codes =
        |answer: &AnswerFields| answer.options.iter().map(|own| own.code).collect::<Vec<_>>();
    let mut all = codes(expected);
    all.extend(codes(found).into_iter().filter(|code| !codes(expected).contains(code)));
    for code in all {
        let value = |answer: &AnswerFields| {
            let own = answer.options.iter().find(|own| own.code == code);
            own.map_or_else(|| "none".to_owned(), |own| own.value.clone())
        };
        part(&format!("option {code}"), value(found), value(expected));
    }
    if parts.is_empty() { "it sends other bytes".to_owned() } else { parts.join("; ") }
}

/// A machine's boot, a line for each request.
#[must_use]
pub fn render_steps(steps: &[Step]) -> String {
    let mut out = String::new();
    let Some(first) = steps.first() else { return out };
    let request = &first.explanation.request;
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{} over {}", request.mac, request.interface);
    for (name, text) in identity(&first.explanation) {
        if matches!(name, "machine" | "subnet" | "architecture" | "quirks") {
            let _ = writeln!(out, "  {name:<12} {text}");
        }
    }
    let rows: Vec<_> = steps.iter().map(step_row).collect();
    out.push('\n');
    out.push_str(&table(["STEP", "ASKS", "STAGE", "ANSWERED BY", "WITH"], &rows));
    out.push('\n');
    for line in remarks(steps) {
        let _ = writeln!(out, "{line}");
    }
    out
}

fn step_row(step: &Step) -> [String; 5] {
    let own = &step.explanation;
    let who = match own.answered_by {
        AnsweredBy::Kernel => "kernel",
        AnsweredBy::Daemon => "daemon",
        AnsweredBy::OtherServer => "other server",
        AnsweredBy::Nobody => "nobody",
    };
    let with = match &own.answer {
        Some(answer) => {
            let address = answer.yiaddr.map_or_else(String::new, |address| format!(" {address}"));
            format!("{}{address}, boots {}", answer.message, boots(own))
        }
        None => own.verdict.as_str().to_owned(),
    };
    let port = if own.request.port == PROXY_PORT { " (port 4011)" } else { "" };
    [
        step.who.clone(),
        format!("{}{port}", own.request.message),
        own.stage.name.to_owned(),
        who.to_owned(),
        with,
    ]
}

/// What is to be said of any of the steps, once.
fn remarks(steps: &[Step]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for Step { explanation: own, .. } in steps {
        let is_fine = own.answered_by == AnsweredBy::Kernel && own.advice.is_none();
        if !is_fine {
            lines.push(format!("{}: {}", own.verdict.as_str(), own.why));
        }
        lines.extend(own.advice.iter().map(|advice| format!("do: {advice}")));
        lines.extend(own.notes.iter().map(|note| format!("note: {note}")));
        match &own.running {
            Some(running) if running.same => {
                lines.push("the running daemon's program does the same".to_owned());
            }
            Some(running) => {
                lines.push(format!("the running daemon's program DIFFERS: {}", running.note));
            }
            None => {}
        }
    }
    let mut said = std::collections::HashSet::new();
    lines.retain(|line| said.insert(line.clone()));
    lines
}
