//! Shares of the sockets: transfers over one address of this node, and so of its link, have others than those over the
//! next. A slow link fills the send buffers of its own sockets.

use std::{net::IpAddr, ops::Range};

/// Parts of the sockets for the first address that is asked, and for the ones after it; the last part is for all further ones.
const PARTS: [usize; 3] = [4, 1, 1];

#[derive(Debug, Default)]
pub(super) struct SocketShares {
    asked: Vec<IpAddr>,
}

impl SocketShares {
    /// Of so many sockets; where there are few, all have all.
    pub(super) fn sockets(&mut self, local: IpAddr, sockets: usize) -> Range<usize> {
        let all = PARTS.iter().sum::<usize>();
        let part = sockets / all;
        if part == 0 {
            return 0..sockets;
        }
        let known = self.asked.iter().position(|asked| *asked == local);
        let number = known.unwrap_or_else(|| {
            if self.asked.len() < PARTS.len() {
                self.asked.push(local);
                self.asked.len() - 1
            } else {
                PARTS.len()
            }
        });
        let number = number.min(PARTS.len() - 1);
        let before: usize = PARTS.iter().take(number).sum();
        let own = PARTS.get(number).copied().unwrap_or(1);
        before * part..(before + own) * part
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn addresses_have_sockets_of_their_own() {
        let mut ways = SocketShares::default();
        for (address, sockets, expect) in [
            (1, 24, 0..16),
            (2, 24, 16..20),
            (1, 24, 0..16),
            (3, 24, 20..24),
            (4, 24, 20..24),
            (2, 24, 16..20),
            (1, 6, 0..4),
            (2, 5, 0..5),
            (1, 1, 0..1),
        ] {
            let local = IpAddr::V4(Ipv4Addr::new(192, 0, 2, address));
            assert_eq!(ways.sockets(local, sockets), expect, "{address} {sockets}");
        }
    }
}
