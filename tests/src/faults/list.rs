use super::{
    Cable, Fault,
    Schedule::{self, Apart, Around, Throughout},
    clock, deaths, disks, flood, links, machine, ports, reloads,
    scene::Scene,
    service::Service,
};
use anyhow::Result;

/// Every fault.
pub const FAULTS: &[Fault] = &[
    Fault {
        check: deaths::is_adopted,
        ..fault("kill", "kill -9, started again", Throughout(8), deaths::kill)
    },
    Fault {
        prepare: deaths::start_in_group,
        check: deaths::is_adopted,
        ..fault("oom", "killed for want of memory, started again", Throughout(10), deaths::oom)
    },
    Fault {
        check: deaths::is_adopted,
        ..fault(
            "oom-start",
            "kill -9, the next one killed for want of memory while it starts",
            Throughout(12),
            deaths::oom_while_adopting,
        )
    },
    Fault {
        prepare: deaths::start_keeping,
        check: deaths::is_adopted,
        ..fault("restart", "SIGTERM with --keep, started again", Throughout(8), deaths::terminate)
    },
    fault("stop", "SIGSTOP for 10 s", Throughout(15), deaths::stop),
    Fault {
        check: deaths::is_adopted,
        ..fault(
            "upgrade-kill",
            "kill -9, another build started",
            Throughout(10),
            deaths::upgrade_killed,
        )
    },
    Fault {
        prepare: deaths::start_keeping,
        check: deaths::is_adopted,
        ..fault(
            "upgrade-restart",
            "SIGTERM with --keep, another build started",
            Throughout(10),
            deaths::upgrade_terminated,
        )
    },
    fault("second", "second instance started", Throughout(6), deaths::second),
    Fault {
        check: reloads::is_new,
        ..fault("reload", "all hosts changed, reload", Throughout(12), reloads::all)
    },
    Fault {
        check: reloads::is_new,
        ..fault("reloads", "200 reloads in a row", Throughout(90), reloads::many)
    },
    Fault {
        check: reloads::is_new,
        ..fault("map-full", "inventory outgrows the map, reload", Throughout(15), reloads::grow)
    },
    Fault {
        check: reloads::is_new,
        ..fault(
            "invalid",
            "configuration and inventory made invalid",
            Throughout(10),
            reloads::invalid,
        )
    },
    fault("down", "interface down and up", Around, links::down),
    Fault {
        cable: Cable::Bridged,
        ..fault("removed", "interface removed and added", Apart, links::removed)
    },
    Fault {
        prepare: links::start_with_second,
        ..fault(
            "second-removed",
            "another interface down, removed",
            Throughout(8),
            links::second_removed,
        )
    },
    Fault {
        prepare: disks::start_on_small_disk,
        ..fault("disk-full", "disk full, room made", Throughout(10), disks::full)
    },
    fault("read-only", "state-dir not writable, writable again", Throughout(10), disks::read_only),
    Fault {
        check: disks::status_is_there,
        ..fault(
            "read-only-start",
            "kill -9, state-dir not writable at the start",
            Throughout(12),
            disks::read_only_start,
        )
    },
    Fault {
        prepare: clock::start_with_clock,
        ..fault("clock-forward", "clock set a year forward", Throughout(8), clock::forward)
    },
    Fault {
        prepare: clock::start_with_clock,
        ..fault("clock-back", "clock set a year back", Throughout(8), clock::back)
    },
    Fault {
        prepare: ports::start_with_udp_taken,
        check: ports::all_ready,
        ..fault("ports", "TFTP's and syslog's ports taken at the start", Throughout(8), ports::free)
    },
    Fault {
        prepare: ports::start_with_tcp_taken,
        check: ports::all_ready,
        ..fault("http-port", "HTTP's port taken at the start", Throughout(8), ports::free)
    },
    Fault {
        check: flood::is_bounded,
        ..fault("flood", "hostile frames beside a machine that boots", Throughout(40), flood::flood)
    },
];

/// A machine with firmware, by software emulation: for benchmarks.
pub const MACHINE_BESIDE_FLOOD: Fault = Fault {
    cable: Cable::Bridged,
    check: flood::is_bounded,
    ..fault("flood-bios", "hostile frames beside a BIOS machine", Throughout(150), machine::boot)
};

const fn fault(
    name: &'static str,
    title: &'static str,
    schedule: Schedule,
    strike: fn(&mut Scene) -> Result<()>,
) -> Fault {
    Fault { name, title, cable: Cable::Direct, schedule, prepare: start, strike, check: nothing }
}

fn start(scene: &mut Scene) -> Result<()> {
    scene.start()?;
    scene.wait_until_served(&Service::ALL)
}

#[expect(clippy::unnecessary_wraps, reason = "the type of a check")]
fn nothing(_: &mut Scene) -> Result<()> {
    Ok(())
}
