//! Frames onto a wire, as they are.

use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    ifaddrs::getifaddrs,
    sys::socket::{
        AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrLike as _, bind, send,
        socket,
    },
};

use crate::namespace::Namespace;

/// Sends frames from an interface of a namespace. Frames that the device refuses are left out.
pub fn send_frames(
    namespace: &Namespace,
    interface: &str,
    frames: impl Iterator<Item = Vec<u8>> + Send,
) -> Result<u64> {
    let sent = namespace.enter(|| send_here(interface, frames));
    sent.with_context(|| format!("send frames from {interface}"))
}

/// A packet socket on an interface of this thread's namespace.
pub(crate) fn open(interface: &str, protocol: SockProtocol) -> Result<OwnedFd> {
    let address = getifaddrs()?
        .filter(|entry| entry.interface_name == interface)
        .filter_map(|entry| entry.address)
        .find(|address| address.family() == Some(AddressFamily::Packet))
        .context("no such interface")?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, protocol)?;
    bind(socket.as_raw_fd(), &address)?;
    Ok(socket)
}

fn send_here(interface: &str, frames: impl Iterator<Item = Vec<u8>>) -> Result<u64> {
    let socket = open(interface, SockProtocol::EthIp)?;
    let mut sent = 0;
    for frame in frames {
        match send(socket.as_raw_fd(), &frame, MsgFlags::empty()) {
            Ok(_) => sent += 1,
            // Longer than the link's.
            Err(Errno::EMSGSIZE) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sent)
}
