//! `netboot check`

use std::process::ExitCode;

use serde_json::json;

use super::{config_file, print};
use crate::{
    args::{CheckArgs, Format},
    config,
};

/// Prints the effective configuration, or everything that is wrong with it.
///
/// # Errors
///
/// The output cannot be written.
pub fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let path = match config_file(&args.config) {
        Ok(path) => path,
        Err(code) => return Ok(code),
    };
    match (config::load(&path), args.format.choose()) {
        (Ok(loaded), Format::Json) => {
            let config = loaded.config.to_json()?;
            let warnings = &loaded.warnings;
            let report = json!({ "valid": true, "config": config, "warnings": warnings });
            print(&format!("{report:#}\n"))?;
            Ok(ExitCode::SUCCESS)
        }
        (Ok(loaded), Format::Text) => {
            for warning in &loaded.warnings {
                eprintln!("warning: {warning}");
            }
            print(&loaded.config.to_toml()?)?;
            Ok(ExitCode::SUCCESS)
        }
        (Err(problems), Format::Json) => {
            let report = json!({ "valid": false, "errors": problems.0 });
            print(&format!("{report:#}\n"))?;
            Ok(ExitCode::FAILURE)
        }
        (Err(problems), Format::Text) => {
            eprintln!("{problems}");
            Ok(ExitCode::FAILURE)
        }
    }
}
