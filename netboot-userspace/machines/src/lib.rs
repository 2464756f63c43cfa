//! The story of the machines: [`memory`] keeps their last steps, [`sightings`] what their DHCP shows, [`other_servers`]
//! who else answers them; [`status`] and [`metrics`] are what of it is shown.

pub mod acknowledged;
pub mod announcer;
pub mod booting;
pub mod channel;
pub mod event;
#[cfg(test)]
mod logged;
pub mod memory;
pub mod metrics;
pub mod other_servers;
pub mod reader;
pub mod running;
pub mod sightings;
pub mod status;
