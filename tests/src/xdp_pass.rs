use anyhow::{Context as _, Result};
use aya::{
    Ebpf, EbpfLoader,
    programs::{Xdp, XdpMode},
};

use crate::namespace::Namespace;

/// An XDP program that passes everything. It is detached when the value goes.
///
/// A veth delivers what native XDP sends back (XDP_TX) only when the other end has an XDP program too.
pub struct XdpPass {
    _ebpf: Ebpf,
}

impl XdpPass {
    /// Attaches it, in native mode.
    pub fn attach(namespace: &Namespace, interface: &str) -> Result<Self> {
        let attached = namespace.enter(|| attach(interface));
        let ebpf = attached.with_context(|| format!("attach XDP_PASS to {interface}"))?;
        Ok(Self { _ebpf: ebpf })
    }
}

fn attach(interface: &str) -> Result<Ebpf> {
    let mut ebpf = EbpfLoader::new().load(netboot_answer::kernel::object()?)?;
    let program: &mut Xdp =
        ebpf.program_mut("pass").context("the object has no `pass`")?.try_into()?;
    program.load()?;
    program.attach(interface, XdpMode::Driver)?;
    Ok(ebpf)
}
