//! The TFTP server: boot binaries for firmware.
//!
//! async-tftp speaks the protocol (RFC 1350, 2347-2349, 7440); this module opens the files, notes what
//! became of each transfer and sets the limits. What follows from the library as it is (0.4.2):
//!
//! * It does not see a client's ERROR packet, and it ignores requests from a port that it still serves. UEFI
//!   asks for the size, aborts, and asks again from another port: the first transfer must die by itself
//!   soon, so it is given up after six seconds without an acknowledgement.
//! * A request that is not UTF-8 (a name that ends in 0xFF), has no closing NUL, or has anything but whole
//!   options behind the mode is dropped before it gets here. It can be neither answered nor counted.
//! * The mode is not told: `netascii`, and `mail`, are answered as `octet`.
//! * Answers come from a port of their own at the listening socket's address. On `0.0.0.0` that is the
//!   address of the route to the client, which need not be the one it asked: `app` binds a socket to each
//!   address that machines are sent to.
//! * It cannot be told to take no more requests: at the end, a filter on its socket drops them.

mod reader;
mod transfer;

use std::{
    net::{SocketAddr, UdpSocket},
    os::unix::ffi::OsStrExt as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use async_tftp::{
    packet,
    server::{Handler, TftpServerBuilder},
};
use futures_lite::{future, io::Sink};
use netboot_ebpf::shared::Mac;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{SockFilter, SockRef};
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use self::{reader::Reader, transfer::Transfer};
use crate::{
    files::{self, Files},
    machines::{Machines, Step},
    throttle::Throttle,
};

/// What is left of an Ethernet frame of 1500 bytes after IP with options, UDP and TFTP.
pub const DEFAULT_BLOCK_SIZE: u16 = 1468;

const WINDOW_SIZE: u16 = 64;
/// A transfer takes two descriptors and some memory, and who asks for one may be forged.
pub const MAX_TRANSFERS: usize = 2048;
const TIMEOUT: Duration = Duration::from_secs(1);
const RETRIES: u32 = 5;
/// A client that does not acknowledge for so long is gone.
const GIVE_UP: Duration = TIMEOUT.saturating_mul(RETRIES + 1);
/// Requests that arrive together: a rack is switched on at once.
const RECEIVE_BUFFER: usize = 1 << 20;

/// Serves until it is cancelled; transfers under way are finished first. `block_size_limit` is the MTU less 32.
///
/// # Errors
/// The socket fails.
pub async fn serve(
    socket: UdpSocket,
    files: Files,
    machines: Machines,
    block_size_limit: u16,
    max_transfers: usize,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let address = socket.local_addr().context("the TFTP socket's address")?;
    make_room(&socket);
    let requests = socket.try_clone().context("the TFTP socket")?;
    let running = TaskTracker::new();
    let handler = BootFiles {
        files,
        machines,
        running: running.clone(),
        max_transfers,
        runtime: Handle::current(),
        busy: Throttle::default(),
        rootless: Throttle::default(),
    };
    let server = TftpServerBuilder::with_handler(handler)
        .std_socket(socket)
        .context("the TFTP socket")?
        .timeout(TIMEOUT)
        // A client may ask for 255 s: then a transfer that it left would stay for 25 minutes.
        .ignore_client_timeout()
        .max_send_retries(RETRIES)
        .block_size_limit(block_size_limit)
        .window_size_limit(WINDOW_SIZE)
        .build()
        .await
        .context("the TFTP server")?;
    info!(%address, "tftp: serving");

    let (done, ended) = oneshot::channel();
    let given_up = CancellationToken::new();
    let _cut_with_this_future = Cut { running: running.clone(), given_up: given_up.clone() };
    // The library's sockets wake through async-io. Its own `block_on` polls them on this one thread;
    // under tokio every packet would cross from async-io's thread to a worker.
    thread::Builder::new()
        .name("tftp".into())
        .spawn(move || {
            let finish = async {
                cancel.cancelled().await;
                refuse_requests(&requests);
                running.close();
                running.wait().await;
            };
            let stop = async {
                future::or(finish, given_up.cancelled()).await;
                Ok(())
            };
            let result = async_io::block_on(future::or(stop, server.serve()));
            let _nobody_waits = done.send(result);
        })
        .context("the TFTP server's thread")?;
    ended
        .await
        .context("the TFTP server's thread ended")?
        .with_context(|| format!("the TFTP socket {address}"))
}

/// Ends the thread with the future that waits for it.
struct Cut {
    running: TaskTracker,
    given_up: CancellationToken,
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.given_up.cancel();
        let transfers = self.running.len();
        if transfers > 0 {
            warn!(transfers, "tftp: transfers under way were cut off");
        }
    }
}

/// Whoever asks from now on asks again, and is heard by the daemon that comes next.
fn refuse_requests(socket: &UdpSocket) {
    const DROP: SockFilter = SockFilter::new(0x06, 0, 0, 0);
    if let Err(error) = SockRef::from(socket).attach_filter(&[DROP]) {
        warn!(%error, "tftp: transfers may still begin: the socket takes no filter");
    }
}

fn make_room(socket: &UdpSocket) {
    // Past the system's limit with CAP_NET_ADMIN, up to it without.
    let forced = setsockopt(socket, sockopt::RcvBufForce, &RECEIVE_BUFFER);
    if let Err(error) = forced.or_else(|_| setsockopt(socket, sockopt::RcvBuf, &RECEIVE_BUFFER)) {
        warn!(%error, "tftp: of many requests at once some may be lost: the socket's buffer is small");
    }
}

struct BootFiles {
    files: Files,
    machines: Machines,
    running: TaskTracker,
    max_transfers: usize,
    runtime: Handle,
    busy: Throttle,
    /// For the log.
    rootless: Throttle,
}

impl Handler for BootFiles {
    type Reader = Reader;
    type Writer = Sink;

    async fn read_req_open(
        &mut self,
        client: &SocketAddr,
        path: &Path,
    ) -> Result<(Reader, Option<u64>), packet::Error> {
        let shown = path.to_string_lossy().escape_debug().to_string();
        let machine = self.machines.by_address(client.ip());
        if self.running.len() >= self.max_transfers {
            if self.busy.ready(Instant::now()) {
                warn!(%client, "tftp: {} transfers are under way: more are refused", self.max_transfers);
            }
            return Err(packet::Error::Msg("busy: ask again".into()));
        }
        // The library holds a lock on the handler meanwhile: to wait for another thread here would let
        // the other requests wait for a turn of all transfers each.
        match self.files.open(path.as_os_str().as_bytes()) {
            Ok(opened) => {
                let size = opened.size;
                self.note(machine, shown.clone(), "started".into());
                let transfer = Transfer::new(*client, machine, self.machines.clone(), shown, size);
                let token = self.running.token();
                Ok((Reader::new(opened, transfer, token, self.runtime.clone()), Some(size)))
            }
            Err(error) => Err(self.refuse(client, machine, shown, error)),
        }
    }

    async fn write_req_open(
        &mut self,
        client: &SocketAddr,
        path: &Path,
        _size: Option<u64>,
    ) -> Result<Sink, packet::Error> {
        let shown = path.to_string_lossy().escape_debug().to_string();
        let machine = self.machines.by_address(client.ip());
        warn!(%client, machine = machine.map(tracing::field::display), file = shown, "tftp: refused to be written to");
        self.note(machine, shown, "refused: the server is read-only".into());
        Err(packet::Error::PermissionDenied)
    }
}

impl BootFiles {
    fn refuse(
        &mut self,
        client: &SocketAddr,
        machine: Option<Mac>,
        file: String,
        error: files::Error,
    ) -> packet::Error {
        let machine_field = machine.map(tracing::field::display);
        let answer = match &error {
            // Firmware and iPXE look for files that need not be there.
            files::Error::NotFound(_) => {
                info!(%client, machine = machine_field, file, "tftp: not found");
                packet::Error::FileNotFound
            }
            files::Error::Denied(why) => {
                warn!(%client, machine = machine_field, file, why, "tftp: refused");
                packet::Error::PermissionDenied
            }
            files::Error::Root { .. } | files::Error::Empty { .. } => {
                if self.rootless.ready(Instant::now()) {
                    warn!(%client, machine = machine_field, file, %error, "tftp: nothing can be read");
                }
                packet::Error::FileNotFound
            }
            files::Error::Io { .. } => {
                warn!(%client, machine = machine_field, file, %error, "tftp: cannot be read");
                packet::Error::Msg("the server cannot read the file: see its log".into())
            }
        };
        let result = match error {
            files::Error::NotFound(_) => "not found".into(),
            error => format!("refused: {error}"),
        };
        self.note(machine, file, result);
        answer
    }

    fn note(&self, machine: Option<Mac>, file: String, result: String) {
        if let Some(mac) = machine {
            self.machines.record(mac, Step::Tftp { file, result });
        }
    }
}

#[cfg(test)]
mod tests;
