//! Services for booting machines, which fetch and tell: [`tftp`], [`http`] and [`syslog`], of which none knows another.

pub mod connections;
pub mod http;
pub mod log_budget;
pub mod script;
pub mod syslog;
pub mod tftp;
