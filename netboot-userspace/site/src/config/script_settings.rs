//! The reader of a host's `script-settings`.

use toml::de::DeValue;

use super::{
    section::Section,
    value::{http_url, line, word},
};
use crate::model::ScriptSettings;

pub(crate) fn read_script_settings(host: &mut Section<'_>) -> ScriptSettings {
    let Some(mut section) = host.section("script-settings") else {
        return ScriptSettings::default();
    };
    let mut get =
        |key, read: fn(&DeValue<'_>) -> _| section.get(key, read).map(|placed| placed.value);
    let mut settings = ScriptSettings {
        download_url: get("download-url", http_url),
        arch: get("arch", word),
        kernel: get("kernel", word),
        initrd: get("initrd", word),
        facility: get("facility", word),
        worker_id: get("worker-id", word),
        tink_worker_image: get("tink-worker-image", word),
        ..ScriptSettings::default()
    };
    let consoles = section.list("consoles", word);
    settings.consoles =
        consoles.map(|list| list.into_iter().map(|console| console.value).collect());
    section.set_list("kernel-params", &mut settings.kernel_params, line);
    section.finish();
    settings
}
