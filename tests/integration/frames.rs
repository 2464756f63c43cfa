//! The kernel and the library give the same bytes for the same frame.

use anyhow::{Context as _, Result, ensure};
use dhcproto::{Decodable as _, Decoder, v4};
use netboot::{
    config::{Config, DhcpOption},
    fastpath::{FastPath, run::Ran},
    selftest::{compare, golden, site},
};
use netboot_tests::mutate::{Random, mutate};

/// Every answer is read by a second decoder.
fn decode(answer: &[u8]) -> Result<v4::Message> {
    let message = answer.get(42..).context("the answer is shorter than its headers")?;
    let message = v4::Message::decode(&mut Decoder::new(message))?;
    ensure!(message.opcode() == v4::Opcode::BootReply, "the answer is no BOOTREPLY");
    for code in [
        v4::OptionCode::MessageType,
        v4::OptionCode::ServerIdentifier,
        v4::OptionCode::AddressLeaseTime,
    ] {
        ensure!(message.opts().contains(code), "the answer has no {code:?}");
    }
    Ok(message)
}

/// Runs the golden frames, and mutations of them; returns how many were answered of how many.
fn check(config: &Config, mutations: usize, seed: u64) -> Result<(usize, usize)> {
    let tables = site::tables_of(config)?;
    let mut fast = FastPath::load(&tables)?;
    let golden = golden::frames()?;
    let mut random = Random::new(seed);
    let (mut answered, mut run) = (0, 0);
    let mutated = (0..mutations).map(|_| {
        let mut frame = golden[random.below(golden.len())].frame.clone();
        mutate(&mut random, &mut frame);
        frame
    });
    for frame in golden.iter().map(|golden| golden.frame.clone()).chain(mutated) {
        run += 1;
        match compare(&mut fast, &tables, &frame)? {
            Ran::Answered(answer) => {
                answered += 1;
                decode(&answer)
                    .with_context(|| format!("{frame:02x?} is answered by {answer:02x?}"))?;
            }
            Ran::Passed(_) => {}
        }
    }
    Ok((answered, run))
}

#[test]
fn golden_frames_are_answered_alike() -> Result<()> {
    // Requests to port 4011 are not ours to answer.
    let (answered, run) = check(&site::config()?, 0, 1)?;
    let elsewhere =
        golden::frames()?.iter().filter(|golden| golden.frame[36..38] != [0, 67]).count();
    assert_eq!(answered, run - elsewhere);
    Ok(())
}

#[test]
fn a_hundred_thousand_mutations_are_treated_alike() -> Result<()> {
    let (answered, run) = check(&site::config()?, 100_000, 2)?;
    assert!(run == 100_030 && answered > 10_000, "{answered} of {run} were answered");
    Ok(())
}

/// Another site: long names, full blocks, everything switched the other way.
#[test]
fn other_sites_are_treated_alike() -> Result<()> {
    let mut config = site::config()?;
    config.dhcp.authoritative = false;
    config.dhcp.shared_networks = true;
    config.dhcp.echo_pxeclient = true;
    config.dhcp.skip_proxydhcp = false;
    config.boot.script_url = Some(format!("http://172.30.0.1/{}", "u".repeat(220)));
    config.boot.script_user_classes.push("first".to_owned());
    for subnet in &mut config.subnets {
        subnet.options.push(DhcpOption { code: 224, value: vec![0xee; 170] });
    }
    for host in &mut config.hosts {
        host.options.push(DhcpOption { code: 225, value: vec![0xdd; 110] });
    }
    let (answered, run) = check(&config, 20_000, 3)?;
    assert!(answered > 500, "{answered} of {run} were answered");

    let mut config = site::config()?;
    config.hosts.iter_mut().for_each(|host| host.netboot = false);
    check(&config, 10_000, 4)?;
    config.hosts.clear();
    let (answered, _) = check(&config, 10_000, 5)?;
    assert_eq!(answered, 0, "unknown machines are never answered");
    Ok(())
}
