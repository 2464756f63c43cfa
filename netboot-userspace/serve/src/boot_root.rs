//! The watch over `boot.root`: whether it can be read, and has the boot files and what their machines run. A disk may be
//! unmounted, or not be there yet, and a file half a copy.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use netboot_base::files::Files;
use netboot_site::{
    boot_lack::Lack,
    boot_program::JudgedFiles,
    model::{BootFile, Inventory, OwnFile},
};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::health::{PartState, ServiceHealth};

const EVERY: Duration = Duration::from_secs(1);
/// For a file server that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many of hosts' own files are looked at in a second, on average.
const OWN_FILES: usize = 500;
/// So many of them are named.
const NAMED: usize = 3;

/// What machines are told to load.
#[derive(Clone)]
pub(crate) struct BootFiles {
    pub(crate) files: Files,
    /// By the configuration.
    pub(crate) names: Arc<BTreeSet<BootFile>>,
    /// Hosts may have files of their own.
    pub(crate) inventory: Inventory,
}

/// What was found so far.
#[derive(Default)]
struct Looks {
    judged: JudgedFiles,
    /// Of hosts' own files.
    own: Vec<(OwnFile, Lack)>,
    /// How often they are not looked at now.
    pause: usize,
}

/// One at a time: where the file server hangs, so does its thread.
type Look = JoinHandle<(Looks, Option<String>)>;

/// Tells how it is until it is cancelled.
pub(crate) async fn watch(
    expected: BootFiles,
    service_health: ServiceHealth,
    cancel: CancellationToken,
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    let (mut looks, mut under_way) = (Looks::default(), None);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let trouble = tokio::select! {
            () = cancel.cancelled() => return,
            trouble = look(&expected, &mut looks, &mut under_way, PATIENCE) => trouble,
        };
        if trouble == before {
            continue;
        }
        match &trouble {
            Some(why) => {
                tracing::warn!("boot.root: {why}");
            }
            None if before.is_none() => {}
            None => tracing::info!("boot.root: {} can be read", expected.files.root().display()),
        }
        service_health
            .tell(trouble.clone().map_or(PartState::Up, |why| PartState::Degraded(why.into())));
        before = trouble;
    }
}

async fn look(
    expected: &BootFiles,
    looks: &mut Looks,
    under_way: &mut Option<Look>,
    patience: Duration,
) -> Option<String> {
    let look = under_way.get_or_insert_with(|| {
        let (expected, mut looks) = (expected.clone(), std::mem::take(looks));
        tokio::task::spawn_blocking(move || {
            let trouble = looks.trouble(&expected);
            (looks, trouble)
        })
    });
    let Ok(done) = timeout(patience, look).await else {
        return Some(format!("{} does not answer", expected.files.root().display()));
    };
    *under_way = None;
    let (seen, trouble) = done.ok()?;
    *looks = seen;
    trouble
}

impl Looks {
    fn trouble(&mut self, expected: &BootFiles) -> Option<String> {
        let BootFiles { files, names, .. } = expected;
        if let Err(error) = files.check() {
            return Some(format!("{error}: machines get no files until it can be read"));
        }
        let (mut missing, mut useless) = (BTreeSet::new(), Vec::new());
        for file in names.iter() {
            match Lack::of(files, file, &mut self.judged) {
                None => {}
                Some(Lack::Missing) => {
                    missing.insert(file.name.clone());
                }
                Some(lack) => useless.push(format!("{}: {lack}", file.name)),
            }
        }
        // One file may be for several architectures.
        useless.dedup();
        self.look_at_own(expected);
        for (own, lack) in self.own.iter().take(NAMED) {
            let others = match own.others {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            let OwnFile { name, machine, .. } = own;
            match lack {
                Lack::Missing => {
                    missing.insert(format!("{name} (of host {machine}{others})"));
                }
                lack => useless.push(format!("{name} (of host {machine}{others}): {lack}")),
            }
        }
        let more = self.own.len().saturating_sub(NAMED);
        if more > 0 {
            useless.push(format!("{more} more files of hosts"));
        }
        let mut troubles = useless;
        if !missing.is_empty() {
            let missing = missing.into_iter().collect::<Vec<_>>().join(", ");
            troubles.insert(0, format!("no {missing}"));
        }
        (!troubles.is_empty()).then(|| {
            format!(
                "{} in {}: machines that are told to load it do not boot",
                troubles.join("; "),
                files.root().display()
            )
        })
    }

    /// All of them, and the more there are, the more seldom.
    fn look_at_own(&mut self, BootFiles { files, names, inventory }: &BootFiles) {
        if let Some(pause) = self.pause.checked_sub(1) {
            self.pause = pause;
            return;
        }
        let all = inventory.own_files();
        self.pause = all.len() / OWN_FILES;
        self.own.clear();
        for own in all {
            // Another node's are not ours; those that all have were looked at.
            let Some(file) = BootFile::of_host(&own.name) else { continue };
            if !names.iter().any(|known| known.name == file.name)
                && let Some(lack) = Lack::of(files, &file, &mut self.judged)
            {
                self.own.push((own, lack));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use netboot_site::model::{Architecture, Host};
    use netboot_test_kit::efi;

    /// A file server that hangs keeps one thread, and its answer counts when it comes.
    #[tokio::test]
    async fn one_look_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let expected = BootFiles {
            files: Files::new(directory.path()),
            names: Arc::default(),
            inventory: Inventory::default(),
        };
        let (answer, answers) = tokio::sync::oneshot::channel::<()>();
        let hanging = tokio::spawn(async {
            answers.await.unwrap();
            (Looks::default(), Some("late".to_owned()))
        });
        let id = hanging.id();
        let (mut looks, mut under_way) = (Looks::default(), Some(hanging));
        for _ in 0..3 {
            let trouble =
                look(&expected, &mut looks, &mut under_way, Duration::ZERO).await.unwrap();
            assert!(trouble.ends_with("does not answer"), "{trouble}");
            assert_eq!(under_way.as_ref().map(JoinHandle::id), Some(id));
        }
        answer.send(()).unwrap();
        assert_eq!(
            look(&expected, &mut looks, &mut under_way, PATIENCE).await.as_deref(),
            Some("late")
        );
        assert!(under_way.is_none());
    }

    #[test]
    fn names_what_is_missing_or_useless() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let files = Files::new(path);
        let names = [
            ("bios", Architecture::X86Bios),
            ("a.efi", Architecture::X8664Uefi),
            ("a.efi", Architecture::Code(9)),
            ("b.efi", Architecture::Arm64Uefi),
        ];
        let names = names.map(|(name, architecture)| BootFile::new(name, architecture)).into();
        let host = |last: u8, file: &str| {
            let mac = netboot_ebpf::shared::Mac { octets: [2, 0, 0, 0, 0, last] };
            Arc::new(Host { mac, boot_file: Some(file.to_owned()), ..Host::default() })
        };
        let hosts = [(1, "own"), (2, "own"), (3, "bios"), (4, "tftp://192.0.2.1/own.efi")];
        let inventory = Inventory::new(hosts.map(|(last, file)| host(last, file)));
        let expected = BootFiles { files, names: Arc::new(names), inventory: inventory.clone() };
        let mut looks = Looks::default();
        let check_look = |looks: &mut Looks, changed: &str, expect: &str| {
            let rest =
                format!(" in {}: machines that are told to load it do not boot", path.display());
            let found = looks.trouble(&expected);
            let found =
                found.map(|found| found.strip_suffix(&rest).map_or(found.clone(), str::to_owned));
            assert_eq!(found.unwrap_or_default(), expect, "{changed}");
        };
        let mut check = |changed: &str, content: Option<&[u8]>, expect: &str| {
            let file = path.join(changed);
            match content {
                // Another file of the same name, as it is put there.
                Some(content) => {
                    let before = fs::metadata(&file).and_then(|before| before.modified());
                    let beside = path.join("beside");
                    fs::write(&beside, content).unwrap();
                    if let Ok(before) = before {
                        let beside = fs::File::options().write(true).open(&beside).unwrap();
                        beside.set_modified(before).unwrap();
                    }
                    fs::rename(beside, file).unwrap();
                }
                None => fs::remove_file(file).unwrap(),
            }
            check_look(&mut looks, changed, expect);
        };
        check("own", Some(b"x"), "no a.efi, b.efi, bios");
        check("bios", Some(b"\xea\x05"), "no a.efi, b.efi");
        check("a.efi", Some(&efi(0x8664)), "no b.efi");
        check("b.efi", Some(&efi(0x8664)), "b.efi: it is a program for x86-64");
        check("b.efi", Some(&efi(0x0200)), "b.efi: it is a program for Itanium");
        check("b.efi", Some(&efi(0x8664)), "b.efi: it is a program for x86-64");
        check("a.efi", Some(b""), "a.efi: it is empty; b.efi: it is a program for x86-64");
        check("bios", None, "no bios; a.efi: it is empty; b.efi: it is a program for x86-64");
        check(
            "a.efi",
            Some(b"text"),
            "no bios; a.efi: it is no UEFI program; b.efi: it is a program for x86-64",
        );
        check("a.efi", Some(&efi(0x8664)), "no bios; b.efi: it is a program for x86-64");
        check("b.efi", Some(&efi(0xaa64)), "no bios");
        check("bios", Some(&efi(0x8664)), "bios: it is a UEFI program, which a BIOS does not run");
        check("bios", Some(b"\xea\x05"), "");
        check("own", None, "no own (of host 02:00:00:00:00:01 and 1 more)");
        check("own", Some(b""), "own (of host 02:00:00:00:00:01 and 1 more): it is empty");
        inventory.replace(Inventory::new([host(5, "none"), host(6, "own")]));
        check(
            "bios",
            Some(b"\xea\x05"),
            "no none (of host 02:00:00:00:00:05); own (of host 02:00:00:00:00:06): it is empty",
        );
        fs::create_dir(path.join("none")).unwrap();
        check("own", Some(b"x"), "none (of host 02:00:00:00:00:05): not a file");
        inventory.replace(Inventory::new((1..=9).map(|last| host(last, &last.to_string()))));
        let own = |last: u8| format!("{last} (of host 02:00:00:00:00:0{last})");
        let few = [1, 2, 3].map(own).join(", ");
        check("own", None, &format!("no {few}; 6 more files of hosts"));
    }
}
