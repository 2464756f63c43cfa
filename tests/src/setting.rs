use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

/// A kernel setting (`net/core/rmem_default`) that is another for as long as the value lives.
pub struct Setting {
    path: PathBuf,
    before: String,
}

impl Setting {
    pub fn set(name: &str, value: u64) -> Result<Self> {
        let path = PathBuf::from("/proc/sys").join(name);
        let shown = path.display().to_string();
        let before = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        fs::write(&path, value.to_string()).with_context(|| format!("cannot set {shown}"))?;
        Ok(Self { path, before })
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        if let Err(error) = fs::write(&self.path, &self.before) {
            let (path, before) = (self.path.display(), self.before.trim());
            eprintln!("cannot put {path} back to {before}: {error}");
        }
    }
}
