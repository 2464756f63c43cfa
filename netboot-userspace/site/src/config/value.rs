//! Readers of single values of the file.

use std::net::{Ipv4Addr, SocketAddr};

use ipnet::Ipv4Net;
use netboot_base::words::find_word;
use toml::de::DeValue;
use url::Url;

use crate::model::{MAX_TFTP_THREADS, is_interface};

/// A string.
pub(crate) fn text(value: &DeValue<'_>) -> Result<String, String> {
    let text =
        value.as_str().ok_or_else(|| format!("expected a string, found {}", value.type_str()))?;
    Ok(text.to_owned())
}

/// A string that says something, on one line.
pub(crate) fn line(value: &DeValue<'_>) -> Result<String, String> {
    let text = text(value)?;
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{text:?} contains a control character"));
    }
    Ok(text)
}

/// A string without blanks.
pub(crate) fn word(value: &DeValue<'_>) -> Result<String, String> {
    let text = line(value)?;
    if text.contains(char::is_whitespace) {
        return Err(format!("{text:?} contains a blank"));
    }
    Ok(text)
}

/// The name of a file, relative to a URL. What climbs out of it is not served.
pub(crate) fn file_in_url(value: &DeValue<'_>) -> Result<String, String> {
    let name = word(value)?;
    if name.split('/').any(|part| matches!(part, ".." | ".")) {
        return Err(format!("{name:?} must not contain \"..\" or \".\""));
    }
    Ok(name)
}

pub(crate) fn boolean(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("expected true or false, found {}", found(value)))
}

/// A text is quoted: in CSV all cells are.
fn found(value: &DeValue<'_>) -> String {
    value.as_str().map_or_else(|| value.type_str().to_owned(), begin)
}

/// A text in quotes; of a long one the begin.
pub(crate) fn begin(text: &str) -> String {
    const MOST: usize = 40;
    if text.chars().count() <= MOST {
        return format!("{text:?}");
    }
    format!("{:?}", text.chars().take(MOST).chain("...".chars()).collect::<String>())
}

/// A whole number of the type's range.
pub(crate) fn number<T: TryFrom<i128>>(value: &DeValue<'_>) -> Result<T, String> {
    let DeValue::Integer(number) = value else {
        return Err(format!("expected a whole number, found {}", found(value)));
    };
    let read = i128::from_str_radix(number.as_str(), number.radix()).ok();
    read.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
        format!("{number} is out of range: the greatest here is {}", greatest::<T>())
    })
}

fn greatest<T>() -> u128 {
    let bits = 8 * size_of::<T>();
    u128::MAX >> 128_usize.saturating_sub(bits)
}

/// Of TFTP, in bytes. Who asks for none gets 512; RFC 2348 has 65464 at most.
pub(crate) fn block_size(value: &DeValue<'_>) -> Result<u16, String> {
    match number::<i64>(value)? {
        size @ 512..=65464 => u16::try_from(size).map_err(|error| error.to_string()),
        size => Err(format!("{size} is no block size: 512 to 65464 are")),
    }
}

pub(crate) fn threads(value: &DeValue<'_>) -> Result<u8, String> {
    const MOST: i64 = MAX_TFTP_THREADS as i64;
    match number::<i64>(value)? {
        count @ 1..=MOST => u8::try_from(count).map_err(|error| error.to_string()),
        count => Err(format!("{count} is no number of threads: 1 to {MOST} are")),
    }
}

pub(crate) fn address(value: &DeValue<'_>) -> Result<Ipv4Addr, String> {
    let text = text(value)?;
    text.parse().map_err(|_| format!("{text:?} is not an IPv4 address"))
}

/// An address that a machine can have.
pub(crate) fn unicast(value: &DeValue<'_>) -> Result<Ipv4Addr, String> {
    let address = address(value)?;
    let [first, ..] = address.octets();
    if first == 0 || first >= 224 || address.is_loopback() {
        return Err(format!("{address} is not a machine's address"));
    }
    Ok(address)
}

pub(crate) fn network(value: &DeValue<'_>) -> Result<Ipv4Net, String> {
    let text = text(value)?;
    let network: Ipv4Net = text
        .parse()
        .map_err(|_| format!("{text:?} is not a network; write it as \"192.168.2.0/24\""))?;
    if network != network.trunc() {
        return Err(format!(
            "{network} is an address in a network; the network is {:?}",
            network.trunc().to_string()
        ));
    }
    Ok(network)
}

/// Where a service listens.
pub(crate) fn listen(value: &DeValue<'_>) -> Result<SocketAddr, String> {
    socket_address(&text(value)?)
}

pub(crate) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("{text:?} is not an address and a port, such as \"0.0.0.0:80\" or \"[::]:80\"")
    })
}

pub(crate) fn http_url(value: &DeValue<'_>) -> Result<String, String> {
    let text = text(value)?;
    is_http_url(&text)?;
    Ok(text)
}

/// An http(s) URL that fits into a DHCP option.
pub(crate) fn dhcp_url(value: &DeValue<'_>) -> Result<String, String> {
    let url = http_url(value)?;
    if url.len() > 255 {
        return Err(format!(
            "the URL has {} bytes; 255 fit into a DHCP answer: serve it under a shorter one",
            url.len()
        ));
    }
    Ok(url)
}

pub(crate) fn is_http_url(text: &str) -> Result<(), String> {
    // The parser would mend what firmware then takes as it is: tabs, line ends, a missing slash.
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!("{text:?} is not a URL: it contains a blank or a control character"));
    }
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return Err(format!("{text:?} is not a URL that begins with http:// or https://"));
    }
    Url::parse(text).map(drop).map_err(|error| format!("{text:?} is not a URL: {error}"))
}

/// RFC 1123: letters, digits and inner hyphens, in labels of 1 to 63 bytes.
pub(crate) fn hostname(value: &DeValue<'_>) -> Result<String, String> {
    let name = text(value)?;
    if name.is_empty() || name.len() > 253 {
        return Err(format!("a host name has 1 to 253 bytes, this one has {}", name.len()));
    }
    for label in name.split('.') {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if label.is_empty() || label.len() > 63 {
            return Err(format!("{name:?}: between dots a host name has 1 to 63 bytes"));
        }
        if !label.bytes().all(inner) || label.starts_with('-') || label.ends_with('-') {
            return Err(format!(
                "{name:?} is not a host name: letters, digits and inner hyphens only"
            ));
        }
    }
    Ok(name)
}

/// A file under `boot.root`: it must fit into the `file` field, and be the same in a URL.
pub(crate) fn boot_file(value: &DeValue<'_>) -> Result<String, String> {
    let name = text(value)?;
    if name.is_empty() {
        return Err("is empty".to_owned());
    }
    if name.len() > 127 {
        return Err(format!("the name has {} bytes; 127 fit into a DHCP answer", name.len()));
    }
    if name.starts_with('/') {
        return Err(format!("{name:?} is absolute; name it as it is under boot.root"));
    }
    if name.split('/').any(|part| matches!(part, ".." | ".")) {
        return Err(format!(
            "{name:?} must not contain \"..\" or \".\": name it as it is under boot.root"
        ));
    }
    if name.ends_with('/') || name.contains("//") {
        return Err(format!("{name:?} is not the name of a file"));
    }
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '%' | '\\' | '"');
    if let Some(odd) = name.chars().find(|c| !plain(*c)) {
        return Err(format!(
            "{name:?} contains {odd:?}, which firmware may not ask for; rename it"
        ));
    }
    Ok(name)
}

/// A machine's own boot file: a name under `boot.root`, or the URL of one that others serve.
pub(crate) fn own_boot_file(value: &DeValue<'_>) -> Result<String, String> {
    let name = text(value)?;
    match name.split_once("://") {
        Some(("http" | "https", _)) => dhcp_url(value),
        Some(("tftp", path)) if !path.is_empty() => {
            // As strict with the rest as with that of HTTP.
            dhcp_url(&DeValue::String(format!("http://{path}").into()))?;
            Ok(name)
        }
        _ => boot_file(value),
    }
}

/// A network interface's name.
pub(crate) fn interface(value: &DeValue<'_>) -> Result<String, String> {
    let name = text(value)?;
    is_interface(&name)?;
    Ok(name)
}

/// One of a few words.
pub(crate) fn one_of<T: Copy>(
    value: &DeValue<'_>,
    words: &[(T, &'static str)],
) -> Result<T, String> {
    let text = text(value)?;
    find_word(&text, words)
}
