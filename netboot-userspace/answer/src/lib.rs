//! Answers to DHCP: [`render`] makes the rows of [`tables`] from what is wanted, [`kernel`] fills the program's maps with
//! them, [`slow`] answers from them what the kernel passes on.

pub mod golden;
pub mod kernel;
pub mod quarantine;
pub mod render;
pub mod router_solicitations;
pub mod slow;
pub mod tables;
pub mod tagged_frames;
