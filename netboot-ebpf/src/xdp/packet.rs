//! The frame's memory: every access is checked against its end, and nothing else is unsafe about it.

use core::hint::black_box;

use aya_ebpf::{
    EbpfContext as _,
    helpers::generated::{bpf_xdp_adjust_tail, bpf_xdp_load_bytes, bpf_xdp_store_bytes},
    programs::XdpContext,
};
use netboot_ebpf::{
    frame::HEADERS,
    message::{CAP, Message},
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

    /// Ethernet, IPv4 and UDP header; `None` where it is shorter.
    #[inline(always)]
    pub fn headers(&self) -> Option<&[u8; HEADERS]> {
        // SAFETY: `at` checked that the frame has `HEADERS` bytes, and bytes have no alignment.
        Some(unsafe { &*self.at()?.cast_const() })
    }

    #[inline(always)]
    fn at(&self) -> Option<*mut [u8; HEADERS]> {
        let start = self.ctx.data();
        if start + HEADERS > self.ctx.data_end() { None } else { Some(start as *mut [u8; HEADERS]) }
    }

    /// Copies the first `len` bytes behind the headers.
    #[inline(always)]
    pub fn load(&self, message: &mut Message, len: usize) -> Result<(), Verdict> {
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
                HEADERS as u32,
                message.as_mut_ptr().cast(),
                len as u32,
            )
        };
        if failed == 0 { Ok(()) } else { Err(Verdict::Truncated) }
    }

    /// Makes room for a message of `len` bytes behind the headers, or takes it away.
    #[inline(always)]
    pub fn resize(&self, len: usize) -> Result<(), Verdict> {
        let delta = (HEADERS + len) as i32 - self.len() as i32;
        // SAFETY: the helper checks the bounds; pointers into the frame are not used after it.
        let failed = unsafe { bpf_xdp_adjust_tail(self.ctx.as_ptr().cast(), delta) };
        if failed == 0 { Ok(()) } else { Err(Verdict::NoRoom) }
    }

    /// Overwrites the frame with an answer.
    #[inline(always)]
    pub fn store(
        &self,
        headers: &[u8; HEADERS],
        message: &Message,
        len: usize,
    ) -> Result<(), Verdict> {
        if len == 0 || len > CAP {
            return Err(Verdict::ReplyTooLong);
        }
        let Some(at) = self.at() else { return Err(Verdict::NoRoom) };
        // SAFETY: `message` has `len` bytes; the helper checks the frame's end.
        let failed = unsafe {
            bpf_xdp_store_bytes(
                self.ctx.ctx,
                HEADERS as u32,
                message.as_ptr().cast_mut().cast(),
                len as u32,
            )
        };
        if failed != 0 {
            return Err(Verdict::NoRoom);
        }
        // SAFETY: `at` checked that the frame has `HEADERS` bytes; the helper moves nothing.
        unsafe { at.write(*headers) };
        Ok(())
    }
}
