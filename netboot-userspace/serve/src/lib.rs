//! Services for booting machines, which fetch and tell: [`tftp`], [`http`] and [`syslog`], of which none knows another.
//!
//! The [`supervisor`] keeps them as they are [`wanted`], each as a unit of its own that tells its [`health`].

pub mod bind;
mod boot_root;
pub mod connections;
pub mod descriptors;
pub mod health;
pub mod http;
pub mod log_budget;
pub mod script;
mod server_addresses;
pub mod services;
mod status_socket;
pub mod supervisor;
pub mod syslog;
pub mod tftp;
mod unit;
pub mod wanted;
