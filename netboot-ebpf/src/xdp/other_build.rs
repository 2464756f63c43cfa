//! The difference of the build that stands for another one in tests of upgrades.

use netboot_ebpf::responder::Scratch;

/// Wrong answers to machines 02:fa:17:*, which a self-check must find.
#[inline(always)]
pub fn spoil(scratch: &mut Scratch) {
    if cfg!(feature = "other-build")
        && scratch.request.station.mac.octets.starts_with(&[0x02, 0xfa, 0x17])
    {
        scratch.reply[0] = !scratch.reply[0];
    }
}
