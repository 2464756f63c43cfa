//! Faults while machines boot. Where the kernel can answer, not one request is lost.

use anyhow::{Result, ensure};
use netboot_tests::{
    daemon::Xdp,
    faults::{Fault, Outcome, Scale},
};

/// Little enough for perfdhcp to lose nothing by itself, on cores that other tests use too.
const SCALE: Scale = Scale {
    xdp: Xdp::Generic,
    rate: 300,
    machines: 200,
    generators: 1,
    grown: 20_000,
    hostile: 1_000_000,
};

fn check(name: &str, xdp: Xdp) -> Result<()> {
    let scale = Scale { xdp, ..SCALE };
    let Outcome { exchanges, could_not, recovery, notes, wrong } =
        Fault::named(name)?.run(&scale)?;
    println!("{name}: {exchanges:?}, {could_not} could not, {recovery:?}, {notes:?}");
    if let Some(error) = wrong {
        return Err(error);
    }
    ensure!(exchanges.discovers > 500, "hardly any load: {exchanges:?}");
    ensure!(exchanges.lost() == 0, "{} requests were lost: {exchanges:?}", exchanges.lost());
    Ok(())
}

/// Without the kernel's help load may be lost, but machines boot, and what the daemon keeps is bounded.
#[test]
fn flood_without_xdp() -> Result<()> {
    let outcome = Fault::named("flood")?.run(&Scale { xdp: Xdp::Off, ..SCALE })?;
    println!("flood without XDP: {outcome:?}");
    if let Some(error) = outcome.wrong {
        return Err(error);
    }
    ensure!(outcome.exchanges.acks > 500, "hardly any exchange: {:?}", outcome.exchanges);
    Ok(())
}

/// One slow path's failure is nothing to the others.
#[test]
fn second_interface_removed_without_xdp() -> Result<()> {
    check("second-removed", Xdp::Off)
}

/// Each fault is a test of its name.
macro_rules! faults {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[test]
            fn $test() -> Result<()> {
                check($name, Xdp::Generic)
            }
        )*

        #[test]
        fn no_fault_is_left_out() {
            let names: Vec<_> = netboot_tests::faults::FAULTS.iter().map(|it| it.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}

faults! {
    kill: "kill",
    oom_kill: "oom",
    oom_kill_at_the_start: "oom-start",
    restart_that_keeps: "restart",
    stop: "stop",
    upgrade_after_a_kill: "upgrade-kill",
    upgrade_by_a_restart: "upgrade-restart",
    second_instance: "second",
    reload_of_all_hosts: "reload",
    reloads_in_a_row: "reloads",
    map_full: "map-full",
    invalid_configuration: "invalid",
    interface_down_and_up: "down",
    interface_removed_and_added: "removed",
    second_interface_removed: "second-removed",
    disk_full: "disk-full",
    state_dir_read_only: "read-only",
    state_dir_read_only_at_the_start: "read-only-start",
    clock_forward: "clock-forward",
    clock_back: "clock-back",
    udp_ports_taken: "ports",
    http_port_taken: "http-port",
    flood: "flood",
}
