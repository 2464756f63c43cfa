//! A question to the kernel over netlink.

use anyhow::Context as _;
use netlink_packet_core::{
    NLM_F_REQUEST, NetlinkDeserializable, NetlinkMessage, NetlinkPayload, NetlinkSerializable,
};
use netlink_sys::{Socket, SocketAddr};

/// The kernel's one answer.
pub(super) fn ask<T: NetlinkSerializable + NetlinkDeserializable>(
    protocol: isize,
    mut request: NetlinkMessage<T>,
) -> anyhow::Result<NetlinkPayload<T>> {
    let mut socket = Socket::new(protocol).context("cannot open a netlink socket")?;
    socket.bind_auto().context("cannot bind a netlink socket")?;
    socket.connect(&SocketAddr::new(0, 0)).context("cannot reach the kernel over netlink")?;
    request.header.flags = NLM_F_REQUEST;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0).context("cannot ask the kernel for an interface")?;
    let (answer, _) = socket.recv_from_full().context("the kernel does not answer")?;
    let answer = NetlinkMessage::<T>::deserialize(&answer)
        .context("the kernel's answer about an interface is not understood")?;
    Ok(answer.payload)
}
