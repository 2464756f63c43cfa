//! The site as it is wanted: [`model`] has it as values, [`config`] reads and checks the files that it comes from,
//! [`blocks`] has what it makes of an answer.

pub mod blocks;
pub mod boot_lack;
pub mod boot_program;
pub mod config;
pub mod loaders;
pub mod model;
