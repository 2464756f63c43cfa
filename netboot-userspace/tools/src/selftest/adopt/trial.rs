//! A daemon's program over the loopback interface, one daemon after another.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, ensure};
use netboot_answer::{
    golden,
    kernel::{
        self, KernelCounters, Resident, Takeover,
        run::{IFINDEX, Ran},
        shadow::Shadow,
    },
    slow,
    tables::Tables,
};
use netboot_base::links::{self, Link};
use netboot_ebpf::{responder::Scratch, shared::Deadlines, side::Kernel};
use netboot_site::model::XdpMode;

use super::{
    super::{compare, find},
    variants::{self, Variant},
    wire::RequestWire,
};

/// Where the checks are made.
pub(super) struct Trial {
    directory: PathBuf,
    link: Link,
    frames: Vec<golden::Golden>,
    pub(super) wire: RequestWire,
}

/// What a daemon that was killed left.
pub(super) struct Left {
    /// The number of the program that is attached.
    program: u32,
    /// The inode of the link's pin.
    link: u64,
    counters: KernelCounters,
}

impl Trial {
    pub(super) fn new() -> anyhow::Result<Self> {
        let link = links::all()?.remove("lo").context("this node has no loopback device")?;
        ensure!(link.index == IFINDEX, "the loopback device's number is not {IFINDEX}");
        let directory = format!("/sys/fs/bpf/netboot-selftest-{}", process::id());
        let wire = RequestWire::open(&link)?;
        Ok(Self { directory: directory.into(), link, frames: golden::frames()?, wire })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The first daemon of all.
    pub(super) fn begin(&self, variant: Variant) -> anyhow::Result<(Resident, Tables)> {
        let tables = variants::tables(variant)?;
        let (mut resident, start) = self.start(&tables)?;
        ensure!(start == Takeover::Fresh, "there was something at the beginning: {start:?}");
        ensure!(self.attached()?.is_none(), "it was attached before it was told to");
        let (mode, _) = resident.attach(&self.link, XdpMode::Generic)?;
        ensure!(mode == XdpMode::Generic, "it was attached in another mode");
        self.serves(&mut resident, &tables)?;
        Ok((resident, tables))
    }

    fn start(&self, tables: &Tables) -> anyhow::Result<(Resident, Takeover)> {
        Resident::start(&self.directory, tables, &Deadlines::NEVER, &|copy| {
            self.stands(tables, copy)
        })
    }

    /// A daemon dies, and says nothing: the kernel goes on.
    pub(super) fn kill(&self, resident: Resident, tables: &Tables) -> anyhow::Result<Left> {
        let program = self.attached()?.context("no program is attached")?;
        let counts = resident.counts()?;
        drop(resident);
        ensure!(self.attached()? == Some(program), "the program went with its daemon");
        self.answers(tables).context("without a daemon")?;
        Ok(Left { program, link: self.link_pin()?, counters: counts.read()? })
    }

    /// The next daemon starts.
    pub(super) fn again(
        &self,
        left: &Left,
        tables: &Tables,
    ) -> anyhow::Result<(Resident, Takeover)> {
        let (mut resident, start) = self.start(tables)?;
        let program = self.attached()?.context("no program is attached any more")?;
        ensure!(program != left.program, "the program was not replaced");
        ensure!(self.link_pin()? == left.link, "the link is another one");
        ensure!(!self.directory.join("next").exists(), "next/ is still there");
        let counters = resident.counts()?.read()?;
        ensure!(
            counters.verdicts == left.counters.verdicts,
            "the counters are not what they were: {counters:?} instead of {:?}",
            left.counters
        );
        self.serves(&mut resident, tables)?;
        Ok((resident, start))
    }

    /// All golden requests are answered as they must be by the program in service, and one of them by the
    /// attached one.
    pub(super) fn serves(&self, resident: &mut Resident, tables: &Tables) -> anyhow::Result<()> {
        let mut answered = 0;
        for golden in &self.frames {
            let ran = compare(resident.program(), tables, &golden.frame)
                .with_context(|| golden.name.clone())?;
            answered += usize::from(matches!(ran, Ran::Answered(_)));
        }
        ensure!(answered > 0, "no golden request was answered");
        resident.check(tables, &|copy| self.stands(tables, copy))?;
        self.answers(tables)
    }

    /// What a daemon asks of a program before that is put in service.
    pub(super) fn stands(&self, tables: &Tables, copy: &mut Shadow) -> anyhow::Result<()> {
        for golden in &self.frames {
            let wanted = answer(tables, &golden.frame);
            let (_, got) = copy.run(&golden.frame, IFINDEX)?;
            ensure!(got == wanted, "{}: {got:02x?} instead of {wanted:02x?}", golden.name);
        }
        Ok(())
    }

    fn answers(&self, tables: &Tables) -> anyhow::Result<()> {
        let got = self.wire.ask(self.request()?)?;
        let wanted = self.answer(tables)?;
        ensure!(got == wanted, "the answer on the wire is another:\n{got:02x?}\n{wanted:02x?}");
        Ok(())
    }

    /// The request that is sent over the wire.
    pub(super) fn request(&self) -> anyhow::Result<&[u8]> {
        Ok(&find(&self.frames, golden::PXE_DISCOVER)?.frame)
    }

    /// The answer to it.
    pub(super) fn answer(&self, tables: &Tables) -> anyhow::Result<Vec<u8>> {
        answer(tables, self.request()?).context("the request is not answered")
    }

    /// The number of the program that is attached.
    pub(super) fn attached(&self) -> anyhow::Result<Option<u32>> {
        links::xdp_program(self.link.index)
    }

    /// Nothing is left.
    pub(super) fn is_clear(&self) -> anyhow::Result<()> {
        ensure!(!self.directory.exists(), "{} is still there", self.directory.display());
        ensure!(self.attached()?.is_none(), "a program is still attached");
        Ok(())
    }

    pub(super) fn clear(&self) -> anyhow::Result<()> {
        kernel::remove(&self.directory)?;
        self.is_clear()
    }

    fn link_pin(&self) -> anyhow::Result<u64> {
        let pin = self.directory.join("links").join(self.link.index.to_string());
        Ok(fs::metadata(&pin).with_context(|| format!("cannot find {}", pin.display()))?.ino())
    }
}

fn answer(tables: &Tables, request: &[u8]) -> Option<Vec<u8>> {
    let mut scratch = Box::new(Scratch::new());
    let answer = slow::answer::<Kernel>(request, IFINDEX, &mut scratch, tables).ok()?;
    Some(slow::bytes(request, &scratch, answer))
}
