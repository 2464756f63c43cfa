//! Every answer, read by decoders that are not ours.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use netboot_answer::{
    golden::{self, Headers, site},
    kernel::{
        FastPath,
        run::{IFINDEX, Ran, Which},
    },
    slow,
    tables::Tables,
};
use netboot_ebpf::{responder::Scratch, side::Daemon};
use netboot_site::model::{Config, DhcpOption};
use netboot_tests::readers::{self, Reply};

const OFFER: u8 = 2;
const ACK: u8 = 5;
const NAK: u8 = 6;

const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const SERVER: [u8; 4] = [172, 30, 0, 1];
const OWN: [u8; 4] = [172, 30, 0, 50];
const OTHER: [u8; 4] = [172, 30, 0, 51];
const RELAY: [u8; 4] = [172, 30, 0, 2];
const NONE: [u8; 4] = [0; 4];

/// What a request says of the machine's state.
#[derive(Clone, Copy, Debug)]
struct State {
    name: &'static str,
    message_type: u8,
    ciaddr: [u8; 4],
    /// Option 50.
    requested: Option<[u8; 4]>,
    /// Option 54.
    server: Option<[u8; 4]>,
    /// The IP destination.
    to: [u8; 4],
    answer: u8,
}

const STATES: [State; 9] = {
    const DISCOVER: State = State {
        name: "DISCOVER",
        message_type: 1,
        ciaddr: NONE,
        requested: None,
        server: None,
        to: [255; 4],
        answer: OFFER,
    };
    const SELECTING: State = State {
        name: "SELECTING",
        message_type: 3,
        requested: Some(OWN),
        server: Some(SERVER),
        answer: ACK,
        ..DISCOVER
    };
    const INIT_REBOOT: State = State { name: "INIT-REBOOT", server: None, ..SELECTING };
    const REBINDING: State =
        State { name: "REBINDING", ciaddr: OWN, requested: None, ..INIT_REBOOT };
    const RENEWING: State = State { name: "RENEWING", to: SERVER, ..REBINDING };
    [
        DISCOVER,
        SELECTING,
        INIT_REBOOT,
        RENEWING,
        REBINDING,
        State { name: "SELECTING, wrong", requested: Some(OTHER), answer: NAK, ..SELECTING },
        State { name: "INIT-REBOOT, wrong", requested: Some(OTHER), answer: NAK, ..INIT_REBOOT },
        State { name: "RENEWING, wrong", ciaddr: OTHER, answer: NAK, ..RENEWING },
        State { name: "REBINDING, wrong", ciaddr: OTHER, answer: NAK, ..REBINDING },
    ]
};

/// What a request says of the machine itself: its options.
const STAGES: [(&str, &[u8]); 5] = [
    ("plain", &[]),
    ("PXE", b"\x3c\x20PXEClient:Arch:00007:UNDI:003000\x5d\x02\0\x07\x5e\x03\x01\x03\0"),
    ("HTTP", b"\x3c\x21HTTPClient:Arch:00016:UNDI:003000\x5d\x02\0\x10\x5e\x03\x01\x03\0"),
    (
        "iPXE",
        b"\x3c\x20PXEClient:Arch:00000:UNDI:002001\x5d\x02\0\0\x4d\x04iPXE\xaf\x03\x16\x01\x01",
    ),
    ("script", b"\x4d\x0aTinkerbell\x5d\x02\0\x0b"),
];

/// What is given back: a client id, a machine's UUID.
const ECHO: &[u8] = b"\x3d\x07\x01\x52\x54\0\x12\x34\x56\x61\x11\0uuiduuiduuiduuid";
/// A relay's circuit id and remote id.
const RELAY_AGENT: &[u8] = b"\x52\x0e\x01\x04down\x02\x06\x52\x54\0\0\0\x01";

/// The way that a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Link,
    /// The client cannot be reached by its address yet.
    LinkToAll,
    Relay,
}

fn request(state: State, stage: &[u8], way: Way) -> Result<Vec<u8>> {
    let mut message = vec![1, 1, 6, u8::from(way == Way::Relay), 0x12, 0x34, 0x56, 0x78];
    message.extend([0, 9, if way == Way::LinkToAll { 0x80 } else { 0 }, 0]);
    message.extend(state.ciaddr);
    message.extend([0; 8]);
    message.extend(if way == Way::Relay { RELAY } else { NONE });
    message.extend(MAC);
    message.resize(236, 0);
    message.extend([99, 130, 83, 99, 53, 1, state.message_type]);
    for (code, address) in [(50, state.requested), (54, state.server)] {
        if let Some(address) = address {
            message.extend([code, 4]);
            message.extend(address);
        }
    }
    message.extend([57, 2, 5, 0xc0]);
    message.extend(stage);
    message.extend(ECHO);
    if way == Way::Relay {
        message.extend(RELAY_AGENT);
    }
    message.push(255);
    message.resize(message.len().max(300), 0);
    let headers = match way {
        Way::Relay => {
            Headers { source: RELAY, destination: SERVER, source_port: 67, port: 67, ttl: 64 }
        }
        Way::Link | Way::LinkToAll => Headers {
            source: state.ciaddr,
            destination: state.to,
            source_port: 68,
            port: 67,
            ttl: 64,
        },
    };
    headers.frame(&message)
}

/// Both ends that answer.
struct Ends {
    tables: Tables,
    kernel: FastPath,
    scratch: Box<Scratch>,
}

impl Ends {
    fn of(config: &Config) -> Result<Self> {
        let tables = site::tables_of(config)?;
        let kernel = FastPath::load(&tables)?;
        Ok(Self { tables, kernel, scratch: Box::new(Scratch::new()) })
    }

    /// The daemon's answer.
    fn host(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let answer =
            slow::answer::<Daemon>(frame, IFINDEX, &mut self.scratch, &self.tables).ok()?;
        Some(slow::bytes(frame, &self.scratch, answer))
    }

    /// The XDP program's answer.
    fn kernel(&mut self, frame: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.kernel.run(Which::Netboot, frame)? {
            Ran::Answered(answer) => Ok(Some(answer)),
            Ran::Passed(_) | Ran::Dropped => Ok(None),
        }
    }

    /// The answers to all states in all stages on all ways, by either end.
    fn table(&mut self) -> Result<Vec<Vec<u8>>> {
        let mut answers = Vec::new();
        for state in STATES {
            for (stage, options) in STAGES {
                for way in [Way::Link, Way::LinkToAll, Way::Relay] {
                    let request = request(state, options, way)?;
                    let what = format!("{} as {stage} over {way:?}", state.name);
                    let host =
                        self.host(&request).with_context(|| format!("no answer to {what}"))?;
                    check(&host, state, way).with_context(|| what.clone())?;
                    answers.push(host);
                    match self.kernel(&request)? {
                        Some(answer) => answers.push(answer),
                        None => ensure!(state.answer == NAK, "the kernel does not answer {what}"),
                    }
                }
            }
        }
        Ok(answers)
    }
}

/// The answer is of the type that is due, with what it has to give back.
fn check(answer: &[u8], state: State, way: Way) -> Result<()> {
    let reply = Reply::read(answer)?;
    ensure!(reply.message_type() == state.answer, "type {}", reply.message_type());
    ensure!(reply.xid() == 0x1234_5678, "xid {:08x}", reply.xid());
    let yiaddr = if state.answer == NAK { NONE } else { OWN };
    ensure!(reply.yiaddr() == Ipv4Addr::from(yiaddr), "yiaddr {}", reply.yiaddr());
    ensure!(reply.hops() == 0 && reply.secs() == 0, "hops or secs");
    let agent = (way == Way::Relay).then_some(&RELAY_AGENT[2..]);
    ensure!(reply.option(82) == agent, "option 82: {:02x?}", reply.option(82));
    ensure!(reply.option(61) == Some(&ECHO[2..9]), "option 61: {:02x?}", reply.option(61));
    let uuid = (state.answer != NAK).then_some(&ECHO[11..]);
    ensure!(reply.option(97) == uuid, "option 97: {:02x?}", reply.option(97));
    Ok(())
}

/// A site with all kinds of options.
fn everything() -> Result<Config> {
    let mut config = site::config()?;
    config.dhcp.echo_pxeclient = true;
    config.boot.script_url = Some(format!("http://172.30.0.1/{}", "u".repeat(180)));
    for subnet in &mut config.subnets {
        subnet.ntp = vec![Ipv4Addr::from(SERVER), Ipv4Addr::from(OTHER)];
        subnet.search = vec!["lab.test".to_owned(), "other.lab.test".to_owned()];
        subnet.routes = vec![
            ("10.0.0.0/8".parse()?, Ipv4Addr::from(RELAY)),
            ("198.51.100.128/25".parse()?, Ipv4Addr::from(RELAY)),
        ];
        subnet.mtu = Some(1400);
        subnet.lease_time = Some(Duration::from_secs(7200));
        subnet.options.push(DhcpOption { code: 66, value: b"172.30.0.1".to_vec() });
    }
    for host in &mut config.hosts {
        Arc::make_mut(host).options.push(DhcpOption { code: 224, value: vec![0xdd; 40] });
    }
    Ok(config)
}

#[test]
fn answers_to_real_clients_are_read_alike() -> Result<()> {
    let mut ends = Ends::of(&site::config()?)?;
    let mut answers = Vec::new();
    for golden in golden::frames()? {
        answers.extend(ends.host(&golden.frame));
        answers.extend(ends.kernel(&golden.frame)?);
    }
    ensure!(answers.len() >= 50, "{} answers", answers.len());
    readers::check(&answers)
}

#[test]
fn answers_to_all_states_are_read_alike() -> Result<()> {
    readers::check(&Ends::of(&site::config()?)?.table()?)
}

#[test]
fn answers_with_all_options_are_read_alike() -> Result<()> {
    readers::check(&Ends::of(&everything()?)?.table()?)
}

/// The answer with these options in the place of its own, as long as before.
fn with_options(answer: &[u8], options: &[u8]) -> Vec<u8> {
    let mut frame = answer.get(..42 + 240).unwrap_or_default().to_vec();
    frame.extend(options);
    frame.resize(answer.len(), 0);
    frame
}

#[test]
fn the_readers_see_faults() -> Result<()> {
    let mut ends = Ends::of(&site::config()?)?;
    let (_, pxe) = STAGES[1];
    let answer = ends.host(&request(STATES[0], pxe, Way::Relay)?).context("no answer")?;
    readers::check(std::slice::from_ref(&answer))?;
    let flipped = |at: usize| {
        let mut frame = answer.clone();
        frame[at] ^= 1;
        frame
    };
    let check = |frame: Vec<u8>, expect: &str| match readers::check(&[answer.clone(), frame]) {
        Ok(()) => bail!("nobody sees: {expect}"),
        Err(error) => {
            let error = format!("{error:#}");
            ensure!(error.contains(expect), "expected {expect:?}, got {error}");
            Ok(())
        }
    };
    const TYPE: [u8; 3] = [53, 1, 2];
    check(flipped(24), "Bad checksum")?;
    check(flipped(40), "Bad checksum")?;
    check(flipped(17), "IP says")?;
    check(flipped(39), "UDP says")?;
    check(flipped(35), "from port 66")?;
    check(flipped(42), "no BOOTREPLY")?;
    check(flipped(42 + 236), "no magic cookie")?;
    check(answer[..42 + 299].to_vec(), "IP says")?;
    check(with_options(&answer, &TYPE), "pad between options")?;
    check(with_options(&answer, &[&TYPE[..], &TYPE, &[255]].concat()), "an option occurs twice")?;
    check(with_options(&answer, &[51, 4, 0, 0, 0, 9, 53, 1, 2, 255]), "type is not first")?;
    check(with_options(&answer, &[53, 1, 2, 82, 3, 1, 1, 65, 12, 1, 65, 255]), "82 is not last")?;
    check(with_options(&answer, &[53, 1, 2, 255, 12, 1, 65]), "behind the end")?;
    // A netmask of five bytes.
    check(with_options(&answer, &[53, 1, 2, 1, 5, 255, 255, 255, 0, 0, 255]), "dhcproto")?;
    Ok(())
}
