//! Binds the sockets and runs the services.

use crate::args::{RunArgs, StatusArgs};

/// STUB, to be replaced: the daemon.
///
/// # Errors
///
/// It is not there yet.
pub fn run(_args: RunArgs) -> anyhow::Result<()> {
    anyhow::bail!("the daemon is not part of this build yet")
}

/// STUB, to be replaced by `crate::status::print`.
///
/// # Errors
///
/// It is not there yet.
pub fn status(_args: StatusArgs) -> anyhow::Result<()> {
    anyhow::bail!("the status is not part of this build yet")
}
