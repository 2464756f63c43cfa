//! The memory of a frame: every access is checked against the frame's end, and nothing else is unsafe.

use core::hint::black_box;

use aya_ebpf::{
    EbpfContext as _,
    helpers::generated::{bpf_xdp_adjust_tail, bpf_xdp_load_bytes, bpf_xdp_store_bytes},
    programs::XdpContext,
};
use netboot_ebpf::{
    frame::{ADDRESSES, HEADERS, INNER, MAX_TAGS, TAG, tag_id},
    message::{CAP, Message},
    shared::Vlan,
    verdict::Verdict,
};
use network_types::{eth::EthHdr, ip::Ipv4Hdr, udp::UdpHdr};

const _: () = assert!(HEADERS == EthHdr::LEN + Ipv4Hdr::LEN + UdpHdr::LEN);

/// A frame as the program sees it.
pub struct Packet<'c> {
    ctx: &'c XdpContext,
}

impl<'c> Packet<'c> {
    #[inline(always)]
    pub fn new(ctx: &'c XdpContext) -> Self {
        Self { ctx }
    }

    /// The interface that it came over.
    #[inline(always)]
    pub fn ifindex(&self) -> u32 {
        self.ctx.ingress_ifindex() as u32
    }

    /// Its length in bytes. The difference stays 64 bits wide: narrowed to 32, it is an arithmetic on
    /// pointers that the verifier refuses.
    #[inline(always)]
    pub fn len(&self) -> usize {
        black_box(self.ctx.data_end() - self.ctx.data())
    }

    /// What follows this many tags: Ethernet type, IPv4 and UDP header; `None` where it is shorter.
    #[inline(always)]
    pub fn inner<const TAGS: usize>(&self) -> Option<&[u8; INNER]> {
        // SAFETY: `at` checked that the frame has these bytes, and bytes have no alignment.
        Some(unsafe { &*self.at::<INNER>(ADDRESSES + TAGS * TAG)?.cast_const() })
    }

    #[inline(always)]
    fn at<const N: usize>(&self, offset: usize) -> Option<*mut [u8; N]> {
        let at = self.ctx.data() + offset;
        if at + N > self.ctx.data_end() { None } else { Some(at as *mut [u8; N]) }
    }

    /// Notes the ids of its tags, which take this many bytes.
    #[inline(always)]
    pub fn vlan(&self, tags: usize, vlan: &mut Vlan) {
        if tags >= TAG
            && let Some(tag) = self.inner::<0>()
        {
            vlan.ids[0] = tag_id(tag);
        }
        if tags >= MAX_TAGS * TAG
            && let Some(tag) = self.inner::<1>()
        {
            vlan.ids[1] = tag_id(tag);
        }
    }

    /// Copies Ethernet, IPv4 and UDP header, without tags.
    #[inline(always)]
    pub fn load_headers(&self, tags: usize, headers: &mut [u8; HEADERS]) -> Result<(), Verdict> {
        let Some(addresses) = self.at::<ADDRESSES>(0) else { return Err(Verdict::NotDhcp) };
        let Some(inner) = self.at::<INNER>(ADDRESSES + tags) else {
            return Err(Verdict::NotDhcp);
        };
        let Some((to, rest)) = headers.split_first_chunk_mut() else {
            return Err(Verdict::NotDhcp);
        };
        let Some(to_inner) = rest.first_chunk_mut() else { return Err(Verdict::NotDhcp) };
        // SAFETY: `at` checked that the frame has these bytes, and bytes have no alignment.
        unsafe {
            *to = *addresses;
            *to_inner = *inner;
        }
        Ok(())
    }

    /// Copies the first `len` bytes behind the headers.
    #[inline(always)]
    pub fn load(&self, tags: usize, message: &mut Message, len: usize) -> Result<(), Verdict> {
        if len == 0 {
            return Err(Verdict::Truncated);
        }
        // Linux 6.1 does not learn from `len != 0` that it is 1 at least, but from a sum it does.
        let last = black_box(len - 1);
        if last >= CAP {
            return Err(Verdict::TooLong);
        }
        let len = last + 1;
        // SAFETY: `message` has room for `len` bytes; the helper checks the frame's end.
        let failed = unsafe {
            bpf_xdp_load_bytes(
                self.ctx.ctx,
                (HEADERS + tags) as u32,
                message.as_mut_ptr().cast(),
                len as u32,
            )
        };
        if failed == 0 { Ok(()) } else { Err(Verdict::Truncated) }
    }

    /// Makes room for a message of `len` bytes behind the headers, or takes it away.
    #[inline(always)]
    pub fn resize(&self, tags: usize, len: usize) -> Result<(), Verdict> {
        let delta = (HEADERS + tags + len) as i32 - self.len() as i32;
        // SAFETY: the helper checks the bounds; pointers into the frame are not used after it.
        let failed = unsafe { bpf_xdp_adjust_tail(self.ctx.as_ptr().cast(), delta) };
        if failed == 0 { Ok(()) } else { Err(Verdict::NoRoom) }
    }

    /// Overwrites the frame with an answer; its tags stay.
    #[inline(always)]
    pub fn store(
        &self,
        tags: usize,
        headers: &[u8; HEADERS],
        message: &Message,
        len: usize,
    ) -> Result<(), Verdict> {
        if len == 0 || len > CAP {
            return Err(Verdict::ReplyTooLong);
        }
        let Some(addresses) = self.at::<ADDRESSES>(0) else { return Err(Verdict::NoRoom) };
        let Some(inner) = self.at::<INNER>(ADDRESSES + tags) else { return Err(Verdict::NoRoom) };
        let Some((from, rest)) = headers.split_first_chunk() else { return Err(Verdict::NoRoom) };
        let Some(from_inner) = rest.first_chunk() else { return Err(Verdict::NoRoom) };
        // SAFETY: `message` has `len` bytes; the helper checks the frame's end.
        let failed = unsafe {
            bpf_xdp_store_bytes(
                self.ctx.ctx,
                (HEADERS + tags) as u32,
                message.as_ptr().cast_mut().cast(),
                len as u32,
            )
        };
        if failed != 0 {
            return Err(Verdict::NoRoom);
        }
        // SAFETY: `at` checked that the frame has these bytes; the helper moves nothing.
        unsafe {
            addresses.write(*from);
            inner.write(*from_inner);
        }
        Ok(())
    }
}
