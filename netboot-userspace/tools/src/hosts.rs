//! Edits of the `[[host]]` entries of a file in place: every byte that is not of the entry stays.

mod entry;

use std::{
    fs::{self, File},
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use netboot_base::{
    lock, mac,
    replace::{self, FilePlace},
};
use netboot_ebpf::shared::Mac;
use netboot_site::{
    config::{self, HostEntry, InventoryFormat, Loaded, is_same_file, load_edited, open_regular},
    model::Host,
};

/// What an operator calls a host by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostKey {
    Mac(Mac),
    Ip(Ipv4Addr),
    Hostname(String),
}

impl HostKey {
    #[must_use]
    pub fn new(text: &str) -> Self {
        if let Ok(mac) = mac::parse(text) {
            return Self::Mac(mac);
        }
        text.parse().map_or_else(|_| Self::Hostname(text.to_owned()), Self::Ip)
    }

    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        match self {
            Self::Mac(mac) => host.macs().contains(mac),
            Self::Ip(ip) => host.ip == *ip,
            Self::Hostname(name) => {
                host.hostname.as_ref().is_some_and(|hostname| hostname.eq_ignore_ascii_case(name))
            }
        }
    }
}

/// Adds a host to the configuration, or to that of its inventory files that is named.
///
/// # Errors
///
/// The configuration would be invalid ([`config::Problems`]), or the file cannot be edited; nothing
/// is changed then.
pub fn add(config: &Path, file: Option<&Path>, host: &HostEntry) -> anyhow::Result<()> {
    let path = file.unwrap_or(config);
    ensure!(
        InventoryFormat::of(path) == InventoryFormat::Toml,
        "{} is edited by hand only: add {} {} there, or choose a .toml file",
        path.display(),
        host.mac,
        host.ip
    );
    let _lock = lock(config)?;
    let place = FilePlace::of_edited(path)?;
    let text = match place.read()? {
        Some(text) => text,
        None if file.is_some() => String::new(),
        None => bail!("{} does not exist", path.display()),
    };
    let entry = toml::to_string(host).context("write the host as TOML")?;
    let edited = entry::add(&text, &entry).with_context(|| path.display().to_string())?;
    let loaded = load_edited(config, path, &edited)?;
    ensure!(
        loaded.files.iter().any(|known| is_same_file(known, path)),
        "{} is no inventory file of {}: add it to its `inventory` list first",
        path.display(),
        config.display()
    );
    place.replace(&edited).map(drop)
}

/// Removes a host from the file where it stands, which is returned.
///
/// # Errors
///
/// As [`add`]; or there is no such host, or several.
pub fn remove(config: &Path, key: &str) -> anyhow::Result<PathBuf> {
    let _lock = lock(config)?;
    let wanted = HostKey::new(key);
    // A configuration that is wrong can be mended by what is removed.
    let files = match config::load_files(config) {
        Ok(loaded) => {
            by_hand(&loaded, &wanted)?;
            loaded.files
        }
        Err(_) => vec![config.to_owned()],
    };
    let mut found = Vec::new();
    let is_toml = |path: &&PathBuf| InventoryFormat::of(path) == InventoryFormat::Toml;
    for path in files.iter().filter(is_toml) {
        let text = open_regular(path).and_then(io::read_to_string);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        let places = entry::find(&text, &wanted).with_context(|| path.display().to_string())?;
        found.extend(places.into_iter().map(|place| (path, place)));
    }
    let (path, place) = match found.as_slice() {
        [] => bail!("no host {key} in {}", config.display()),
        [one] => *one,
        _ => bail!("{} hosts match {key}: name the one by its MAC or address", found.len()),
    };
    let file = FilePlace::of_edited(path)?;
    let text = text_of(&file, path)?;
    ensure!(
        entry::find(&text, &wanted)? == [place],
        "{} was changed in the meantime: try again",
        path.display()
    );
    let edited = entry::remove(&text, place).with_context(|| path.display().to_string())?;
    load_edited(config, path, &edited)?;
    file.replace(&edited)?;
    Ok(path.clone())
}

fn text_of(place: &FilePlace, path: &Path) -> anyhow::Result<String> {
    place.read()?.with_context(|| format!("{} does not exist", path.display()))
}

/// Refuses hosts of files that are not edited here.
fn by_hand(loaded: &Loaded, wanted: &HostKey) -> anyhow::Result<()> {
    let mut hosts = loaded.config.hosts.iter().zip(&loaded.origins);
    let elsewhere = hosts.find(|(host, origin)| {
        wanted.matches(host) && InventoryFormat::of(&origin.file) != InventoryFormat::Toml
    });
    match elsewhere {
        Some((host, origin)) => bail!("{} is at {origin}: remove it there by hand", host.mac),
        None => Ok(()),
    }
}

/// One edit of a configuration at a time. The file itself is replaced by an edit: its directory is
/// locked, the one where the file is, whatever links lead to it.
fn lock(config: &Path) -> anyhow::Result<File> {
    let config = fs::canonicalize(config).unwrap_or_else(|_| config.to_owned());
    let directory = replace::directory(&config);
    lock::wait_for(directory, "this edit of the hosts")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    const CONFIG: &str = r#"# Our site.
inventory = ["rack.toml"]   # rack 7

[[subnet]]
cidr = "10.0.0.0/24"

# The first one.
[[host]]
mac  = "52-54-00-00-00-01"
ip   = "10.0.0.1"
hostname = "one"   # spare

[tftp]
enabled = false
"#;
    const RACK: &str =
        "# Rack 7\n\n[[host]]\nmac = \"5254.0000.0002\"\nip = \"10.0.0.2\"\nhostname = \"Two\"\n";

    struct Site {
        directory: tempfile::TempDir,
    }

    impl Site {
        fn new() -> Self {
            let site = Self { directory: tempfile::tempdir().unwrap() };
            fs::write(site.path("netboot.toml"), CONFIG).unwrap();
            fs::write(site.path("rack.toml"), RACK).unwrap();
            site
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn text(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap()
        }

        fn add(&self, file: Option<&str>, host: &HostEntry) -> anyhow::Result<()> {
            let file = file.map(|name| self.path(name));
            add(&self.path("netboot.toml"), file.as_deref(), host)
        }

        fn remove(&self, key: &str) -> anyhow::Result<PathBuf> {
            remove(&self.path("netboot.toml"), key)
        }
    }

    fn host(mac: &str, ip: &str) -> HostEntry {
        hosts(&[mac], ip)
    }

    fn hosts(macs: &[&str], ip: &str) -> HostEntry {
        let macs: Vec<_> = macs.iter().map(|mac| mac::parse(mac).unwrap()).collect();
        let mac = config::MacsEntry::new(&macs);
        HostEntry { mac, ip: ip.to_owned(), ..HostEntry::default() }
    }

    #[test]
    fn a_host_of_several_macs() {
        let site = Site::new();
        let macs = ["52:54:00:00:00:03", "52:54:00:00:00:04"];
        let entry =
            "\n[[host]]\nmac = [\"52:54:00:00:00:03\", \"52:54:00:00:00:04\"]\nip = \"10.0.0.3\"\n";
        for key in macs {
            site.add(Some("rack.toml"), &hosts(&macs, "10.0.0.3")).unwrap();
            assert_eq!(site.text("rack.toml"), format!("{RACK}{entry}"));
            site.remove(key).unwrap();
            assert_eq!(site.text("rack.toml"), RACK);
        }
        let twice = hosts(&["52:54:00:00:00:03", "52:54:00:00:00:03"], "10.0.0.3");
        let error = site.add(None, &twice).unwrap_err().to_string();
        assert!(error.ends_with("host[1].mac[1]: 52:54:00:00:00:03 is listed twice"), "{error}");
        let error = site.add(None, &hosts(&[macs[0], "52:54:00:00:00:02"], "10.0.0.3"));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("already the MAC at host[1].mac[1]"), "{error}");
    }

    #[test]
    fn add_and_remove_keep_every_other_byte() {
        let site = Site::new();
        let new = HostEntry {
            hostname: Some("three".to_owned()),
            netboot: Some(false),
            script: Some("http://a/\"b".replace('"', "%22")),
            ..host("52:54:00:00:00:03", "10.0.0.3")
        };
        site.add(None, &new).unwrap();
        let entry = "\n[[host]]\nmac = \"52:54:00:00:00:03\"\nip = \"10.0.0.3\"\n\
                     hostname = \"three\"\nnetboot = false\nscript = \"http://a/%22b\"\n";
        let expect = CONFIG.replace("# spare\n", &format!("# spare\n{entry}"));
        assert_eq!(site.text("netboot.toml"), expect);
        assert_eq!(site.remove("52-54-00-00-00-03").unwrap(), site.path("netboot.toml"));
        assert_eq!(site.text("netboot.toml"), CONFIG);
        assert_eq!(site.remove("10.0.0.1").unwrap(), site.path("netboot.toml"));
        let one = CONFIG.find("# The first").unwrap()..CONFIG.find("[tftp]").unwrap();
        assert_eq!(site.text("netboot.toml"), CONFIG.replace(&CONFIG[one], ""));
        assert_eq!(site.text("rack.toml"), RACK);
    }

    #[test]
    fn inventory_files() {
        let site = Site::new();
        site.add(Some("rack.toml"), &host("52:54:00:00:00:03", "10.0.0.3")).unwrap();
        let entry = "\n[[host]]\nmac = \"52:54:00:00:00:03\"\nip = \"10.0.0.3\"\n";
        assert_eq!(site.text("rack.toml"), format!("{RACK}{entry}"));
        assert_eq!(site.remove("two").unwrap(), site.path("rack.toml"));
        assert_eq!(site.text("rack.toml"), format!("# Rack 7\n{entry}"));
        assert_eq!(site.text("netboot.toml"), CONFIG);

        fs::remove_file(site.path("rack.toml")).unwrap();
        site.add(Some("rack.toml"), &host("52:54:00:00:00:03", "10.0.0.3")).unwrap();
        assert_eq!(format!("\n{}", site.text("rack.toml")), entry);
    }

    #[test]
    fn other_formats_are_edited_by_hand() {
        let site = Site::new();
        let csv = "mac,ip,hostname\n\n52:54:00:00:00:07,10.0.0.7,seven\n";
        fs::write(site.path("rack.csv"), csv).unwrap();
        let config = CONFIG.replace("[\"rack.toml\"]", "[\"rack.toml\", \"rack.csv\"]");
        fs::write(site.path("netboot.toml"), &config).unwrap();
        let path = site.path("");
        let error = |error: anyhow::Error| error.to_string().replace(&*path.to_string_lossy(), "");
        assert_eq!(
            error(site.remove("seven").unwrap_err()),
            "52:54:00:00:00:07 is at rack.csv:3: remove it there by hand"
        );
        assert_eq!(
            error(site.add(Some("rack.csv"), &host("52:54:00:00:00:08", "10.0.0.8")).unwrap_err()),
            "rack.csv is edited by hand only: add 52:54:00:00:00:08 10.0.0.8 there, \
             or choose a .toml file"
        );
        assert_eq!(site.text("rack.csv"), csv);
        assert_eq!(site.remove("two").unwrap(), site.path("rack.toml"));
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let site = Site::new();
        let path = site.path("");
        let refused = |result: anyhow::Result<()>, expect: &str| {
            let error = format!("{:#}", result.unwrap_err());
            assert_eq!(error.replace(&*path.to_string_lossy(), ""), expect);
            assert_eq!(
                (site.text("netboot.toml"), site.text("rack.toml")),
                (CONFIG.into(), RACK.into())
            );
        };
        refused(
            site.add(None, &host("52:54:00:00:00:02", "10.1.0.1")),
            "netboot.toml:15: host[1].ip: 10.1.0.1 lies in no [[subnet]]; add a subnet or correct the address\n\
             rack.toml:4: host[0].mac: 52:54:00:00:00:02 is already the MAC at host[1].mac (netboot.toml:14); each machine needs its own",
        );
        refused(
            site.add(Some("other.toml"), &host("52:54:00:00:00:03", "10.0.0.3")),
            "other.toml is no inventory file of netboot.toml: add it to its `inventory` list first",
        );
        refused(site.remove("three").map(drop), "no host three in netboot.toml");
        assert_eq!(fs::read_dir(site.directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_wrong_configuration_can_be_mended() {
        let site = Site::new();
        let twice = format!("{CONFIG}\n[[host]]\nmac = \"525400000009\"\nip = \"10.0.0.1\"\n");
        fs::write(site.path("netboot.toml"), twice).unwrap();
        let error = site.remove("10.0.0.1").unwrap_err().to_string();
        assert_eq!(error, "2 hosts match 10.0.0.1: name the one by its MAC or address");
        site.remove("52:54:00:00:00:09").unwrap();
        assert_eq!(site.text("netboot.toml"), CONFIG);
    }

    #[test]
    fn mode_and_link_stay() {
        let site = Site::new();
        let real = site.path("real.toml");
        fs::rename(site.path("netboot.toml"), &real).unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real.toml", site.path("netboot.toml")).unwrap();
        site.add(None, &host("52:54:00:00:00:03", "10.0.0.3")).unwrap();
        assert!(fs::symlink_metadata(site.path("netboot.toml")).unwrap().is_symlink());
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert_ne!(site.text("real.toml"), CONFIG);
    }

    #[test]
    fn keys() {
        let mac = mac::parse("52:54:00:00:00:01").unwrap();
        assert_eq!(HostKey::new("525400000001"), HostKey::Mac(mac));
        assert_eq!(HostKey::new("10.0.0.1"), HostKey::Ip(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(HostKey::new("10.0.0"), HostKey::Hostname("10.0.0".to_owned()));
    }

    #[test]
    fn edits_through_links_wait_for_each_other() {
        let site = Site::new();
        let other = site.path("other");
        fs::create_dir(&other).unwrap();
        symlink("../netboot.toml", other.join("link.toml")).unwrap();
        symlink("../rack.toml", other.join("rack.toml")).unwrap();
        let configs = [site.path("netboot.toml"), other.join("link.toml")];
        std::thread::scope(|scope| {
            for number in 10_u8..30 {
                let config = &configs[usize::from(number) % 2];
                scope.spawn(move || {
                    let new =
                        host(&format!("02:00:00:00:00:{number}"), &format!("10.0.0.{number}"));
                    add(config, None, &new).unwrap();
                });
            }
        });
        assert_eq!(site.text("netboot.toml").matches("[[host]]").count(), 21);
        std::thread::scope(|scope| {
            for number in 10_u8..30 {
                let config = &configs[usize::from(number) % 2];
                scope.spawn(move || remove(config, &format!("10.0.0.{number}")).unwrap());
            }
        });
        assert_eq!(site.text("netboot.toml").matches("[[host]]").count(), 1);
    }
}
