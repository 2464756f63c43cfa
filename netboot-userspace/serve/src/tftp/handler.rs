//! The files of `boot.root`, as async-tftp's interface has them: the same handler serves under the library's own server.

use std::{
    io::ErrorKind, net::SocketAddr, os::unix::ffi::OsStrExt as _, path::Path, time::Instant,
};

use async_tftp::{packet, server::Handler};
use futures_lite::io::Sink;
use netboot_base::{
    files::{self, Files},
    printable::printable,
    throttle::Throttle,
};
use netboot_machines::event::{MachineText, Transfer, TransferRefusal};
use netboot_site::loaders;
use tracing::{debug, field::display, info, warn};

use super::{
    content::{ContentReader, Contents},
    counters::Counted,
    report::TransferReporter,
};

/// Of a file that is not to be had now. The engine leaves its client without an answer: it asks again, and an ERROR would
/// send it to its disk.
const BUSY: packet::Error = packet::Error::UnknownError;

pub(super) fn is_busy(error: &packet::Error) -> bool {
    matches!(error, packet::Error::UnknownError)
}

/// Opens what is asked for, and says what is not.
pub(super) struct BootFiles {
    pub(super) files: Files,
    pub(super) contents: Contents,
    pub(super) reporter: TransferReporter,
    /// For the log.
    pub(super) rootless: Throttle,
}

impl Handler for BootFiles {
    type Reader = ContentReader;
    type Writer = Sink;

    async fn read_req_open(
        &mut self,
        client: &SocketAddr,
        path: &Path,
    ) -> Result<(ContentReader, Option<u64>), packet::Error> {
        let opened = self.files.open(path.as_os_str().as_bytes()).and_then(|opened| {
            let path = opened.path;
            self.contents.of(opened.file).map_err(|source| files::Error::Io { path, source })
        });
        match opened {
            Ok(content) => {
                let size = content.size();
                Ok((ContentReader::new(content), Some(size)))
            }
            Err(error) => Err(self.refuse(client, path, error)),
        }
    }

    async fn write_req_open(
        &mut self,
        client: &SocketAddr,
        path: &Path,
        _size: Option<u64>,
    ) -> Result<Sink, packet::Error> {
        let (file, machine) = (shown(path), self.reporter.machines.by_address(client.ip()));
        let machine_field = machine.map(display);
        if self.reporter.lines.admit(client.ip().to_canonical(), Instant::now()) {
            warn!(%client, machine = machine_field, file, "tftp: refused to be written to");
        } else {
            debug!(%client, machine = machine_field, file, "tftp: refused to be written to");
        }
        self.reporter.counters.count(Counted::Refused);
        self.reporter.tell(machine, &file, Transfer::Refused(TransferRefusal::ReadOnly));
        Err(packet::Error::PermissionDenied)
    }
}

impl BootFiles {
    fn refuse(&mut self, client: &SocketAddr, path: &Path, error: files::Error) -> packet::Error {
        let (file, machine) = (shown(path), self.reporter.machines.by_address(client.ip()));
        let machine_field = machine.map(display);
        if matches!(error, files::Error::NotFound(_))
            && let Some(loader) = loaders::tries(path.as_os_str().as_bytes())
        {
            debug!(%client, machine = machine_field, file, loader, "tftp: not there, and not needed");
            self.reporter.counters.count(Counted::NotFound);
            return packet::Error::FileNotFound;
        }
        let is_admitted = self.reporter.lines.admit(client.ip().to_canonical(), Instant::now());
        let is_missing = matches!(error, files::Error::NotFound(_));
        let is_busy = matches!(&error, files::Error::Io { source, .. } if source.kind() == ErrorKind::ResourceBusy);
        self.reporter.counters.count(match is_busy {
            true => Counted::TooMany,
            false if is_missing => Counted::NotFound,
            false => Counted::Refused,
        });
        let answer = match &error {
            files::Error::NotFound(_) => packet::Error::FileNotFound,
            files::Error::Denied(_) => packet::Error::PermissionDenied,
            files::Error::Root { .. } | files::Error::Empty { .. } => packet::Error::FileNotFound,
            files::Error::Io { .. } if is_busy => BUSY,
            files::Error::Io { .. } => {
                packet::Error::Msg("the server cannot read the file: see its log".into())
            }
        };
        match &error {
            _ if !is_admitted => {
                debug!(%client, machine = machine_field, file, %error, "tftp: refused");
            }
            files::Error::NotFound(_) => {
                info!(%client, machine = machine_field, file, "tftp: not found");
            }
            files::Error::Denied(why) => {
                warn!(%client, machine = machine_field, file, why, "tftp: refused");
            }
            files::Error::Root { .. } | files::Error::Empty { .. } => {
                if self.rootless.ready(Instant::now()) {
                    warn!(%client, machine = machine_field, file, %error, "tftp: nothing can be read");
                }
            }
            files::Error::Io { .. } => {
                warn!(%client, machine = machine_field, file, %error, "tftp: cannot be read");
            }
        }
        let refusal = match error {
            files::Error::NotFound(_) => TransferRefusal::NotFound,
            files::Error::Io { source, .. } if is_busy => {
                TransferRefusal::NotNow(MachineText::of(source.to_string()))
            }
            error => TransferRefusal::Denied(MachineText::of(error.to_string())),
        };
        self.reporter.tell(machine, &file, Transfer::Refused(refusal));
        answer
    }
}

/// A file's name as a client wrote it, for people.
pub(super) fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_bytes(), 256)
}
