//! The program's allocator: what a large inventory took goes back to the system when it is dropped.
//!
//! glibc gives back only what lies at the end of an arena, and an inventory is read by several threads: after one of
//! 200,000 hosts that was refused it kept 600 MiB, all of it free.

#[cfg(target_env = "gnu")]
pub use tikv_jemallocator::Jemalloc as Allocator;

#[cfg(not(target_env = "gnu"))]
pub use std::alloc::System as Allocator;

/// From now on a thread gives back what was not used again for some seconds. It keeps the privileges that the
/// process has now.
///
/// # Errors
///
/// There is no such thread: memory goes back as other memory is asked for.
#[cfg(target_env = "gnu")]
pub(crate) fn give_back() -> Result<(), tikv_jemalloc_ctl::Error> {
    tikv_jemalloc_ctl::background_thread::write(true)
}

/// musl gives back by itself.
///
/// # Errors
///
/// None.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn give_back() -> Result<(), std::convert::Infallible> {
    Ok(())
}
