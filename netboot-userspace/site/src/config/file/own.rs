//! What a host has of its own, as the file has it.

use serde::Serialize;

use super::{Route, strings};
use crate::model::{self, NetworkOverrides};

/// Network settings: an empty list is written too, it says that there is none.
#[derive(Debug, Default, Serialize)]
pub struct Network {
    #[serde(skip_serializing_if = "Option::is_none")]
    routers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ntp: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtu: Option<u16>,
    #[serde(rename = "next-server", skip_serializing_if = "Option::is_none")]
    next_server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routes: Option<Vec<Route>>,
}

impl From<&NetworkOverrides> for Network {
    fn from(network: &NetworkOverrides) -> Self {
        Self {
            routers: network.routers.as_deref().map(strings),
            dns: network.dns.as_deref().map(strings),
            ntp: network.ntp.as_deref().map(strings),
            domain: network.domain.clone(),
            search: network.search.clone(),
            mtu: network.mtu,
            next_server: network.next_server.map(|server| server.to_string()),
            routes: network.routes.as_ref().map(|list| list.iter().map(Route::from).collect()),
        }
    }
}

/// `script-settings`
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScriptSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    download_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initrd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facility: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tink_worker_image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consoles: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kernel_params: Vec<String>,
}

impl ScriptSettings {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&model::ScriptSettings> for ScriptSettings {
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
