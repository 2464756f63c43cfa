//! The subnet that an address lies in.

use std::net::Ipv4Addr;

use crate::model::Subnet;

/// Subnets in the order of their addresses.
#[derive(Debug, Default)]
pub struct Located<'s> {
    /// Each with its number.
    subnets: Vec<(&'s Subnet, usize)>,
}

impl<'s> Located<'s> {
    pub fn new(subnets: &'s [Subnet]) -> Self {
        let mut subnets: Vec<_> = subnets.iter().zip(0..).collect();
        subnets.sort_by_key(|(subnet, _)| subnet.cidr.network());
        Self { subnets }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.subnets.len()
    }

    /// The number of the subnet that the address lies in.
    pub fn find(&self, ip: Ipv4Addr) -> Option<usize> {
        self.entry(ip).map(|(_, at)| at)
    }

    /// The subnet that the address lies in.
    pub(crate) fn subnet(&self, ip: Ipv4Addr) -> Option<&'s Subnet> {
        self.entry(ip).map(|(subnet, _)| subnet)
    }

    fn entry(&self, ip: Ipv4Addr) -> Option<(&'s Subnet, usize)> {
        let after = self.subnets.partition_point(|(subnet, _)| subnet.cidr.network() <= ip);
        let nearest = after.checked_sub(1).and_then(|before| self.subnets.get(before));
        // Subnets may still turn out to overlap: then it need not be the nearest.
        let mut candidates = nearest.into_iter().chain(&self.subnets);
        candidates.find(|(subnet, _)| subnet.cidr.contains(&ip)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnets(cidrs: &[&str]) -> Vec<Subnet> {
        cidrs.iter().map(|cidr| Subnet::new(cidr.parse().unwrap())).collect()
    }

    #[track_caller]
    fn check(ip: [u8; 4], expect: Option<usize>) {
        let subnets = subnets(&["10.0.1.0/24", "10.0.0.0/25", "10.2.0.0/16"]);
        let located = Located::new(&subnets);
        assert_eq!(located.find(ip.into()), expect, "{ip:?}");
        assert_eq!(located.subnet(ip.into()), expect.map(|at| &subnets[at]), "{ip:?}");
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
        let nested = subnets(&["10.0.0.0/8", "10.0.0.0/24"]);
        assert_eq!(Located::new(&nested).find([10, 0, 1, 1].into()), Some(0));
        assert_eq!(Located::default().find(Ipv4Addr::LOCALHOST), None);
    }
}
