//! The library in this process, and the XDP program that is run over frames (BPF_PROG_TEST_RUN).

use anyhow::{Context as _, Result, bail};
use netboot_answer::{
    golden::site,
    kernel::{
        FastPath,
        run::{IFINDEX, Ran, Which},
    },
    slow,
    tables::Tables,
};
use netboot_base::clock;
use netboot_ebpf::{
    responder::Scratch,
    shared::{Mac, Station},
    side::Daemon,
    verdict::Verdict,
};
use netboot_site::model::Config;

use super::site::Site;

/// Both, on the tables of one configuration.
pub(super) struct Library {
    tables: Tables,
    fast: FastPath,
    scratch: Box<Scratch>,
}

impl Library {
    pub(super) fn new(config: &Config, site: &Site) -> Result<Self> {
        let mut tables = site::tables_of(config)?;
        if site.declined {
            let station = Station::untagged(Mac { octets: site.station() });
            let now = clock::since_boot();
            let until = now + config.dhcp.decline_time;
            let row = tables.reservations.get(&station).context("the machine's reservation")?;
            let address = row.address;
            let rows = tables.reservations.values_mut();
            for row in rows.filter(|row| row.address == address) {
                row.quarantined_until = u64::try_from(until.as_nanos())?;
            }
            tables.quarantine.hold(station, address.into(), now);
        }
        let fast = FastPath::load(&tables)?;
        Ok(Self { tables, fast, scratch: Box::new(Scratch::new()) })
    }

    /// What the slow path's function makes of a frame.
    pub(super) fn host(&mut self, frame: &[u8]) -> (Verdict, Option<Vec<u8>>) {
        match slow::answer::<Daemon>(frame, IFINDEX, &mut self.scratch, &self.tables) {
            Ok(answer) => (answer.verdict, Some(slow::bytes(frame, &self.scratch, answer))),
            Err(verdict) => (verdict, None),
        }
    }

    /// What the XDP program makes of a frame, and counts it as.
    pub(super) fn kernel(&mut self, frame: &[u8]) -> Result<(Verdict, Ran)> {
        let before = self.fast.counters()?.verdicts;
        let ran = self.fast.run(Which::Netboot, frame)?;
        let after = self.fast.counters()?.verdicts;
        let counted: Vec<Verdict> = Verdict::ALL
            .into_iter()
            .zip(before.iter().zip(after))
            .filter(|(_, (before, after))| *before != after)
            .map(|(verdict, _)| verdict)
            .collect();
        let [verdict] = counted[..] else {
            bail!("the kernel counted {counted:?}, not one verdict")
        };
        Ok((verdict, ran))
    }
}
