//! A daemon's configuration with many hosts in a file beside it.

use std::{fmt, fs, net::Ipv4Addr, ops::Range, time::Instant};

use anyhow::{Context as _, Result};
use netboot_tests::{
    daemon::{Setup, Xdp},
    wire::SERVER,
};
use tempfile::NamedTempFile;

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Toml,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv => "CSV",
            Self::Toml => "TOML",
        })
    }
}

impl Format {
    fn file(self) -> &'static str {
        match self {
            Self::Csv => "hosts.csv",
            Self::Toml => "hosts.toml",
        }
    }

    /// The hosts with these numbers, whose names begin with this.
    pub(crate) fn hosts(self, numbers: Range<u32>, name: &str) -> String {
        let header = match self {
            Self::Csv => "mac,ip,hostname\n",
            Self::Toml => "",
        };
        let host = |number| {
            let (mac, ip) = (mac(number).map(|byte| format!("{byte:02x}")).join(":"), ip(number));
            match self {
                Self::Csv => format!("{mac},{ip},{name}{number}\n"),
                Self::Toml => format!(
                    "[[host]]\nmac = \"{mac}\"\nip = \"{ip}\"\nhostname = \"{name}{number}\"\n\n"
                ),
            }
        };
        header.to_owned() + &numbers.map(host).collect::<String>()
    }

    /// The configuration, without its hosts' file.
    pub(crate) fn setup(self, xdp: Xdp) -> Result<Setup> {
        let root = tempfile::tempdir()?;
        let tables = format!(
            "[dhcp]\nserver-address = \"{SERVER}\"\nmachine-rate = 0\n\n[[subnet]]\ncidr = \"10.0.0.0/8\"\n\n\
             [boot]\nroot = \"{}\"\n",
            root.path().display()
        );
        let setup = Setup::new(xdp, root, &tables)?;
        let text = fs::read_to_string(setup.path())?;
        fs::write(setup.path(), format!("inventory = [\"{}\"]\n{text}", self.file()))?;
        Ok(setup)
    }

    /// Puts the hosts in place at once; when that was.
    pub(crate) fn replace(self, setup: &Setup, hosts: &str) -> Result<Instant> {
        let path = setup.path();
        let file = NamedTempFile::new_in(path.parent().context("a file in a directory")?)?;
        fs::write(file.path(), hosts)?;
        let now = Instant::now();
        file.persist(path.with_file_name(self.file()))?;
        Ok(now)
    }
}

pub(crate) fn mac(number: u32) -> [u8; 6] {
    let [_, a, b, c] = number.to_be_bytes();
    [2, 0, 0, a, b, c]
}

pub(crate) fn ip(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 128, 0, 0)) + number)
}
