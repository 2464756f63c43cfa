//! Helpers that all floors may use: bounded text, limits on what repeats, files and directories that are opened without following
//! links, locks, and the node's interfaces. Nothing here knows DHCP, a configuration or a service.

pub mod bounded;
pub mod clock;
pub mod columns;
pub mod files;
pub mod format;
pub mod links;
pub mod lock;
pub mod mac;
pub mod overflows;
pub mod own_dir;
pub mod packet_option;
pub mod packet_socket;
pub mod printable;
pub mod replace;
pub mod shared_text;
pub mod shortlist;
pub mod sparse;
pub mod throttle;
pub mod watch;
pub mod words;
