//! The boot file that an answer names, as a URL.

use std::net::Ipv4Addr;

use netboot_base::printable::printable;
use netboot_ebpf::wire::code;
use url::Url;

use super::{dhcp::Reply, script::IpxeSettings};

/// What is shown of a name.
const LIMIT: usize = 255;

/// An answer's boot file, and where it is.
pub(super) fn shown(reply: &Reply) -> String {
    let Some(file) = reply.file() else { return "nothing to boot".to_owned() };
    let file = printable(&file, LIMIT);
    match next_server(reply) {
        Some(server) => format!("next-server {server}, file \"{file}\""),
        None => format!("no next-server, file \"{file}\""),
    }
}

/// The file as a URL, with an iPXE's settings in it, where firmware has none: a bare name is one of TFTP at the next server. The error
/// says what is missing.
pub(super) fn url(reply: &Reply, settings: Option<&IpxeSettings>) -> Result<Url, String> {
    let Some(file) = reply.file() else { return Err("nothing to boot is named".to_owned()) };
    let text = std::str::from_utf8(&file)
        .map_err(|_| format!("the file name is no text: {}", printable(&file, LIMIT)))?;
    let text = settings.map_or_else(|| text.to_owned(), |settings| settings.expand(text));
    if text.contains("://") {
        return Url::parse(&text)
            .map_err(|error| format!("{} is no URL: {error}", printable(&file, LIMIT)));
    }
    let Some(server) = next_server(reply) else {
        return Err(format!(
            "the file is \"{}\", and no server to load it from is named (next-server)",
            printable(&file, LIMIT)
        ));
    };
    let mut url = Url::parse(&format!("tftp://{server}/"))
        .map_err(|error| format!("tftp://{server}/: {error}"))?;
    url.set_path(&text);
    Ok(url)
}

/// The field siaddr, else an address in option 66.
fn next_server(reply: &Reply) -> Option<Ipv4Addr> {
    let named = || {
        let name = reply.option(code::TFTP_SERVER_NAME)?;
        std::str::from_utf8(&name).ok()?.trim_end_matches('\0').parse().ok()
    };
    reply.siaddr().or_else(named)
}
