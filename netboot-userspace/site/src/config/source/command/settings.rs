//! The reader of `[[source]]`.

use std::{path::Path, time::Duration};

use toml::de::DeValue;

use crate::{
    config::{
        duration::{GivenDuration, duration},
        problem::{Place, Placed},
        section::Section,
        value::{one_of, text},
    },
    model::CommandSource,
};

const MOST_SOURCES: usize = 16;
const INTERVAL: Duration = Duration::from_secs(60);
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(7 * 86_400));
const TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUTS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// The kinds of sources.
#[derive(Clone, Copy)]
enum SourceKind {
    Command,
}

impl SourceKind {
    const NAMED: [(Self, &'static str); 1] = [(Self::Command, "command")];
}

/// The sources and where they stand. A program that is named by a relative path begins at `base`.
pub(in crate::config) fn read_sources(
    file: &mut Section<'_>,
    base: &Path,
) -> (Vec<CommandSource>, Vec<Place>) {
    let (mut sources, mut places) = (Vec::<CommandSource>::new(), Vec::<Place>::new());
    for mut section in file.sections("source") {
        let kind = section.require("kind", |value| one_of(value, &SourceKind::NAMED));
        let command = command(&mut section, base);
        let mut interval = INTERVAL;
        section.set("interval", &mut interval, |value| within(value, INTERVALS));
        let mut timeout = TIMEOUT;
        section.set("timeout", &mut timeout, |value| within(value, TIMEOUTS));
        let (place, report) = (section.place.clone(), section.report());
        section.finish();
        let (Some(Placed { value: SourceKind::Command, .. }), Some(command)) = (kind, command)
        else {
            continue;
        };
        if let Some(first) = sources.iter().position(|known| known.command == command) {
            let first = places.get(first).map(Place::line).unwrap_or_default();
            report.error(&place, format!("the same command is a source already ({first})"));
            continue;
        }
        if sources.len() == MOST_SOURCES {
            report.error(&place, format!("more than {MOST_SOURCES} sources"));
            break;
        }
        let name = name(&command, &sources);
        sources.push(CommandSource { name, command, interval, timeout });
        places.push(place);
    }
    (sources, places)
}

fn command(section: &mut Section<'_>, base: &Path) -> Option<Vec<String>> {
    const KEY: &str = "command";
    if !section.has(KEY) {
        // The report says what is missing.
        section.require(KEY, text)?;
    }
    let before = section.report().errors();
    let mut words = section.list(KEY, word)?.into_iter().map(|word| word.value);
    let first = words.next().filter(|program| !program.trim().is_empty());
    if section.report().errors() > before {
        return None;
    }
    let Some(program) = first else {
        let why = "names no program; write it and its arguments, as [\"/usr/local/bin/hosts\", \"--all\"]";
        section.report().error(&section.place_of(KEY), why);
        return None;
    };
    // One without a slash is looked for where programs are.
    let program = match program.contains('/') {
        true => base.join(program).to_string_lossy().into_owned(),
        false => program,
    };
    Some(std::iter::once(program).chain(words).collect())
}

fn word(value: &DeValue<'_>) -> Result<String, String> {
    let word = text(value)?;
    if word.contains('\0') { Err("contains a zero byte".to_owned()) } else { Ok(word) }
}

fn within(value: &DeValue<'_>, (least, most): (Duration, Duration)) -> Result<Duration, String> {
    let GivenDuration { text, duration } = duration(value)?;
    if duration < least || duration > most {
        let [least, most] = [least, most].map(humantime::format_duration);
        return Err(format!("{text:?} is not between {least} and {most}"));
    }
    Ok(duration)
}

fn name(command: &[String], others: &[CommandSource]) -> String {
    let program = command.first().cloned().unwrap_or_default();
    let same = others.iter().filter(|other| other.command.first() == command.first()).count();
    if same == 0 { program } else { format!("{program} ({})", same + 1) }
}
