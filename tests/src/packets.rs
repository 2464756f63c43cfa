//! Frames onto a wire, as they are.

use std::{fs::File, os::fd::AsRawFd as _, thread};

use anyhow::{Context as _, Result, anyhow};
use nix::{
    errno::Errno,
    ifaddrs::getifaddrs,
    sched::{CloneFlags, setns},
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
    let path = namespace.path();
    let sent = thread::scope(|scope| {
        let send = || {
            // This thread alone changes its namespace, and ends.
            setns(File::open(path)?, CloneFlags::CLONE_NEWNET)?;
            send_here(interface, frames)
        };
        scope.spawn(send).join().map_err(|_| anyhow!("the thread panicked"))
    });
    sent?.with_context(|| format!("send frames from {interface}"))
}

fn send_here(interface: &str, frames: impl Iterator<Item = Vec<u8>>) -> Result<u64> {
    let address = getifaddrs()?
        .filter(|entry| entry.interface_name == interface)
        .filter_map(|entry| entry.address)
        .find(|address| address.family() == Some(AddressFamily::Packet))
        .context("no such interface")?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthIp)?;
    bind(socket.as_raw_fd(), &address)?;
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
