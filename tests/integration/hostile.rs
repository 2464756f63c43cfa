//! The daemon among frames that are nearly right.

use anyhow::{Result, ensure};
use netboot_answer::golden;
use netboot_tests::{
    clients::{self, Identity},
    daemon::Xdp,
    lab::{CLIENT, INTERFACE, Lab},
    mutate::{Random, mutate},
    packets::send_frames,
};

use crate::site::Site;

const FRAMES: usize = 50_000;

fn check(xdp: Xdp) -> Result<()> {
    let lab = Lab::new()?;
    let daemon = Site::new()?.setup(xdp)?.start(&lab.server, INTERFACE)?;
    let golden = golden::frames()?;
    let mut random = Random::new(6);
    let frames = (0..FRAMES).map(|_| {
        let mut frame = golden[random.below(golden.len())].frame.clone();
        mutate(&mut random, &mut frame);
        frame
    });
    let sent = send_frames(&lab.client, INTERFACE, frames)?;
    ensure!(sent > FRAMES as u64 / 2, "only {sent} frames were sent");

    let identity = Identity { user_class: None, vendor_class: None, architecture: None };
    let lease = clients::udhcpc(&lab.client, INTERFACE, identity)?;
    ensure!(lease.address == CLIENT.to_string(), "{lease:?}");
    // Frames that a full queue dropped nobody saw; what was seen is counted.
    let counts = daemon.counts(&lab.server)?;
    ensure!(
        counts.values().map(|count| count.kernel + count.userspace).sum::<u64>() > 1000,
        "{counts:?}"
    );
    daemon.stop()
}

#[test]
fn the_kernel_answers_after_hostile_frames() -> Result<()> {
    check(Xdp::Generic)
}

#[test]
fn the_daemon_answers_after_hostile_frames() -> Result<()> {
    check(Xdp::Off)
}
