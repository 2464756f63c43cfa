//! The offload of VLAN tags: whether a device takes them off received frames, as the kernel's ethtool family tells (Linux
//! Documentation/networking/ethtool-netlink.rst, FEATURES_GET).

use anyhow::Context as _;
use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLA_F_NESTED, NetlinkMessage, NetlinkPayload, NlasIterator,
    ParseableParametrized,
};
use netlink_packet_generic::{
    GenlFamily, GenlHeader, GenlMessage,
    ctrl::{GenlCtrl, GenlCtrlCmd, nlas::GenlCtrlAttrs},
};
use netlink_sys::protocols::NETLINK_GENERIC;

use super::{VlanOffload, ask::Kernel};

/// The kernel's names of the features, and `ethtool -K`'s.
const FEATURES: [(&str, &str); 2] =
    [("rx-vlan-hw-parse", "rxvlan"), ("rx-vlan-stag-hw-parse", "rx-vlan-stag-hw-parse")];

/// Asks the kernel.
pub(super) fn read(index: u32) -> anyhow::Result<VlanOffload> {
    let mut request = GenlMessage::from_payload(Features::request(index));
    let kernel = Kernel::new(NETLINK_GENERIC)?;
    request.set_resolved_family_id(family(&kernel)?);
    let answer = match kernel.ask(NetlinkMessage::from(request))? {
        NetlinkPayload::InnerMessage(answer) => answer.payload.0,
        NetlinkPayload::Error(error) => return Err(error.to_io()).context("no device features"),
        other => anyhow::bail!("the kernel does not tell the device's features: {other:?}"),
    };
    let active = names(&answer).context("the device's features are not understood")?;
    let on = FEATURES.iter().filter(|(kernel, _)| active.iter().any(|name| name == kernel));
    let on: Vec<_> = on.map(|(_, name)| *name).collect();
    Ok(if on.is_empty() { VlanOffload::Off } else { VlanOffload::On(on) })
}

/// The number of the ethtool family.
fn family(kernel: &Kernel) -> anyhow::Result<u16> {
    let name = GenlCtrlAttrs::FamilyName(Features::family_name().to_owned());
    let request = GenlCtrl { cmd: GenlCtrlCmd::GetFamily, nlas: vec![name] };
    let request = NetlinkMessage::from(GenlMessage::from_payload(request));
    let NetlinkPayload::InnerMessage(answer) = kernel.ask(request)? else {
        anyhow::bail!("the kernel has no ethtool family (CONFIG_ETHTOOL_NETLINK)");
    };
    let id = answer.payload.nlas.iter().find_map(|attribute| match attribute {
        GenlCtrlAttrs::FamilyId(id) => Some(*id),
        _ => None,
    });
    id.context("the kernel does not say the ethtool family's number")
}

/// The attributes of a FEATURES_GET, or of its answer.
#[derive(Debug)]
struct Features(Vec<u8>);

const FEATURES_GET: u8 = 11;
const HEADER: u16 = 1;
const HEADER_DEV_INDEX: u16 = 1;
const ACTIVE: u16 = 4;
const BITSET_BITS: u16 = 3;
const BIT_NAME: u16 = 2;

impl Features {
    fn request(index: u32) -> Self {
        let device = encoded(HEADER_DEV_INDEX, index.to_ne_bytes().to_vec());
        Self(encoded(HEADER | NLA_F_NESTED, device))
    }
}

fn encoded(kind: u16, value: Vec<u8>) -> Vec<u8> {
    let attribute = DefaultNla::new(kind, value);
    let mut bytes = vec![0; attribute.buffer_len()];
    attribute.emit(&mut bytes);
    bytes
}

/// The names of the active features: the set's bits that are listed are the ones that are set.
fn names(features: &[u8]) -> Result<Vec<String>, DecodeError> {
    let mut names = Vec::new();
    for set in children(features, ACTIVE)? {
        for bits in children(&set, BITSET_BITS)? {
            for (_, bit) in attributes(&bits)? {
                for name in children(&bit, BIT_NAME)? {
                    let name = String::from_utf8_lossy(&name);
                    names.push(name.trim_end_matches('\0').to_owned());
                }
            }
        }
    }
    Ok(names)
}

fn children(bytes: &[u8], wanted: u16) -> Result<Vec<Vec<u8>>, DecodeError> {
    let all = attributes(bytes)?;
    Ok(all.into_iter().filter(|(kind, _)| *kind == wanted).map(|(_, value)| value).collect())
}

fn attributes(bytes: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, DecodeError> {
    let attributes = NlasIterator::new(bytes);
    attributes.map(|found| found.map(|found| (found.kind(), found.value().to_vec()))).collect()
}

impl GenlFamily for Features {
    fn family_name() -> &'static str {
        "ethtool"
    }

    fn command(&self) -> u8 {
        FEATURES_GET
    }

    fn version(&self) -> u8 {
        1
    }
}

impl Emitable for Features {
    fn buffer_len(&self) -> usize {
        self.0.len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.0);
    }
}

impl ParseableParametrized<[u8], GenlHeader> for Features {
    fn parse_with_param(bytes: &[u8], _: GenlHeader) -> Result<Self, DecodeError> {
        Ok(Self(bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_device_takes_no_tags_off() {
        let loopback = crate::links::all().unwrap().remove("lo").unwrap();
        assert_eq!(read(loopback.index).unwrap(), VlanOffload::Off);
        assert!(read(0x7fff_fff0).is_err());
    }

    #[test]
    fn names_of_active_features() {
        let bit = |name: &str| encoded(1, encoded(BIT_NAME, [name.as_bytes(), b"\0"].concat()));
        let bits = [bit("rx-checksum"), bit("rx-vlan-hw-parse")].concat();
        let set = encoded(ACTIVE, encoded(BITSET_BITS, bits));
        // HW, what the device could do, stands before.
        let all = [encoded(2, encoded(BITSET_BITS, bit("loopback"))), set].concat();
        assert_eq!(names(&all).unwrap(), ["rx-checksum", "rx-vlan-hw-parse"]);
        assert!(names(&all[..all.len() - 8]).is_err());
    }
}
