//! The machine's address: the server that gives it, and whether it is the machine's own.

use std::{
    io,
    net::{Ipv4Addr, UdpSocket},
};

use ipnet::Ipv4Net;
use netboot_base::{links::LinkState, printable::printable};
use netboot_ebpf::wire::{ACK, SERVER_PORT, code};

use super::{
    Grade, Probe, boot_url, conflict,
    dhcp::{self, Exchange, OtherServers, Reply},
    remedy::Omission,
    station::Lease,
};
use crate::explain::Machine;

impl Probe<'_> {
    /// An address and something to boot, from the first server that offers them: the exchange, and its end.
    pub(super) fn address(&mut self, firmware: &Machine) -> io::Result<Option<(Exchange, Reply)>> {
        const STEP: &str = "firmware";
        self.progress.begin(&format!("{STEP}: DISCOVER of {}", firmware.mac));
        let exchange =
            dhcp::exchange(&mut self.wire, firmware, self.plan.patience, OtherServers::All)?;
        let own = self.expected(firmware).and_then(|answer| answer.yiaddr);
        let lack = Omission::Reservation { mac: firmware.mac.to_string(), address: own };
        let (end, address, told) = match self.granted(&exchange) {
            Ok((end, address, told)) => (end.clone(), address, told),
            Err(why) => {
                self.note(STEP, Grade::Wrong, why, Some(lack));
                return Ok(None);
            }
        };
        match own.filter(|own| *own != address) {
            Some(own) => {
                let what = format!(
                    "{told}; netboot knows this machine as {own}, and finds its script and its log by that"
                );
                self.note(STEP, Grade::Wrong, what, Some(lack));
            }
            None => self.note(STEP, Grade::Right, told, None),
        }
        Ok(Some((exchange, end)))
    }

    /// The ACK and its address, and what it tells; else why there is none.
    fn granted<'e>(&self, exchange: &'e Exchange) -> Result<(&'e Reply, Ipv4Addr, String), String> {
        let Some(offer) = exchange.taken() else { return Err(self.no_offer(exchange)) };
        let server = offer.server();
        let Some(end) = &exchange.end else {
            return Err(format!("{server} makes an offer, and does not answer the request for it"));
        };
        if end.kind() != ACK {
            let why = printable(&end.option(code::MESSAGE).unwrap_or_default(), 200);
            return Err(format!("{server} makes an offer, and refuses the request for it: {why}"));
        }
        let address = end.address().unwrap_or(Ipv4Addr::UNSPECIFIED);
        if !is_machines(address) {
            return Err(format!("{server} gives {address}, which cannot be a machine's"));
        }
        if let Some(offered) = offer.address().filter(|offered| *offered != address) {
            return Err(format!("{server} offers {offered}, and then gives {address}"));
        }
        let boot = exchange.boot().map_or_else(|| "nothing to boot".to_owned(), boot_url::shown);
        let after = offer.after.as_secs_f32();
        Ok((end, address, format!("{address} by {server} after {after:.2} s; {boot}")))
    }

    fn no_offer(&self, exchange: &Exchange) -> String {
        let link = &self.plan.link;
        let mut what = match exchange.offers.first() {
            None if link.state != LinkState::Up => {
                format!("{} has no carrier, or is switched off", link.name)
            }
            Some(proxy) => format!(
                "only {} answers, with something to boot (ProxyDHCP), and nobody with an address",
                proxy.server()
            ),
            None => {
                let seconds = self.plan.patience.as_secs_f32();
                format!("nobody answers a DISCOVER in {seconds:.0} s")
            }
        };
        if UdpSocket::bind((Ipv4Addr::UNSPECIFIED, SERVER_PORT))
            .is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
        {
            what += "; a DHCP server on this node is not reached so: probe from another one";
        }
        what
    }

    /// More than one that gives addresses is a race that each boot may lose.
    pub(super) fn other_servers(&mut self, exchange: &Exchange) {
        let offers: Vec<_> =
            exchange.offers.iter().filter(|offer| offer.address().is_some()).collect();
        let [first, others @ ..] = offers.as_slice() else { return };
        if others.is_empty() {
            let what = format!("{} alone offers addresses", first.server());
            self.note("servers", Grade::Right, what, None);
            return;
        }
        let each = offers.iter().map(|offer| {
            let address = offer.address().unwrap_or(Ipv4Addr::UNSPECIFIED);
            let boot = boot_url::shown(offer);
            format!("{} ({}) offers {address}, {boot}", offer.server(), offer.server_mac())
        });
        let each = each.collect::<Vec<_>>().join("; ");
        let is_same =
            |offer: &&Reply| offer.address() == first.address() && offer.file() == first.file();
        if others.iter().all(is_same) {
            let what = format!("several DHCP servers offer the same: {each}");
            self.note("servers", Grade::Warning, what, None);
        } else {
            let what = format!(
                "{} DHCP servers offer addresses, and the machine takes one of them: {each}. Stop the others",
                offers.len()
            );
            self.note("servers", Grade::Wrong, what, None);
        }
    }

    /// The address is the machine's, unless another station has it.
    pub(super) fn take_address(&mut self, end: &Reply) -> io::Result<()> {
        let Some(address) = end.address() else { return Ok(()) };
        let mac = self.plan.firmware.mac;
        self.progress.begin(&format!("who has {address}?"));
        if let Some(owner) = conflict::owner(&mut self.wire, mac, address)? {
            let what = if owner == mac {
                format!("{address} answers: the machine runs, and files are fetched as this node")
            } else {
                format!("{address} is used by {owner}: two machines have one address")
            };
            let state = if owner == mac { Grade::Warning } else { Grade::Wrong };
            self.note("address", state, what, None);
            return Ok(());
        }
        let mask = end.addresses(code::SUBNET_MASK).first().copied();
        let network = mask.and_then(|mask| Ipv4Net::with_netmask(address, mask).ok());
        if network.is_none() {
            let what = "it is told no subnet mask (option 1), or one that is none";
            self.note("address", Grade::Warning, what, None);
        }
        let network = network.or_else(|| Ipv4Net::new(address, 24).ok());
        let router = end.addresses(code::ROUTER).first().copied();
        self.lease = network.map(|address| Lease { mac, address, router });
        Ok(())
    }
}

/// Whether a machine can have this address.
fn is_machines(address: Ipv4Addr) -> bool {
    !address.is_multicast()
        && !address.is_broadcast()
        && !address.is_loopback()
        && !address.is_unspecified()
}
