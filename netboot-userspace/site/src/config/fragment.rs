//! A fragment of a configuration, as another server's configuration gives it.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use anyhow::Context as _;

use super::file;
use crate::model::{Architecture, Host, Subnet};

/// Only what is given; all else is left to the configuration that it becomes a part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fragment {
    /// `dhcp.server-address`
    pub server_address: Option<Ipv4Addr>,
    /// `dhcp.lease-time`
    pub lease_time: Option<Duration>,
    /// `boot.script-user-classes`, if any are given.
    pub script_user_classes: Vec<String>,
    /// `boot.script-url`
    pub script_url: Option<String>,
    /// `boot.files`
    pub files: BTreeMap<Architecture, String>,
    pub subnets: Vec<Subnet>,
    /// One for each machine, however many MACs it has.
    pub hosts: Vec<Host>,
}

impl Fragment {
    /// TOML with the tables of a configuration; of hosts alone, an inventory file.
    ///
    /// # Errors
    ///
    /// None that is known of.
    pub fn to_toml(&self) -> anyhow::Result<String> {
        toml::to_string_pretty(&file::FragmentForm::from(self))
            .context("write what was read as TOML")
    }
}
