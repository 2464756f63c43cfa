//! `netboot explain`

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, ensure};
use netboot_answer::kernel::{self, shadow::Shadow};
use netboot_base::format::Format;
use netboot_ebpf::shared::Mac;
use netboot_machines::status::{self, NotRunning, Status};
use netboot_site::{
    config,
    model::{Config, XdpMode},
};
use netboot_tools::explain::{
    Capture, Explanation, Machine, Outcome, Site, Step, WithoutXdp, compare, explain, render,
    render_steps, steps,
};

use super::{config_file, print};
use crate::args::ExplainArgs;

/// The exit codes beside 0 and 1.
const NOBODY_ANSWERS: u8 = 4;
const RUNNING_DIFFERS: u8 = 5;

/// Says what would be answered to a machine, and why.
///
/// # Errors
/// The configuration or the capture cannot be read, or the output cannot be written.
pub fn explain_machine(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let path = match config_file(&args.config) {
        Ok(path) => path,
        Err(code) => return Ok(code),
    };
    let mut loaded = config::load_to_run(&path)?;
    let mut notes = Vec::new();
    let daemon = daemon(&loaded.config, &mut notes);
    choose_interfaces(&mut loaded.config, args.interface.as_deref(), daemon.as_ref());
    let site = Site::here(loaded)?;
    notes.extend(site.assumptions.iter().cloned());
    let names = site.links.iter().map(|link| link.name.as_str());
    let without_xdp = without_xdp(&site.config, names, daemon.as_ref());
    let mut steps = match &args.pcap {
        Some(file) => captured(&site, &without_xdp, args, file, &mut notes)?,
        None => assumed(&site, &without_xdp, args)?,
    };
    if let Some(daemon) = &daemon
        && let Err(error) = ask_running(&site, daemon, &mut steps)
    {
        notes.push(format!("not compared with the running daemon: {error:#}"));
    }
    print(&text(args, &steps, &notes)?).context("cannot print")?;
    Ok(exit_code(&steps))
}

fn exit_code(steps: &[Step]) -> ExitCode {
    let any = |is: fn(&Explanation) -> bool| steps.iter().any(|step| is(&step.explanation));
    if any(Explanation::differs) {
        ExitCode::from(RUNNING_DIFFERS)
    } else if steps.is_empty() || any(Explanation::is_unanswered) {
        ExitCode::from(NOBODY_ANSWERS)
    } else {
        ExitCode::SUCCESS
    }
}

fn text(args: &ExplainArgs, steps: &[Step], notes: &[String]) -> anyhow::Result<String> {
    let explanations: Vec<_> = steps.iter().map(|step| &step.explanation).collect();
    if args.format.choose() == Format::Json {
        for note in notes {
            eprintln!("note: {note}");
        }
        let text = serde_json::to_string_pretty(&explanations).context("write as JSON")?;
        return Ok(text + "\n");
    }
    let mut out = String::new();
    if args.pcap.is_none() && args.message.is_none() {
        out += &render_steps(steps);
    } else {
        let blocks: Vec<_> = explanations.into_iter().map(render).collect();
        out += &blocks.join("\n");
    }
    for note in notes {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "note: {note}");
    }
    Ok(out)
}

fn assumed(site: &Site, without_xdp: &WithoutXdp, args: &ExplainArgs) -> anyhow::Result<Vec<Step>> {
    let instances: usize = args.user_classes.iter().map(|class| 1 + class.len()).sum();
    ensure!(
        args.user_classes.len() < 2 || instances <= 255,
        "the user classes have {instances} bytes together, and a DHCP option has 255 at most"
    );
    let machine = Machine {
        architecture: args.arch,
        user_classes: args.user_classes.clone(),
        vendor_class: args.vendor_class.clone(),
        relay: args.relay,
        vlan: args.vlan,
        ..Machine::new(args.mac.context("name the machine's MAC, or a capture with --pcap")?)
    };
    Ok(steps(site, without_xdp, &machine, args.message, args.interface.as_deref()))
}

fn captured(
    site: &Site,
    without_xdp: &WithoutXdp,
    args: &ExplainArgs,
    file: &Path,
    notes: &mut Vec<String>,
) -> anyhow::Result<Vec<Step>> {
    let capture = Capture::read(file, args.mac)?;
    let name = file.display();
    let of = args.mac.map_or_else(String::new, |mac: Mac| format!(" of {mac}"));
    if capture.requests.is_empty() {
        notes.push(format!(
            "{name} has {} frames, but no DHCP request{of}: it does not reach the place of the capture, or \
             was not captured (`tcpdump -i DEV -w FILE port 67 or port 68`)",
            capture.frames
        ));
    }
    notes.extend(capture.notes.iter().map(|note| format!("{name}: {note}")));
    if capture.left_out > 0 {
        notes.push(format!("{name}: {} more requests are not shown", capture.left_out));
    }
    let explained = |request: &netboot_tools::explain::Captured| {
        let source = format!("frame {}", request.number);
        let wanted = args.interface.as_deref();
        let mut explanation = explain(site, without_xdp, &request.frame, wanted, &source)?;
        if request.cut > 0 {
            let note = format!("the capture left out its last {} bytes (snap length)", request.cut);
            explanation.notes.push(note);
        }
        Some(Step { who: source, frame: request.frame.clone(), explanation })
    };
    Ok(capture.requests.iter().filter_map(explained).collect())
}

/// What the running daemon says of itself.
fn daemon(config: &Config, notes: &mut Vec<String>) -> Option<Status> {
    match status::fetch(&config.state_dir) {
        Ok(status) => Some(status),
        Err(error) if error.is::<NotRunning>() => {
            notes.push(
                "no daemon runs with this configuration: start it with `netboot run`".to_owned(),
            );
            None
        }
        Err(error) => {
            notes.push(format!("not compared with the running daemon: {error:#}"));
            None
        }
    }
}

/// Those of the configuration, of the command line, or of the daemon that was started with others.
fn choose_interfaces(config: &mut Config, wanted: Option<&str>, daemon: Option<&Status>) {
    let running = || daemon.map(|daemon| daemon.interfaces.iter().map(|own| own.name.clone()));
    if let Some(wanted) = wanted {
        if !config.interfaces.iter().any(|name| name == wanted) {
            config.override_interfaces(vec![wanted.to_owned()]);
        }
    } else if config.interfaces.is_empty() {
        config.override_interfaces(running().into_iter().flatten().collect());
    }
}

/// Where the kernel does not answer, by what the daemon says or the configuration.
fn without_xdp<'n>(
    config: &Config,
    names: impl Iterator<Item = &'n str>,
    daemon: Option<&Status>,
) -> WithoutXdp {
    let interfaces = daemon.map(|daemon| daemon.interfaces.as_slice()).unwrap_or_default();
    let why = |name: &str| match interfaces.iter().find(|own| own.name == name) {
        Some(own) if own.mode == OFF => {
            let note = own.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
            Some(format!("XDP is off at {name}{note}"))
        }
        Some(_) => None,
        None if config.xdp.mode == XdpMode::Off => Some("XDP is off (xdp.mode)".to_owned()),
        None if !kernel::IS_BUILT_IN => {
            Some("this netboot was built without the XDP program".to_owned())
        }
        None => None,
    };
    names.filter_map(|name| Some((name.to_owned(), why(name)?))).collect()
}

/// As the daemon names it.
const OFF: &str = "off";

/// Runs the same frames through the program with the running daemon's tables.
fn ask_running(site: &Site, daemon: &Status, steps: &mut [Step]) -> anyhow::Result<()> {
    ensure!(
        daemon.interfaces.iter().any(|own| own.mode != OFF),
        "it answers without XDP, and shows nobody its tables"
    );
    let mut shadow = Shadow::open(&site.config.xdp.pin_path)?;
    let why = why_different(site, daemon);
    for Step { frame, explanation, .. } in steps {
        let name = &explanation.request.interface;
        let Some(link) = site.links.iter().find(|link| link.name == *name) else { continue };
        let own = daemon.interfaces.iter().find(|own| own.name == *name);
        let own = own.with_context(|| format!("it does not answer at {name}"))?;
        if own.mode == OFF {
            continue;
        }
        let (verdict, answer) = shadow.run(frame, link.index)?;
        compare(explanation, site, frame, &Outcome { verdict, answer }, &why);
    }
    Ok(())
}

/// Why a running daemon does something else than its configuration says.
fn why_different(site: &Site, daemon: &Status) -> String {
    // The daemon tells whole seconds.
    let up = Duration::from_secs(daemon.uptime_seconds + 1);
    let started = SystemTime::now().checked_sub(up).unwrap_or(SystemTime::UNIX_EPOCH);
    let is_newer = |path: &&PathBuf| {
        let modified = path.metadata().and_then(|data| data.modified());
        modified.is_ok_and(|modified| modified > started)
    };
    let edited: Vec<_> =
        site.files.iter().filter(is_newer).map(|path| path.display().to_string()).collect();
    if !edited.is_empty() {
        return format!(
            "{} was edited since the daemon started: its log says why that is not in service",
            edited.join(", ")
        );
    }
    if daemon.version != env!("CARGO_PKG_VERSION") {
        return format!("the daemon is netboot {}: restart it", daemon.version);
    }
    "the daemon was started with other options or another file, or the node's addresses changed: restart it"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use netboot_machines::status::InterfaceStatus;

    /// Each interface's own mode counts, whichever the daemon lists first.
    #[test]
    fn why_the_kernel_does_not_answer_at_an_interface() {
        let own = |name: &str, mode: &str, note: Option<&str>| InterfaceStatus {
            name: name.to_owned(),
            mode: mode.to_owned(),
            note: note.map(str::to_owned),
        };
        let interfaces = vec![
            own("eth0", OFF, Some("no driver")),
            own("eth1", "native", None),
            own("eth2", OFF, None),
        ];
        let daemon = Status { interfaces, ..Status::default() };
        let mut config = Config::unconfigured();
        config.xdp.mode = XdpMode::Off;
        let names = ["eth0", "eth1", "eth2", "eth3"];
        let found = without_xdp(&config, names.into_iter(), Some(&daemon));
        let found: Vec<_> = found.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        assert_eq!(
            found,
            [
                "eth0: XDP is off at eth0: no driver",
                "eth2: XDP is off at eth2",
                "eth3: XDP is off (xdp.mode)"
            ]
        );
    }
}
