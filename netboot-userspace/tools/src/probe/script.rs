//! An iPXE script, followed as far as it can be without a machine: what it loads if all goes well.
//!
//! Commands succeed, but for those that wait for a key. iPXE's grammar is that of its `exec.c`: settings are
//! expanded in the whole line, then `||`, `&&` and `;` stand between commands.

use std::collections::HashMap;

/// Lines that are followed at most: scripts have loops.
const MOST_LINES: usize = 2000;
/// A line, with its settings in it.
const LONGEST: usize = 64 << 10;

/// What a script did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Followed {
    pub(super) loads: Vec<Load>,
    /// Another script, or a binary, that it goes on to.
    pub(super) chain: Option<String>,
    /// Where the script was not followed.
    pub(super) note: Option<String>,
    /// The script comes to no end.
    pub(super) is_endless: bool,
}

/// A file that is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) what: What,
    /// As it is written.
    pub(super) url: String,
    pub(super) arguments: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Kernel,
    Initrd,
    Other,
}

/// iPXE's settings, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct IpxeSettings(HashMap<String, String>);

/// What a command does to its script.
enum Flow {
    Succeeds,
    Fails,
    Goto(String),
    Chain(String),
    End,
    Stop(String),
}

impl IpxeSettings {
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// `mac`, `net0/mac`, `mac:hexhyp`; what is not set is empty.
    pub(super) fn get(&self, name: &str) -> String {
        let (name, form) = name.split_once(':').unwrap_or((name, ""));
        let name = name.rsplit('/').next().unwrap_or(name);
        let value = self.0.get(name).cloned().unwrap_or_default();
        match form {
            "hexhyp" => value.replace(':', "-"),
            "hexraw" => value.replace(':', ""),
            _ => value,
        }
    }

    /// The text with every `${name}` replaced, the inner ones first.
    pub(super) fn expand(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // Each turn takes one away; a value may bring others.
        for _ in 0..MOST_LINES {
            if text.len() > LONGEST {
                break;
            }
            let Some(end) = text.find('}') else { break };
            let Some(start) = text.get(..end).and_then(|head| head.rfind("${")) else { break };
            let value = self.get(text.get(start + 2..end).unwrap_or_default());
            text.replace_range(start..=end, &value);
        }
        text
    }
}

/// Whether iPXE takes it for a script.
pub(super) fn is_script(bytes: &[u8]) -> bool {
    bytes.starts_with(b"#!ipxe") || bytes.starts_with(b"#!gpxe")
}

/// Follows a script; what it sets stays set.
pub(super) fn follow(text: &str, settings: &mut IpxeSettings) -> Followed {
    let lines: Vec<&str> = text.lines().collect();
    let mut followed = Followed::default();
    let mut at = 0;
    for _ in 0..MOST_LINES {
        let Some(line) = lines.get(at) else { return followed };
        at += 1;
        match run_line(line, settings, &mut followed) {
            Flow::Succeeds => {}
            Flow::Fails | Flow::End => return followed,
            Flow::Goto(label) => {
                let is_label = |line: &&str| line.trim().strip_prefix(':') == Some(label.as_str());
                let Some(found) = lines.iter().position(is_label) else {
                    followed.note = Some(format!("it goes to {label:?}, which it does not have"));
                    return followed;
                };
                at = found + 1;
            }
            Flow::Chain(url) => {
                followed.chain = Some(url);
                return followed;
            }
            Flow::Stop(why) => {
                followed.note = Some(why);
                return followed;
            }
        }
    }
    followed.note = Some(format!("it was followed for {MOST_LINES} lines, and has no end"));
    followed.is_endless = true;
    followed
}

fn run_line(line: &str, settings: &mut IpxeSettings, followed: &mut Followed) -> Flow {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', ':']) {
        return Flow::Succeeds;
    }
    let expanded = settings.expand(line);
    let words: Vec<&str> = expanded.split_whitespace().collect();
    let mut status = true;
    let mut is_run = true;
    let mut rest = words.as_slice();
    while !rest.is_empty() {
        let end = rest.iter().position(|word| matches!(*word, "||" | "&&" | ";"));
        let (command, behind) = rest.split_at(end.unwrap_or(rest.len()));
        if is_run {
            status = match run(command, settings, followed) {
                Flow::Succeeds => true,
                Flow::Fails => false,
                other => return other,
            };
        }
        let Some((operator, tail)) = behind.split_first() else { break };
        is_run = match *operator {
            "||" => !status,
            "&&" => status,
            _ => true,
        };
        rest = tail;
        if rest.is_empty() && is_run {
            // An empty command succeeds.
            status = true;
        }
    }
    if status { Flow::Succeeds } else { Flow::Fails }
}

fn run(words: &[&str], settings: &mut IpxeSettings, followed: &mut Followed) -> Flow {
    let Some((command, arguments)) = words.split_first() else { return Flow::Succeeds };
    let plain = without_options(arguments);
    let first = plain.first().copied().unwrap_or_default().to_owned();
    let rest = plain.get(1..).unwrap_or_default().join(" ");
    let mut load = |what| {
        let load = Load { what, url: first.clone(), arguments: rest.clone() };
        if !first.is_empty() && !followed.loads.contains(&load) {
            followed.loads.push(load);
        }
    };
    match *command {
        "kernel" | "imgselect" => load(What::Kernel),
        "initrd" => load(What::Initrd),
        "module" | "imgfetch" => load(What::Other),
        "chain" | "imgexec" if !first.is_empty() => return Flow::Chain(first),
        "boot" => {
            if !first.is_empty() {
                load(What::Kernel);
            }
            return Flow::End;
        }
        "sanboot" | "sanhook" => {
            return Flow::Stop(format!("it boots from a disk in the network ({first})"));
        }
        "exit" | "poweroff" | "reboot" => return Flow::End,
        "goto" => return Flow::Goto(first),
        "set" => settings.set(untyped(&first), rest),
        "clear" => settings.set(untyped(&first), ""),
        "inc" => {
            let name = untyped(&first);
            let by: i64 = rest.parse().unwrap_or(1);
            let value: i64 = settings.get(name).parse().unwrap_or(0);
            settings.set(name, value.saturating_add(by).to_string());
        }
        "nslookup" => settings.set(untyped(&first), rest),
        "isset" if first.is_empty() => return Flow::Fails,
        "iseq" if first != rest => return Flow::Fails,
        "cpuid" if settings.get("buildarch") != "x86_64" => return Flow::Fails,
        "prompt" if arguments.iter().any(|word| word.starts_with("--timeout")) => {
            // Nobody presses the key.
            return Flow::Fails;
        }
        "prompt" | "choose" | "shell" | "login" | "config" => {
            return Flow::Stop(format!("it asks whoever is at the machine (`{command}`)"));
        }
        _ => {}
    }
    Flow::Succeeds
}

fn untyped(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}

/// A command's arguments without its options; what follows the first argument is the loaded image's own.
fn without_options<'w>(mut words: &[&'w str]) -> Vec<&'w str> {
    const WITH_VALUE: [&str; 6] = ["--name", "-n", "--timeout", "-t", "--key", "--default"];
    while let [word, rest @ ..] = words {
        if !word.starts_with('-') {
            break;
        }
        let is_apart = WITH_VALUE.contains(word);
        words = if is_apart { rest.get(1..).unwrap_or_default() } else { rest };
    }
    words.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, expect: &[&str]) {
        let mut settings = IpxeSettings::default();
        settings.set("mac", "52:54:00:00:00:01");
        settings.set("buildarch", "x86_64");
        let followed = follow(script, &mut settings);
        let mut seen: Vec<String> = followed
            .loads
            .iter()
            .map(|load| format!("{:?} {} {}", load.what, load.url, load.arguments))
            .collect();
        seen.extend(followed.chain.map(|url| format!("chain {url}")));
        seen.extend(followed.note);
        let seen: Vec<_> = seen.iter().map(|line| line.trim()).collect();
        assert_eq!(seen, expect);
    }

    #[test]
    fn what_is_loaded() {
        check(
            "#!ipxe\nkernel http://a/k console=tty0\ninitrd http://a/i\nboot\n",
            &["Kernel http://a/k console=tty0", "Initrd http://a/i"],
        );
        check(
            "set base http://a\nkernel --name k ${base}/k ip=${net0/mac:hexhyp}",
            &["Kernel http://a/k ip=52-54-00-00-00-01"],
        );
        check(
            "chain --autofree http://a/${mac} ||\nkernel b",
            &["chain http://a/52:54:00:00:00:01"],
        );
        check("boot http://a/k x=y", &["Kernel http://a/k x=y"]);
        check("# kernel a\n:kernel\n", &[]);
    }

    #[test]
    fn what_is_decided() {
        check("isset ${x} && kernel a || kernel b", &["Kernel b"]);
        check("set x 1\nisset ${x} && kernel a || kernel b", &["Kernel a"]);
        check("iseq ${mac} no || goto two\nkernel a\n:two\nkernel b", &["Kernel b"]);
        check(
            "cpuid --ext 29 && set arch x86_64 || set arch i386\nkernel ${arch}",
            &["Kernel x86_64"],
        );
        check("isset ${x}\nkernel a", &[]);
        check("isset ${x} ||\nkernel a", &["Kernel a"]);
        check("set x:int32 1\ninc x\nkernel ${x}", &["Kernel 2"]);
        check("prompt --key s --timeout 1000 now && kernel s || kernel n", &["Kernel n"]);
        check("set ${mac}x 1\nset n mac\nkernel ${${n}}", &["Kernel 52:54:00:00:00:01"]);
    }

    #[test]
    fn where_it_is_not_followed() {
        check("choose target", &["it asks whoever is at the machine (`choose`)"]);
        check("goto nowhere", &["it goes to \"nowhere\", which it does not have"]);
        check(":a\ngoto a", &["it was followed for 2000 lines, and has no end"]);
        check("sanboot iscsi:x", &["it boots from a disk in the network (iscsi:x)"]);
        check("${", &[]);
        check("kernel ${mac", &["Kernel ${mac"]);
    }

    #[test]
    fn netboots_own_script_is_followed() {
        let mut settings = IpxeSettings::default();
        let followed = follow(include_str!("../../../serve/src/script/golden.ipxe"), &mut settings);
        let urls: Vec<_> =
            followed.loads.iter().map(|load| (load.what, load.url.as_str())).collect();
        let expect = [
            (What::Kernel, "http://192.168.2.112/vmlinuz-x86_64"),
            (What::Initrd, "http://192.168.2.112/initramfs-x86_64"),
        ];
        assert_eq!(urls, expect);
        assert_eq!((followed.chain, followed.note), (None, None));
        assert_eq!(settings.get("syslog"), "192.168.2.112");
    }
}
