/// VLAN tags, the outer one first: TPID and TCI.
pub(super) type Tags = Vec<[u8; 4]>;

/// A frame's Ethernet addresses, its tags, and the rest from the ethertype on.
pub(super) fn split(frame: &[u8]) -> Option<(&[u8; 12], Tags, &[u8])> {
    let (addresses, mut rest) = frame.split_first_chunk()?;
    let mut tags = Tags::new();
    while let Some((tag, after)) = rest.split_first_chunk::<4>() {
        if !matches!(tag, [0x81, 0x00, ..] | [0x88, 0xa8, ..]) {
            break;
        }
        tags.push(*tag);
        rest = after;
    }
    Some((addresses, tags, rest))
}
