//! The attacks by name, with what is measured.

use anyhow::Result;
use netboot_tests::daemon::Build;

use super::{
    declines, descriptors, heads, inventory, mistakes, options, room, transfers, window, writes,
};

pub(super) struct Attack {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What is measured, and its unit.
    pub(super) figures: &'static [(&'static str, &'static str)],
    /// The figures, in their order.
    pub(super) run: fn(Build) -> Result<Vec<u64>>,
}

const SERVED_OF_50: (&str, &str) = ("50 other machines that get a file", "machines");
const RESIDENT: (&str, &str) = ("memory", "KiB");
const PEAK: (&str, &str) = ("memory at most", "KiB");

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "mistakes",
        title: "20,000 equal [[host]]",
        figures: &[
            ("/readyz", "bytes"),
            ("log of 3 readings", "bytes"),
            ("memory beside 60 readers that wait", "KiB"),
            ("memory after a right one again, over that before", "KiB"),
        ],
        run: mistakes::run,
    },
    Attack {
        name: "slow-transfers",
        title: "2,048 transfers of one host, an ACK per 4.5 s each",
        figures: &[SERVED_OF_50, PEAK],
        run: transfers::slow,
    },
    Attack {
        name: "forged-requests",
        title: "341 forged RRQs a second",
        figures: &[SERVED_OF_50, PEAK],
        run: transfers::forged,
    },
    Attack {
        name: "power-on",
        title: "1,500 UEFI machines that look at the size first",
        figures: &[("refused", "machines"), ("without an answer", "machines"), PEAK],
        run: room::run,
    },
    Attack {
        name: "declines",
        title: "DECLINEs by unicast from afar for 1,000 machines",
        figures: &[("silenced", "machines")],
        run: declines::run,
    },
    Attack {
        name: "inventory",
        title: "3,000 hosts replaced ten times, all ask",
        figures: &[("unknown machines kept", "machines"), RESIDENT],
        run: inventory::run,
    },
    Attack {
        name: "descriptors",
        title: "1,000 forged RRQs a second, 1,024 descriptors",
        figures: &[("descriptors at most", "descriptors"), ("25 HTTP requests served", "requests")],
        run: descriptors::run,
    },
    Attack {
        name: "write-requests",
        title: "20,000 WRQs",
        figures: &[("log", "lines")],
        run: writes::run,
    },
    Attack {
        name: "half-heads",
        title: "2,048 half heads from 32 sources",
        figures: &[("20 HTTP requests of others served", "requests"), RESIDENT],
        run: heads::half,
    },
    Attack {
        name: "long-heads",
        title: "2,048 heads of 390 kB from 32 sources",
        figures: &[("20 HTTP requests of others served", "requests"), PEAK],
        run: heads::long,
    },
    Attack {
        name: "options",
        title: "options that nobody needs, of 10 machines",
        figures: &[
            ("answers to one of 392 bytes in pieces", "answers"),
            ("answers to 155 of them", "answers"),
        ],
        run: options::run,
    },
    Attack {
        name: "window",
        title: "an ACK for each block inside a window of 64, 1 MiB",
        figures: &[("bytes in", "bytes"), ("bytes out", "bytes")],
        run: window::run,
    },
];
