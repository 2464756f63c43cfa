//! From the change of a file to the first answer that shows it: one host of many, and all.

use std::{
    net::{Ipv4Addr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use dhcproto::{
    Decodable as _, Decoder, Encodable as _,
    v4::{DhcpOption, Message, MessageType, OptionCode},
};
use netboot_tests::{
    daemon::{Xdp, wait_until_ready_within},
    interrupt,
    lab::INTERFACE,
    load::Load,
    process::Process,
    wire::{SERVER, Wire},
};
use serde_json::{Value, json};

use crate::{
    inventory::{Format, mac},
    table::{row, table},
    usage,
};

const ROUNDS: u32 = 5;
const DEADLINE: Duration = Duration::from_secs(120);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(1);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Reservations
    #[arg(long, default_value_t = 100_000)]
    hosts: u32,
    #[arg(long)]
    json: bool,
}

/// A change, or the start.
struct Row {
    format: Format,
    xdp: Xdp,
    what: &'static str,
    bytes: usize,
    times: Times,
}

/// The file's text in a round, and the name of the machine that is asked for.
type Change<'c> = dyn Fn(u32) -> (String, String) + Sync + 'c;

#[derive(Clone, Copy)]
struct Times {
    /// From the file's change to the first answer that shows it.
    answered: Duration,
    /// To the line that the daemon logs.
    said: Duration,
    /// The longest time without an answer.
    silence: Duration,
    /// Of the daemon, until it said so.
    cpu: Duration,
}

pub(crate) fn command(args: &Args) -> Result<()> {
    let header = format!("reload: fastest of {ROUNDS}; {}", usage::machine());
    eprintln!("{header}");
    let mut rows = Vec::new();
    for (format, xdp) in
        [(Format::Toml, Xdp::Generic), (Format::Csv, Xdp::Generic), (Format::Csv, Xdp::Off)]
    {
        eprintln!("== {} hosts of {format}, XDP {xdp:?}", args.hosts);
        rows.extend(measure(format, xdp, args.hosts)?);
    }
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        println!("{}", json!({ "setting": header, "hosts": args.hosts, "rows": rows }));
    } else {
        print!("{}", summary(&rows));
    }
    Ok(())
}

fn measure(format: Format, xdp: Xdp, hosts: u32) -> Result<Vec<Row>> {
    let wire = Wire::new(1)?;
    let setup = format.setup(xdp)?;
    let text = format.hosts(0..hosts, "node");
    format.replace(&setup, &text)?;
    let begin = Instant::now();
    let mut daemon = setup.spawn(&wire.server, INTERFACE)?.quiet();
    wait_until_ready_within(&mut daemon, DEADLINE)?;
    let start = begin.elapsed();
    let times = Times {
        answered: start,
        said: start,
        silence: Duration::ZERO,
        cpu: usage::of_process(daemon.id())?,
    };
    let bytes = text.len();
    let mut rows = vec![Row { format, xdp, what: "start", bytes, times }];
    let asked = hosts / 2;
    let own = format!("node{asked}");
    let one = |round| {
        let name = format!("one{round}");
        (text.replacen(&own, &name, 1), name)
    };
    let all = |round| {
        let name = format!("all{round}-");
        (format.hosts(0..hosts, &name), format!("{name}{asked}"))
    };
    let changes: [(_, &Change<'_>); 2] = [("one", &one), ("all", &all)];
    let measured = wire.client.enter(|| {
        let asker = Asker::new(asked)?;
        changes
            .iter()
            .map(|(what, change)| {
                let rounds = (0..ROUNDS).map(|round| {
                    let (text, name) = change(round);
                    let begin = format.replace(&setup, &text)?;
                    asker.watch(begin, &name, &daemon)
                });
                let times = fastest(&rounds.collect::<Result<Vec<_>>>()?);
                Ok(Row { format, xdp, what, bytes, times })
            })
            .collect::<Result<Vec<_>>>()
    });
    let log = daemon.stderr();
    rows.extend(measured.with_context(|| format!("the daemon's log:\n{log}"))?);
    for line in log.lines().filter(|line| line.contains("reloaded")) {
        eprintln!("   {line}");
    }
    let output = daemon.terminate(DEADLINE)?;
    ensure!(output.status.success(), "{}:\n{}", output.status, output.stderr);
    Ok(rows)
}

/// Each time by itself; of the silences the longest.
fn fastest(rounds: &[Times]) -> Times {
    let least = |of: fn(&Times) -> Duration| rounds.iter().map(of).min().unwrap_or_default();
    Times {
        answered: least(|times| times.answered),
        said: least(|times| times.said),
        silence: rounds.iter().map(|times| times.silence).max().unwrap_or_default(),
        cpu: least(|times| times.cpu),
    }
}

/// A relay that asks for one machine, over and over.
struct Asker {
    socket: UdpSocket,
    mac: [u8; 6],
}

impl Asker {
    /// In the client's namespace.
    fn new(number: u32) -> Result<Self> {
        let socket = UdpSocket::bind((Load::relay(0), 67))?;
        socket.set_read_timeout(Some(PAUSE))?;
        Ok(Self { socket, mac: mac(number) })
    }

    /// Asks until the answers have this name, and the daemon has said that it has reloaded.
    fn watch(&self, begin: Instant, name: &str, daemon: &Process) -> Result<Times> {
        let cpu = usage::of_process(daemon.id())?;
        let reloads = || daemon.stderr().matches("reloaded: ").count();
        let before = reloads();
        let (mut answered, mut said) = (None, None);
        let (mut last, mut silence) = (begin, Duration::ZERO);
        loop {
            interrupt::check()?;
            if self.ask()?.is_some_and(|answer| {
                silence = silence.max(last.elapsed());
                last = Instant::now();
                answer == name
            }) {
                answered.get_or_insert(begin.elapsed());
            }
            if said.is_none() && reloads() > before {
                said = Some(begin.elapsed());
            }
            if let (Some(answered), Some(said)) = (answered, said) {
                let cpu = usage::of_process(daemon.id())?.saturating_sub(cpu);
                return Ok(Times { answered, said, silence, cpu });
            }
            ensure!(begin.elapsed() < DEADLINE, "no answer with the name {name}");
        }
    }

    /// The name in the OFFER, if there is one at once.
    fn ask(&self) -> Result<Option<String>> {
        let none = Ipv4Addr::UNSPECIFIED;
        let mut request = Message::new(none, none, none, Load::relay(0), &self.mac);
        let options = request.opts_mut();
        options.insert(DhcpOption::MessageType(MessageType::Discover));
        options.insert(DhcpOption::ParameterRequestList(vec![OptionCode::Hostname]));
        self.socket.send_to(&request.to_vec()?, (SERVER, 67)).ok();
        let mut bytes = [0; 1500];
        let Ok((len, _)) = self.socket.recv_from(&mut bytes) else { return Ok(None) };
        let answer = Message::decode(&mut Decoder::new(&bytes[..len]))?;
        let Some(DhcpOption::Hostname(name)) = answer.opts().get(OptionCode::Hostname) else {
            return Ok(None);
        };
        Ok(Some(name.clone()))
    }
}

impl Row {
    fn json(&self) -> Value {
        let Times { answered, said, silence, cpu } = self.times;
        json!({
            "format": self.format.to_string(),
            "xdp": format!("{:?}", self.xdp),
            "what": self.what,
            "bytes": self.bytes,
            "answered_seconds": answered.as_secs_f64(),
            "said_seconds": said.as_secs_f64(),
            "silence_seconds": silence.as_secs_f64(),
            "cpu_seconds": cpu.as_secs_f64(),
        })
    }
}

fn summary(rows: &[Row]) -> String {
    let mut cells = vec![row(["hosts", "XDP", "changed", "answered", "said", "silence", "CPU"])];
    let ms = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1000.0);
    for Row { format, xdp, what, times, .. } in rows {
        let Times { answered, said, silence, cpu } = *times;
        let xdp = format!("{xdp:?}").to_lowercase();
        cells.push(vec![
            format.to_string(),
            xdp,
            (*what).to_owned(),
            ms(answered),
            ms(said),
            ms(silence),
            ms(cpu),
        ]);
    }
    table(&cells)
}
