//! Commands that end by themselves: [`explain`], [`import`], [`export`], [`probe`], [`hosts`], and the selftest.

pub mod explain;
pub mod export;
pub mod hosts;
pub mod import;
pub mod probe;
pub mod selftest;
