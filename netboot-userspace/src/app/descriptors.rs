//! The limit on open files, and the share of it that each service has.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::{http, syslog, tftp};

/// Room for all that the services take by themselves.
const WANTED: u64 = 65_536;
/// Sockets, maps of two generations, the kernel's notices, syslog files, the status socket's clients.
const OWN: usize = 512;
/// An HTTP connection has a socket and a file.
const OF_HTTP: usize = 2;

/// How much each service may have at the same time, so that none takes what another needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
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
    pub(super) fn take() -> anyhow::Result<Self> {
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
    pub(super) fn tell(&self) {
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

    /// At each of so many addresses, beside the one for requests.
    pub(crate) fn tftp_sockets(&self, addresses: usize) -> usize {
        (self.tftp / addresses.max(1)).saturating_sub(1).clamp(1, tftp::MAX_SOCKETS)
    }

    pub(super) fn http_connections(&self) -> usize {
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
    fn check(limit: usize, tftp: usize, http: usize, syslog: usize, is_short: bool) {
        let shares = Shares::of(limit);
        let got = [shares.tftp_sockets(1), shares.http_connections(), shares.syslog_connections(1)];
        assert_eq!(got, [tftp, http, syslog], "{limit}");
        assert_eq!(shares.is_short(), is_short, "{limit}");
        let taken = tftp + 1 + OF_HTTP * http + syslog;
        assert!(limit < 256 || taken + OWN.min(limit / 3) <= limit, "{limit}: {taken}");
        let of_several = 7 * shares.tftp_sockets(7);
        assert!(of_several <= shares.tftp.max(7), "{limit}: {of_several}");
    }

    #[test]
    fn nobody_takes_what_another_needs() {
        check(65_536, 32, 2048, 512, false);
        check(1 << 30, 32, 2048, 512, false);
        check(16_384, 32, 2048, 512, false);
        check(4096, 32, 1344, 448, true);
        check(1024, 32, 255, 85, true);
        check(256, 20, 63, 21, true);
        check(64, 4, 15, 5, true);
        check(0, 1, 1, 1, true);
    }
}
