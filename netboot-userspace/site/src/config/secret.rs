//! Values that are told to nobody: they may be, or have within them, a password or a token.

use std::borrow::Cow;

use toml::de::DeValue;

use super::value::begin;

/// Keys of the configuration and of the inventories: scripts; URLs, which can name a user and a password; kernel
/// arguments; values of DHCP options.
const KEYS: [&str; 27] = [
    "script",
    "script-url",
    "download-url",
    "contents",
    "url",
    "baseURL",
    "ipxeScript",
    "ipxeScriptUrl",
    "kernel-params",
    "kernelParams",
    "consoles",
    "console",
    "facility",
    "facility_code",
    "worker-id",
    "agentID",
    "syslog-host",
    "grpc-authority",
    "tftp_server_name",
    "boot_file_name",
    "boot-file",
    "binary",
    "text",
    "hex",
    "u8",
    "u16",
    "u32",
];

/// What is wrong with the value of a key, without the value if it may be a secret.
pub(super) fn hide<'m>(key: &str, value: &DeValue<'_>, message: &'m str) -> Cow<'m, str> {
    if KEYS.contains(&key) {
        Cow::Owned(without(value, message.to_owned()))
    } else {
        Cow::Borrowed(message)
    }
}

/// Messages quote a text as it is, or its begin.
fn without(value: &DeValue<'_>, message: String) -> String {
    const HIDDEN: &str = "the value";
    match value {
        DeValue::String(text) => {
            message.replace(&format!("{text:?}"), HIDDEN).replace(&begin(text), HIDDEN)
        }
        DeValue::Integer(number) => match message.strip_prefix(number.as_str()) {
            Some(rest) => format!("{HIDDEN}{rest}"),
            None => message,
        },
        DeValue::Array(array) => {
            array.iter().fold(message, |message, value| without(value.get_ref(), message))
        }
        _ => message,
    }
}
