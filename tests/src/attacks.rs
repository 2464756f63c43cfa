//! What one host can do to all others, bounded in count and time. Each is called in the attacker's namespace.

pub mod declines;
pub mod heads;
pub mod mistakes;
pub mod pace;
pub mod requests;
pub mod windows;
