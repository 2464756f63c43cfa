//! A fragment of the file, with nothing that is not said.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_with::skip_serializing_none;

use super::{HostEntry, OptionEntry, Vlan, by_name, own::NetworkKeys, relays, vlan};
use crate::{
    config,
    model::{self, NetworkOverrides},
};

#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct FragmentForm {
    dhcp: Option<DhcpFragment>,
    boot: Option<BootFragment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subnet: Vec<SubnetFragment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    host: Vec<HostEntry>,
}

#[skip_serializing_none]
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct DhcpFragment {
    server_address: Option<String>,
    lease_time: Option<String>,
}

#[skip_serializing_none]
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct BootFragment {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    script_user_classes: Vec<String>,
    script_url: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    files: BTreeMap<String, String>,
}

#[skip_serializing_none]
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct SubnetFragment {
    cidr: String,
    vlan: Option<Vlan>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    relay: Vec<String>,
    server_address: Option<String>,
    script_url: Option<String>,
    script_user_classes: Option<Vec<String>>,
    boot_vlan: Option<u16>,
    tftp_block_size: Option<u16>,
    lease_time: Option<String>,
    #[serde(flatten)]
    network: NetworkKeys,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<OptionEntry>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    boot_files: BTreeMap<String, String>,
}

impl From<&config::Fragment> for FragmentForm {
    fn from(fragment: &config::Fragment) -> Self {
        let config::Fragment { script_user_classes, script_url, files, .. } = fragment;
        let dhcp = DhcpFragment {
            server_address: fragment.server_address.map(|address| address.to_string()),
            lease_time: fragment.lease_time.map(time),
        };
        let boot = BootFragment {
            script_user_classes: script_user_classes.clone(),
            script_url: script_url.clone(),
            files: by_name(files),
        };
        let host = |host| {
            let entry = HostEntry::from(host);
            HostEntry { netboot: entry.netboot.filter(|boots| !boots), ..entry }
        };
        Self {
            dhcp: Some(dhcp).filter(|dhcp| *dhcp != DhcpFragment::default()),
            boot: Some(boot).filter(|boot| *boot != BootFragment::default()),
            subnet: fragment.subnets.iter().map(SubnetFragment::from).collect(),
            host: fragment.hosts.iter().map(host).collect(),
        }
    }
}

impl From<&model::Subnet> for SubnetFragment {
    fn from(subnet: &model::Subnet) -> Self {
        let network = NetworkOverrides {
            routers: given(&subnet.routers),
            dns: given(&subnet.dns),
            ntp: given(&subnet.ntp),
            domain: subnet.domain.clone(),
            search: given(&subnet.search),
            routes: given(&subnet.routes),
            mtu: subnet.mtu,
            next_server: subnet.next_server,
        };
        Self {
            cidr: subnet.cidr.to_string(),
            vlan: vlan(subnet.vlan),
            relay: relays(&subnet.relays),
            server_address: subnet.server_address.map(|address| address.to_string()),
            script_url: subnet.script_url.clone(),
            script_user_classes: subnet.script_classes.0.clone(),
            boot_vlan: subnet.boot_vlan,
            tftp_block_size: subnet.tftp_block_size,
            lease_time: subnet.lease_time.map(time),
            network: NetworkKeys::from(&network),
            options: subnet.options.iter().map(OptionEntry::from).collect(),
            boot_files: by_name(&subnet.files),
        }
    }
}

fn given<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn time(time: std::time::Duration) -> String {
    humantime::format_duration(time).to_string()
}
