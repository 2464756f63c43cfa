//! Looks whether `boot.root` can be read, and the boot files are in it and what their machines run: a disk may be
//! unmounted, or not be there yet, and a file half a copy.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::health::{Standing, State};
use crate::{
    boot_program::{self, Judged},
    config::BootFile,
    files::{Files, Opened},
};

const EVERY: Duration = Duration::from_secs(1);
/// For a file server that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells how it is until it is cancelled.
pub(super) async fn watch(
    files: Files,
    names: Arc<BTreeSet<BootFile>>,
    standing: Standing,
    cancel: CancellationToken,
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    let judged = Arc::new(Mutex::new(Judged::default()));
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let trouble = tokio::select! {
            () = cancel.cancelled() => return,
            trouble = look(files.clone(), Arc::clone(&names), Arc::clone(&judged)) => trouble,
        };
        if trouble == before {
            continue;
        }
        match &trouble {
            Some(why) => {
                tracing::warn!("boot.root: {why}");
            }
            None if before.is_none() => {}
            None => tracing::info!("boot.root: {} can be read", files.root().display()),
        }
        standing.tell(trouble.clone().map_or(State::Up, |why| State::Degraded(why.into())));
        before = trouble;
    }
}

async fn look(
    files: Files,
    names: Arc<BTreeSet<BootFile>>,
    judged: Arc<Mutex<Judged>>,
) -> Option<String> {
    let root = files.root();
    let check = tokio::task::spawn_blocking(move || {
        let mut judged = judged.lock().unwrap_or_else(PoisonError::into_inner);
        trouble(&files, &names, &mut judged)
    });
    match timeout(PATIENCE, check).await {
        Ok(Ok(trouble)) => trouble,
        Ok(Err(_)) => None,
        Err(_elapsed) => Some(format!("{} does not answer", root.display())),
    }
}

fn trouble(files: &Files, names: &BTreeSet<BootFile>, judged: &mut Judged) -> Option<String> {
    if let Err(error) = files.check() {
        return Some(format!("{error}: machines get no files until it can be read"));
    }
    let (mut missing, mut useless) = (BTreeSet::new(), Vec::new());
    for BootFile { name, code } in names {
        let Ok(Opened { file, size, modified, .. }) = files.open(name.as_bytes()) else {
            missing.insert(name.as_str());
            continue;
        };
        let head = || boot_program::head(file);
        if let Some(why) = judged.trouble_of(name, (size, modified), *code, head) {
            useless.push(format!("{name}: {why}"));
        }
    }
    // One file may be for several architectures.
    useless.dedup();
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

#[cfg(test)]
mod tests {
    use std::{fs, time::SystemTime};

    use super::*;
    use crate::{boot_program::efi, config::Architecture};

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
        let mut judged = Judged::default();
        let mut at = SystemTime::UNIX_EPOCH;
        let mut check = |changed: &str, content: Option<&[u8]>, expect: &str| {
            let file = path.join(changed);
            match content {
                Some(content) => {
                    fs::write(&file, content).unwrap();
                    at += Duration::from_secs(1);
                    fs::File::options().write(true).open(file).unwrap().set_modified(at).unwrap();
                }
                None => fs::remove_file(file).unwrap(),
            }
            let rest =
                format!(" in {}: machines that are told to load it do not boot", path.display());
            let found = trouble(&files, &names, &mut judged);
            let found =
                found.map(|found| found.strip_suffix(&rest).map_or(found.clone(), str::to_owned));
            assert_eq!(found.unwrap_or_default(), expect, "{changed}");
        };
        check("bios", Some(b"\xea\x05"), "no a.efi, b.efi");
        check("a.efi", Some(&efi(0x8664)), "no b.efi");
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
    }
}
