//! The effective configuration in the form of the file.

use anyhow::Context as _;

use super::File;
use crate::model::Config;

impl Config {
    /// TOML that reads as this configuration, every default filled in.
    ///
    /// # Errors
    ///
    /// None that is known of.
    pub fn to_toml(&self) -> anyhow::Result<String> {
        toml::to_string_pretty(&File::from(self)).context("write the configuration as TOML")
    }

    /// The same as JSON.
    ///
    /// # Errors
    ///
    /// None that is known of.
    pub fn to_json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::to_value(File::from(self)).context("write the configuration as JSON")
    }
}
