use anyhow::Result;

/// The content of a capture file (the classic format of libpcap): Ethernet frames, a second apart.
pub(super) fn pcap<'f>(frames: impl IntoIterator<Item = &'f [u8]>) -> Result<Vec<u8>> {
    const MAGIC: u32 = 0xa1b2_c3d4;
    const VERSION: [u16; 2] = [2, 4];
    const LONGEST: u32 = 65_536;
    const ETHERNET: u32 = 1;
    let mut file = MAGIC.to_ne_bytes().to_vec();
    file.extend(VERSION.map(u16::to_ne_bytes).concat());
    // Time zone and accuracy.
    file.extend([0; 8]);
    file.extend([LONGEST, ETHERNET].map(u32::to_ne_bytes).concat());
    for (second, frame) in (1_u32..).zip(frames) {
        let len = u32::try_from(frame.len())?;
        file.extend([second, 0, len, len].map(u32::to_ne_bytes).concat());
        file.extend(frame);
    }
    Ok(file)
}
