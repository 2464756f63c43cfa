//! Daemons that run on this node, found by their status sockets.

use std::{
    fs,
    path::{Path, PathBuf},
};

use netboot_base::printable::printable;
use nix::unistd::geteuid;

use super::{
    Status,
    connection::{PATIENCE, connect, peer, read_from},
};
use crate::running::SOCKET;

/// So many are asked, and named.
const MOST: usize = 8;
/// Users that services run as have numbers up to this one (Debian Policy 9.2.2).
const LAST_SYSTEM_USER: u32 = 999;
const SOCKETS: &str = "/proc/net/unix";

/// Daemons on other sockets than the one that was asked.
#[derive(Default)]
pub(super) struct RunningDaemons {
    /// The one that was started with the configuration: its socket, and what it says.
    pub(super) started_with: Option<(PathBuf, Vec<u8>)>,
    /// Who runs otherwise; empty: nobody.
    pub(super) words: String,
}

impl RunningDaemons {
    pub(super) fn look(asked: &Path, file: Option<&Path>) -> Self {
        let sockets = sockets(&fs::read_to_string(SOCKETS).unwrap_or_default());
        let file = file.and_then(|file| fs::canonicalize(file).ok());
        let mut found = Vec::new();
        for socket in sockets.into_iter().filter(|socket| socket != asked).take(MOST) {
            let place = printable(socket.as_os_str().as_encoded_bytes(), 200);
            let Ok(stream) = connect(&socket, PATIENCE) else { continue };
            let Some((pid, uid)) = peer(&stream) else { continue };
            let who = format!("process {pid} of user {uid}");
            // Anybody can listen under that name, and write whatever to a terminal.
            if uid > LAST_SYSTEM_USER && uid != geteuid().as_raw() {
                found.push(format!("; {who}, which is not asked, listens on {place}"));
                continue;
            }
            let Ok(document) = read_from(stream, &socket, PATIENCE) else {
                found.push(format!("; {who} listens on {place}, and does not answer"));
                continue;
            };
            let Ok(status) = serde_json::from_slice::<Status>(&document) else { continue };
            let config = status.config.and_then(|config| fs::canonicalize(config).ok());
            if file.is_some() && config == file {
                return Self { started_with: Some((socket, document)), words: String::new() };
            }
            let with = config.map(|config| format!(", with {}", config.display()));
            found.push(format!("; one runs on {place}{}", with.unwrap_or_default()));
        }
        Self { started_with: None, words: found.concat() }
    }
}

/// The paths of those that are listened on in this network namespace, each once.
fn sockets(table: &str) -> Vec<PathBuf> {
    // Num RefCount Protocol Flags Type St Inode Path; of the flags, __SO_ACCEPTCON.
    const LISTENS: u32 = 0x1_0000;
    let mut paths: Vec<_> = table
        .lines()
        .filter_map(|line| {
            let (head, path) = line.split_at_checked(line.find(" /")?)?;
            let flags = u32::from_str_radix(head.split_whitespace().nth(3)?, 16).ok()?;
            let path = PathBuf::from(path.trim_start());
            (flags & LISTENS != 0 && path.file_name()? == SOCKET).then_some(path)
        })
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_listed() {
        #[track_caller]
        fn check(line: &str, expect: &[&str]) {
            let expect: Vec<_> = expect.iter().map(PathBuf::from).collect();
            assert_eq!(sockets(line), expect, "{line}");
        }
        let head = "Num       RefCount Protocol Flags    Type St Inode Path\n";
        check(head, &[]);
        let listens = "0000000000000000: 00000002 00000000 00010000 0001 01 12345";
        check(&format!("{head}{listens} /s/status.sock\n"), &["/s/status.sock"]);
        check(&format!("{listens} /a b/status.sock\n"), &["/a b/status.sock"]);
        check(&format!("{listens} /s/status.sock\n{listens} /s/status.sock"), &["/s/status.sock"]);
        check(&format!("{listens} /s/other.sock\n"), &[]);
        check(&format!("{listens} @status.sock\n"), &[]);
        check(&format!("{listens}\n"), &[]);
        // One end of a connection.
        check("0000000000000000: 00000003 00000000 00000000 0001 03 12345 /s/status.sock", &[]);
    }
}
