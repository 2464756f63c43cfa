//! Kea's configuration.
use std::path::Path;
use super::site::Site;
use crate::config::Problem;
pub(super) fn read(_path: &Path) -> Result<Site, Problem> { Ok(Site::default()) }
