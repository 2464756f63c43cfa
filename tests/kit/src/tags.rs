//! The VLAN tags of a frame.

/// Type and control of each tag, the outer one first.
pub type Tags = Vec<[u8; 4]>;

/// A frame's Ethernet addresses, its tags, and the rest from the ethertype on.
#[must_use]
pub fn split(frame: &[u8]) -> Option<(&[u8; 12], Tags, &[u8])> {
    let (addresses, mut rest) = frame.split_first_chunk()?;
    let mut tags = Tags::new();
    while let Some((tag, after)) = rest.split_first_chunk::<4>() {
        if !matches!(tag, [0x81, 0x00, ..] | [0x88, 0xa8, ..] | [0x91, 0x00, ..]) {
            break;
        }
        tags.push(*tag);
        rest = after;
    }
    Some((addresses, tags, rest))
}
