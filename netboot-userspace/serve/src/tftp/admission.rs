//! The admission of transfers, where there are many: a limit for each source, so that no host takes them from all.
//!
//! A transfer costs some hundred bytes beside the file that all share, so the limits are high. Machines with a
//! reservation have all places, others no more than three quarters of them, and of one network a quarter.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

/// Of one server.
pub(super) const TRANSFERS: usize = 65_536;

pub(super) struct Admission {
    limits: AdmissionLimits,
    all: usize,
    strangers: usize,
    addresses: HashMap<IpAddr, usize>,
    /// Of strangers only.
    networks: HashMap<IpAddr, usize>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct AdmissionLimits {
    all: usize,
    /// That no client has answered: whoever forges requests has only such.
    unanswered: usize,
    strangers: usize,
    network: usize,
    address: usize,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TransferSource {
    pub(super) address: IpAddr,
    /// The source's address is a machine's by its reservation.
    pub(super) is_known: bool,
}

/// Whose transfers are as many as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Address(IpAddr),
    Network(IpAddr),
    Strangers,
    All,
}

impl AdmissionLimits {
    pub(super) fn new(all: usize) -> Self {
        let all = all.max(16);
        Self {
            all,
            unanswered: all / 4,
            strangers: all / 4 * 3,
            network: all / 4,
            address: all / 8,
        }
    }
}

impl Admission {
    pub(super) fn new(limits: AdmissionLimits) -> Self {
        Self { limits, all: 0, strangers: 0, addresses: HashMap::new(), networks: HashMap::new() }
    }

    /// # Errors
    /// One of those must end first.
    pub(super) fn check(&self, source: TransferSource) -> Result<(), Full> {
        let AdmissionLimits { all, strangers, network, address, .. } = self.limits;
        let of = |counts: &HashMap<IpAddr, usize>, key| counts.get(&key).copied().unwrap_or(0);
        if of(&self.addresses, source.address) >= address {
            return Err(Full::Address(source.address));
        }
        if !source.is_known {
            let key = network_of(source.address);
            if of(&self.networks, key) >= network {
                return Err(Full::Network(key));
            }
            if self.strangers >= strangers {
                return Err(Full::Strangers);
            }
        }
        if self.all >= all { Err(Full::All) } else { Ok(()) }
    }

    /// How many may wait for their first answer.
    pub(super) fn unanswered(&self) -> usize {
        self.limits.unanswered
    }

    /// How many an address has.
    pub(super) fn of_address(&self, address: IpAddr) -> usize {
        self.addresses.get(&address).copied().unwrap_or(0)
    }

    /// Who has most, and how many.
    pub(super) fn busiest(&self) -> Option<(IpAddr, usize)> {
        let most = self.addresses.iter().max_by_key(|(_, transfers)| **transfers);
        most.map(|(address, transfers)| (*address, *transfers))
    }

    pub(super) fn begin(&mut self, source: TransferSource) {
        self.all += 1;
        *self.addresses.entry(source.address).or_default() += 1;
        if !source.is_known {
            self.strangers += 1;
            *self.networks.entry(network_of(source.address)).or_default() += 1;
        }
    }

    pub(super) fn end(&mut self, source: TransferSource) {
        self.all = self.all.saturating_sub(1);
        leave(&mut self.addresses, source.address);
        if !source.is_known {
            self.strangers = self.strangers.saturating_sub(1);
            leave(&mut self.networks, network_of(source.address));
        }
    }
}

impl Full {
    /// Whether this one's end makes room.
    pub(super) fn counts(self, source: TransferSource) -> bool {
        match self {
            Self::Address(address) => source.address == address,
            Self::Network(network) => !source.is_known && network_of(source.address) == network,
            Self::Strangers => !source.is_known,
            Self::All => true,
        }
    }
}

fn leave(counts: &mut HashMap<IpAddr, usize>, key: IpAddr) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

/// The /24 or /64 that an address is in.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            [a, b, c, 0].into()
        }
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str, is_known: bool) -> TransferSource {
        TransferSource { address: address.parse().unwrap(), is_known }
    }

    /// As many as are let in of these sources, in turn, and what stops the next one.
    fn fill(admission: &mut Admission, sources: &[TransferSource]) -> (usize, Full) {
        for (number, source) in sources.iter().cycle().enumerate() {
            match admission.check(*source) {
                Ok(()) => admission.begin(*source),
                Err(full) => return (number, full),
            }
        }
        unreachable!()
    }

    #[test]
    fn each_source_has_its_part() {
        let new = || Admission::new(AdmissionLimits::new(80));
        let one = source("10.0.0.1", true);
        assert_eq!(fill(&mut new(), &[one]), (10, Full::Address(one.address)));
        let network = ["10.0.0.1", "10.0.0.2", "10.0.0.255"].map(|address| source(address, false));
        let mut admission = new();
        assert_eq!(fill(&mut admission, &network), (20, Full::Network([10, 0, 0, 0].into())));
        // A machine of that network is not refused for it.
        assert_eq!(admission.check(source("10.0.0.3", true)), Ok(()));

        let addresses = |is_known| {
            let address = move |number: u8| source(&format!("10.0.{number}.1"), is_known);
            (0..100).map(address).collect::<Vec<_>>()
        };
        let mut admission = new();
        assert_eq!(fill(&mut admission, &addresses(false)), (60, Full::Strangers));
        assert_eq!(fill(&mut admission, &addresses(true)), (20, Full::All));
        for source in &addresses(false)[..60] {
            admission.end(*source);
        }
        for source in &addresses(true)[..20] {
            admission.end(*source);
        }
        assert_eq!((admission.all, admission.strangers), (0, 0));
        assert!(admission.addresses.is_empty() && admission.networks.is_empty());
    }

    #[test]
    fn whose_end_makes_room() {
        let check = |full: Full, expect: [bool; 3]| {
            let sources = [("10.0.0.1", true), ("10.0.0.2", false), ("10.0.1.1", false)];
            let got = sources.map(|(address, is_known)| full.counts(source(address, is_known)));
            assert_eq!(got, expect, "{full:?}");
        };
        check(Full::Address([10, 0, 0, 1].into()), [true, false, false]);
        check(Full::Network([10, 0, 0, 0].into()), [false, true, false]);
        check(Full::Strangers, [false, true, true]);
        check(Full::All, [true, true, true]);
        assert_eq!(
            network_of("fd00::1:2:3:4".parse().unwrap()),
            "fd00::".parse::<IpAddr>().unwrap()
        );
    }
}
