//! The settings that a host has for itself, as the file has them.

use serde::Serialize;
use serde_with::skip_serializing_none;

use super::{RouteEntry, strings};
use crate::model::{self, NetworkOverrides};

/// Network settings: an empty list is written too, it says that there is none.
#[skip_serializing_none]
#[derive(Debug, Default, Serialize)]
pub struct NetworkKeys {
    routers: Option<Vec<String>>,
    dns: Option<Vec<String>>,
    ntp: Option<Vec<String>>,
    domain: Option<String>,
    search: Option<Vec<String>>,
    mtu: Option<u16>,
    #[serde(rename = "next-server")]
    next_server: Option<String>,
    routes: Option<Vec<RouteEntry>>,
}

impl From<&NetworkOverrides> for NetworkKeys {
    fn from(network: &NetworkOverrides) -> Self {
        Self {
            routers: network.routers.as_deref().map(strings),
            dns: network.dns.as_deref().map(strings),
            ntp: network.ntp.as_deref().map(strings),
            domain: network.domain.clone(),
            search: network.search.clone(),
            mtu: network.mtu,
            next_server: network.next_server.map(|server| server.to_string()),
            routes: network.routes.as_ref().map(|list| list.iter().map(RouteEntry::from).collect()),
        }
    }
}

/// `script-settings`
#[skip_serializing_none]
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScriptSettingsTable {
    download_url: Option<String>,
    arch: Option<String>,
    kernel: Option<String>,
    initrd: Option<String>,
    facility: Option<String>,
    worker_id: Option<String>,
    tink_worker_image: Option<String>,
    consoles: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kernel_params: Vec<String>,
}

impl ScriptSettingsTable {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&model::ScriptSettings> for ScriptSettingsTable {
    fn from(settings: &model::ScriptSettings) -> Self {
        let settings = settings.clone();
        Self {
            download_url: settings.download_url,
            arch: settings.arch,
            kernel: settings.kernel,
            initrd: settings.initrd,
            facility: settings.facility,
            worker_id: settings.worker_id,
            tink_worker_image: settings.tink_worker_image,
            consoles: settings.consoles,
            kernel_params: settings.kernel_params,
        }
    }
}
