//! Which subnet an address lies in.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Subnets in the order of their addresses.
#[derive(Debug, Default)]
pub(crate) struct Located {
    /// Each with its number.
    subnets: Vec<(Ipv4Net, usize)>,
}

impl Located {
    pub(crate) fn new(subnets: impl IntoIterator<Item = Ipv4Net>) -> Self {
        let mut subnets: Vec<_> = subnets.into_iter().zip(0..).collect();
        subnets.sort_by_key(|(cidr, _)| cidr.network());
        Self { subnets }
    }

    /// The number of the subnet that the address lies in.
    pub(crate) fn find(&self, ip: Ipv4Addr) -> Option<usize> {
        let after = self.subnets.partition_point(|(cidr, _)| cidr.network() <= ip);
        let nearest = after.checked_sub(1).and_then(|before| self.subnets.get(before));
        // Subnets may still turn out to overlap: then it need not be the nearest.
        let mut candidates = nearest.into_iter().chain(&self.subnets);
        candidates.find(|(cidr, _)| cidr.contains(&ip)).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ip: [u8; 4], expect: Option<usize>) {
        let subnets = ["10.0.1.0/24", "10.0.0.0/25", "10.2.0.0/16"];
        let located = Located::new(subnets.map(|cidr| cidr.parse().unwrap()));
        assert_eq!(located.find(ip.into()), expect, "{ip:?}");
    }

    #[test]
    fn finds_the_subnet() {
        check([9, 255, 255, 255], None);
        check([10, 0, 0, 0], Some(1));
        check([10, 0, 0, 127], Some(1));
        check([10, 0, 0, 128], None);
        check([10, 0, 1, 255], Some(0));
        check([10, 0, 2, 0], None);
        check([10, 2, 255, 255], Some(2));
        check([10, 3, 0, 0], None);
        let nested = ["10.0.0.0/8", "10.0.0.0/24"].map(|cidr| cidr.parse().unwrap());
        assert_eq!(Located::new(nested).find([10, 0, 1, 1].into()), Some(0));
        assert_eq!(Located::default().find(Ipv4Addr::LOCALHOST), None);
    }
}
