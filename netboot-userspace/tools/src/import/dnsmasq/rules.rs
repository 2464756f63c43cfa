//! `dhcp-boot` and `pxe-service`: what is booted.

use super::{super::boot::Test, directives::Directive, tags::Tag};

/// A file for those that have the tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TaggedBoot {
    pub(super) tags: Vec<Tag>,
    /// What the line asks beside.
    pub(super) test: Option<Test>,
    pub(super) file: String,
    pub server: Option<String>,
}

/// `[tag:<tag>,]<filename>,[<servername>[,<server address>]]`
pub(super) fn dhcp_boot(directive: &Directive) -> TaggedBoot {
    let texts = directive.texts();
    let tags: Vec<_> = texts.iter().map_while(|text| Tag::prefixed(text)).collect();
    let mut rest = texts.into_iter().skip(tags.len());
    let file = rest.next().unwrap_or_default().to_owned();
    let server = rest.nth(1).filter(|server| !server.is_empty()).map(str::to_owned);
    TaggedBoot { tags, test: None, file, server }
}

/// `[tag:<tag>,]<CSA>,<menu text>[,<basename>|<bootservicetype>][,<server address>]`
pub(super) fn pxe_service(directive: &Directive) -> Result<TaggedBoot, &'static str> {
    let texts = directive.texts();
    let tags: Vec<_> = texts.iter().map_while(|text| Tag::prefixed(text)).collect();
    let mut rest = texts.into_iter().skip(tags.len());
    let system = rest.next().unwrap_or_default();
    let architecture = SYSTEMS.iter().find(|(name, _)| name.eq_ignore_ascii_case(system));
    let architecture = architecture.map(|(_, code)| *code).or_else(|| system.parse().ok());
    let architecture = architecture.ok_or("it names no system that dnsmasq knows")?;
    let name = rest.nth(1).unwrap_or_default();
    let server = rest.next().map(str::to_owned);
    if name.is_empty() || name.parse::<u16>().is_ok() {
        return Err("netboot has no menu: a machine boots its architecture's file");
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    // dnsmasq adds the layer to a name without ending.
    let file = if last.contains('.') { name.to_owned() } else { format!("{name}.0") };
    Ok(TaggedBoot { tags, test: Some(Test::Arch(architecture)), file, server })
}

/// By option 93, whose registry has the codes of EFI byte code and x86-64 the other way round.
const SYSTEMS: &[(&str, u16)] = &[
    ("x86PC", 0),
    ("PC98", 1),
    ("IA64_EFI", 2),
    ("Alpha", 3),
    ("Arc_x86", 4),
    ("Intel_Lean_Client", 5),
    ("IA32_EFI", 6),
    ("x86-64_EFI", 9),
    ("Xscale_EFI", 8),
    ("BC_EFI", 7),
    ("ARM32_EFI", 10),
    ("ARM64_EFI", 11),
];
