//! HookOS's kernel and initrd, which the default script loads.

use std::{fs, path::PathBuf};

use super::Candidate;
use crate::model::{DhcpMode, Host, Located, Script, Settings};

/// The notice that kernel and initrd are not there, or have nothing in them.
pub struct Absent {
    pub message: String,
    /// A machine is sent to the default script, whatever it is.
    pub is_sure: bool,
}

/// Says once what is absent, where the node serves it.
pub fn absent<'h>(
    config: &Settings,
    hosts: impl Iterator<Item = Candidate<'h>> + Clone,
) -> Option<Absent> {
    // Machines without an entry boot too, in this mode.
    let stranger = Host::default();
    let stranger = (config.dhcp.mode == DhcpMode::AutoProxy).then(|| Candidate::of(&stranger));
    let is_any = |test: &dyn Fn(&Candidate<'_>) -> bool| {
        stranger.is_some_and(|it| test(&it)) || hosts.clone().any(|it| test(&it))
    };
    let serves = config.http.is_some() && config.script.download_url.is_none();
    if !serves || !is_any(&|it| it.may_get_it()) {
        return None;
    }
    let what = lacking(kernel_and_initrd(&config.script).map(|name| config.boot.root.join(name)))?;
    let message = format!("{what}; put HookOS under boot.root, or set script.download-url");
    let subnets = Located::new(&config.subnets);
    let is_sure = is_any(&|it| it.is_surely_sent(config, &subnets));
    Some(Absent { message, is_sure })
}

/// The names of those that are no files that can be booted; `None`: all can be.
fn lacking(paths: [PathBuf; 2]) -> Option<String> {
    let (mut missing, mut empty) = (Vec::new(), Vec::new());
    for path in &paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() && metadata.len() > 0 => {}
            Ok(metadata) if metadata.is_file() => empty.push(path.display().to_string()),
            _ => missing.push(path.display().to_string()),
        }
    }
    let them = if missing.len() + empty.len() == 1 { "it" } else { "them" };
    let say = |names: Vec<String>, what: &str| {
        let are = if names.len() == 1 { "is" } else { "are" };
        (!names.is_empty()).then(|| format!("{} {are} {what}", names.join(" and ")))
    };
    let said: Vec<_> =
        [say(missing, "not there"), say(empty, "empty")].into_iter().flatten().collect();
    (!said.is_empty()).then(|| format!("{}: the default script loads {them}", said.join(", ")))
}

fn kernel_and_initrd(script: &Script) -> [String; 2] {
    let Script { arch, kernel, initrd, .. } = script;
    [
        kernel.clone().unwrap_or_else(|| format!("vmlinuz-{arch}")),
        initrd.clone().unwrap_or_else(|| format!("initramfs-{arch}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Architecture;

    /// Whether it is said, and for sure, of one machine where nothing is there.
    #[test]
    fn whether_it_is_said() {
        #[track_caller]
        fn check(file: &str, change: impl Fn(&mut Settings, &mut Vec<Host>), expect: Option<bool>) {
            let root = tempfile::tempdir().unwrap();
            let mut config = Settings::unconfigured();
            config.boot.root = root.path().to_owned();
            config.boot.script_user_classes = vec!["Tinkerbell".to_owned()];
            config.boot.files = [(Architecture::X86Bios, file.to_owned())].into();
            let mut hosts = vec![Host::default()];
            change(&mut config, &mut hosts);
            let absent = absent(&config, hosts.iter().map(Candidate::of));
            assert_eq!(absent.map(|absent| absent.is_sure), expect, "{file} {hosts:?}");
        }
        let url = || Some("http://a/b".to_owned());
        check("ipxe.efi", |_, _| {}, Some(true));
        check("pxelinux.0", |_, _| {}, Some(false));
        check("ipxe.efi", |_, hosts| hosts[0].netboot = false, None);
        check("ipxe.efi", |_, hosts| hosts.clear(), None);
        check("ipxe.efi", |config, _| config.http = None, None);
        check("ipxe.efi", |config, _| config.script.download_url = url(), None);
        let strangers = |config: &mut Settings, hosts: &mut Vec<Host>| {
            config.dhcp.mode = DhcpMode::AutoProxy;
            hosts.clear();
        };
        check("ipxe.efi", strangers, Some(true));
        check("grubx64.efi", strangers, Some(false));
    }

    #[test]
    fn what_is_lacking() {
        let root = tempfile::tempdir().unwrap();
        let check = |kernel: Option<&str>, initrd: Option<&str>, expect: Option<&str>| {
            let paths = [("k", kernel), ("i", initrd)].map(|(name, content)| {
                let path = root.path().join(name);
                match content {
                    Some(content) => fs::write(&path, content).unwrap(),
                    None => drop(fs::remove_file(&path)),
                }
                path
            });
            let prefix = format!("{}/", root.path().display());
            let said = lacking(paths).map(|said| said.replace(&prefix, ""));
            assert_eq!(said.as_deref(), expect);
        };
        check(Some("a"), Some("b"), None);
        check(None, Some("b"), Some("k is not there: the default script loads it"));
        check(Some("a"), Some(""), Some("i is empty: the default script loads it"));
        check(None, None, Some("k and i are not there: the default script loads them"));
        check(Some(""), Some(""), Some("k and i are empty: the default script loads them"));
        check(Some(""), None, Some("i is not there, k is empty: the default script loads them"));
    }
}
