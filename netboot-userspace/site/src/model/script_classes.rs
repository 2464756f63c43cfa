//! The user classes that get the script.

use crate::model::{Host, Settings, Subnet};

impl Settings {
    /// The user classes that get the script: a host's own, else those of its subnet, else the site's.
    #[must_use]
    pub fn script_classes<'c>(
        &'c self,
        subnet: Option<&'c Subnet>,
        host: Option<&'c Host>,
    ) -> &'c [String] {
        let of_host = host.and_then(|host| host.script_classes.as_deref());
        let of_subnet = || subnet.and_then(|subnet| subnet.script_classes.as_deref());
        of_host.or_else(of_subnet).unwrap_or(&self.boot.script_user_classes)
    }
}
