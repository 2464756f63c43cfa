//! The limit on open files, and the share of it that each service has.

use crate::{http, syslog, tftp};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::bind::TftpSockets;

/// Room for all that the services take by themselves.
const WANTED: u64 = 65_536;
/// Sockets, maps of two generations, the kernel's notices, syslog files, the status socket's clients.
const OWN: usize = 512;
/// An HTTP connection has a socket and a file.
const OF_HTTP: usize = 2;

/// How much each service may have at the same time, so that none takes what another needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    limit: usize,
    /// Sockets, which any number of transfers share.
    tftp: usize,
    /// Connections.
    http: usize,
    /// Connections over TCP.
    syslog: usize,
}

impl Shares {
    /// Raises the limit as far as it may be, and divides it.
    ///
    /// # Errors
    /// The limit cannot be read.
    pub fn take() -> anyhow::Result<Self> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        let wanted = WANTED.min(hard);
        let mut limit = soft;
        if soft < wanted {
            match setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
                Ok(()) => limit = wanted,
                Err(error) => tracing::warn!("cannot raise the limit on open files: {error}"),
            }
        }
        Ok(Self::of(usize::try_from(limit).unwrap_or(usize::MAX)))
    }

    /// What the daemon does not need itself is HTTP's by three quarters, TFTP's and syslog's by an eighth each.
    pub(crate) fn of(limit: usize) -> Self {
        let rest = limit - OWN.min(limit / 3);
        let eighth = rest / 8;
        Self {
            limit,
            tftp: eighth.max(1),
            http: (eighth * 6 / OF_HTTP).max(1),
            syslog: eighth.max(1),
        }
    }

    /// Says what is less than the services would take.
    pub fn tell(&self) {
        let Self { limit, tftp, http, syslog } = *self;
        if self.is_short() {
            tracing::warn!(
                "the limit on open files is {limit}: TFTP has {tftp} sockets, HTTP {http} connections at once, \
                 syslog {syslog} over TCP; for more, raise it (LimitNOFILE= of the service, or `ulimit -n`) to {WANTED}"
            );
        }
    }

    fn is_short(&self) -> bool {
        self.tftp < tftp::MAX_SOCKETS
            || self.http < http::MAX_CONNECTIONS
            || self.syslog < syslog::MAX_CONNECTIONS
    }

    /// A server has a socket for requests, and those that its transfers share; each has a thread.
    pub(crate) fn tftp_sockets(&self, threads: usize, is_single_port: bool) -> TftpSockets {
        let servers = threads.min(self.tftp / 4).max(1);
        let transfers = (self.tftp / servers).saturating_sub(1).clamp(1, tftp::MAX_SOCKETS);
        TftpSockets { servers, transfers: if is_single_port { 0 } else { transfers } }
    }

    pub(crate) fn http_connections(&self) -> usize {
        self.http.min(http::MAX_CONNECTIONS)
    }

    /// Of each of so many listeners.
    pub(crate) fn syslog_connections(&self, listeners: usize) -> usize {
        (self.syslog / listeners.max(1)).clamp(1, syslog::MAX_CONNECTIONS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(limit: usize, tftp: [(usize, usize); 3], http: usize, syslog: usize, is_short: bool) {
        let shares = Shares::of(limit);
        let of_tftp = |threads| {
            let TftpSockets { servers, transfers } = shares.tftp_sockets(threads, false);
            assert_eq!(shares.tftp_sockets(threads, true), TftpSockets { servers, transfers: 0 });
            (servers, transfers)
        };
        assert_eq!([1, 2, 16].map(of_tftp), tftp, "{limit}");
        assert_eq!([shares.http_connections(), shares.syslog_connections(1)], [http, syslog]);
        assert_eq!(shares.is_short(), is_short, "{limit}");
        for (servers, transfers) in tftp {
            let taken = servers * (1 + transfers) + OF_HTTP * http + syslog;
            assert!(limit < 256 || taken + OWN.min(limit / 3) <= limit, "{limit}: {taken}");
        }
    }

    #[test]
    fn nobody_takes_what_another_needs() {
        const ALL: [(usize, usize); 3] = [(1, 24), (2, 24), (16, 24)];
        check(65_536, ALL, 2048, 512, false);
        check(1 << 30, ALL, 2048, 512, false);
        check(16_384, ALL, 2048, 512, false);
        check(4096, ALL, 1344, 448, true);
        check(1024, [(1, 24), (2, 24), (16, 4)], 255, 85, true);
        check(256, [(1, 20), (2, 9), (5, 3)], 63, 21, true);
        check(64, [(1, 4), (1, 4), (1, 4)], 15, 5, true);
        check(0, [(1, 1); 3], 1, 1, true);
    }
}
