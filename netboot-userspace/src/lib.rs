//! The netboot daemon: it fills the BPF maps, answers what the kernel passes on, and serves TFTP,
//! HTTP and syslog.
//!
//! Reading order: [`config`] and [`inventory`] say what is wanted, [`templates`] renders it into the
//! tables, [`fastpath`] and [`slowpath`] answer DHCP from them, [`tftp`], [`http`] and [`syslog`]
//! serve a booting machine, [`machines`] remembers how far each has come, [`app`] binds and runs it all.

pub mod acknowledged;
pub mod allocator;
pub mod app;
pub mod args;
pub mod blocks;
mod boot_lack;
mod boot_program;
mod booting;
pub mod clock;
pub mod commands;
pub mod config;
pub mod connections;
pub mod explain;
pub mod export;
#[cfg(feature = "fastpath")]
pub mod fastpath;
#[cfg(not(feature = "fastpath"))]
#[path = "fastpath/absent.rs"]
pub mod fastpath;
pub mod few;
pub mod files;
#[cfg(feature = "fastpath")]
pub mod golden;
pub mod hosts;
pub mod http;
pub mod import;
pub mod links;
mod loaders;
mod lock;
mod log_budget;
#[cfg(test)]
mod logged;
pub mod logging;
pub mod mac;
pub mod machines;
pub mod metrics;
pub mod model;
pub mod other_servers;
mod overflows;
pub mod own_dir;
mod packet_option;
pub mod printable;
pub mod probe;
pub mod quarantine;
pub mod rare;
mod replace;
pub mod router_solicitations;
mod routes;
pub mod running;
pub mod script;
#[cfg(feature = "fastpath")]
pub mod selftest;
mod shared_text;
pub mod sightings;
pub mod slowpath;
pub mod status;
pub mod syslog;
pub mod tables;
mod tagged_frames;
pub mod templates;
pub mod tftp;
pub mod throttle;
pub mod watch;
pub mod words;
