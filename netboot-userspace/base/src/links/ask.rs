//! Questions to the kernel over netlink.

use std::io;

use anyhow::Context as _;
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NetlinkDeserializable, NetlinkMessage, NetlinkPayload, NetlinkSerializable,
};
use netlink_sys::{Socket, SocketAddr};

/// How often a list is asked for at most: the kernel says when it changed meanwhile.
const ATTEMPTS: usize = 8;

/// A socket to the kernel.
pub(super) struct Kernel(Socket);

impl Kernel {
    pub(super) fn new(protocol: isize) -> anyhow::Result<Self> {
        let mut socket = Socket::new(protocol).context("cannot open a netlink socket")?;
        socket.bind_auto().context("cannot bind a netlink socket")?;
        socket.connect(&SocketAddr::new(0, 0)).context("cannot reach the kernel over netlink")?;
        Ok(Self(socket))
    }

    /// The kernel's one answer.
    pub(super) fn ask<T: NetlinkSerializable + NetlinkDeserializable>(
        &self,
        request: NetlinkMessage<T>,
    ) -> anyhow::Result<NetlinkPayload<T>> {
        self.send(request, NLM_F_REQUEST)?;
        let answer = NetlinkMessage::<T>::deserialize(&self.receive()?)
            .context("the kernel's answer about an interface is not understood")?;
        Ok(answer.payload)
    }

    /// All that the kernel lists: what is in its messages, which callers read.
    pub(super) fn list<T: NetlinkSerializable + Clone>(
        &self,
        request: &NetlinkMessage<T>,
    ) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut listed = Vec::new();
        for _ in 0..ATTEMPTS {
            self.send(request.clone(), NLM_F_REQUEST | NLM_F_DUMP)?;
            listed.clear();
            if self.receive_list(&mut listed)? {
                break;
            }
        }
        Ok(listed)
    }

    /// Whether nothing changed while the kernel listed.
    fn receive_list(&self, listed: &mut Vec<Vec<u8>>) -> anyhow::Result<bool> {
        let mut is_consistent = true;
        loop {
            let bytes = self.receive()?;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let message = NetlinkBuffer::new_checked(rest)
                    .context("the kernel's list of interfaces is not understood")?;
                is_consistent &= message.flags() & NLM_F_DUMP_INTR == 0;
                match message.message_type() {
                    NLMSG_DONE | NLMSG_ERROR => {
                        return ended(message.payload())
                            .context("the kernel does not list the network interfaces")
                            .map(|()| is_consistent);
                    }
                    _ => listed.push(message.payload().to_vec()),
                }
                let length = usize::try_from(message.length())?.next_multiple_of(4);
                rest = rest.get(length..).unwrap_or_default();
            }
        }
    }

    fn send<T: NetlinkSerializable>(
        &self,
        mut request: NetlinkMessage<T>,
        flags: u16,
    ) -> anyhow::Result<()> {
        request.header.flags = flags;
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.0.send(&bytes, 0).context("cannot ask the kernel for an interface")?;
        Ok(())
    }

    fn receive(&self) -> anyhow::Result<Vec<u8>> {
        let (bytes, _) = self.0.recv_from_full().context("the kernel does not answer")?;
        Ok(bytes)
    }
}

/// The end of a list has the number of an error, or 0.
fn ended(payload: &[u8]) -> io::Result<()> {
    match payload.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code)) {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(-code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_well_or_with_an_error() {
        for (code, expect) in [(0_i32, None), (-nix::libc::ENODEV, Some(nix::libc::ENODEV))] {
            let error = ended(&code.to_ne_bytes()).err().and_then(|error| error.raw_os_error());
            assert_eq!(error, expect, "{code}");
        }
        ended(&[]).unwrap();
    }
}
