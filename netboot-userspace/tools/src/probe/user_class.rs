//! Step 2: the second request, of iPXE with its user class, which must get a script.

use std::io;

use url::Url;

use super::{Grade, Probe, boot_url, dhcp, remedy::Omission};
use crate::explain::{Machine, UserClassForm};

/// What a distribution's iPXE calls itself.
const IPXE: &str = "iPXE";
/// The step of such a one: it need not be what is served here.
const STOCK: &str = "stock iPXE";

impl Probe<'_> {
    /// The scripts that iPXEs are told to load, each once.
    pub(super) fn user_classes(&mut self, binary: Option<&Url>) -> io::Result<Vec<Url>> {
        let class = self.plan.user_class.clone();
        let mut scripts = Vec::new();
        let mut asks = vec![
            ("user class", class.as_str(), UserClassForm::Plain),
            ("user class", class.as_str(), UserClassForm::Instances),
        ];
        if class != IPXE {
            asks.push((STOCK, IPXE, UserClassForm::Plain));
        }
        for (step, class, form) in asks {
            if self.is_over() {
                break;
            }
            let told = self.user_class(step, class, form, binary)?;
            if let Some(url) = told.filter(|url| !scripts.contains(url)) {
                scripts.push(url);
            }
        }
        Ok(scripts)
    }

    fn user_class(
        &mut self,
        step: &'static str,
        class: &str,
        form: UserClassForm,
        binary: Option<&Url>,
    ) -> io::Result<Option<Url>> {
        let ipxe = Machine { form, ..self.plan.firmware.with_user_class(class) };
        let ipxe = self.transaction(&ipxe);
        let shown = match form {
            UserClassForm::Plain => format!("\"{class}\""),
            UserClassForm::Instances => format!("\"{class}\" (RFC 3004)"),
        };
        self.progress.begin(&format!("DISCOVER of an iPXE with user class {shown}"));
        let exchange =
            dhcp::exchange(&mut self.wire, &ipxe, self.plan.patience, dhcp::OtherServers::Known)?;
        let is_stock = step == STOCK;
        let wrong = if is_stock { Grade::Warning } else { Grade::Wrong };
        let expected = self.expected(&ipxe).and_then(|answer| answer.file);
        if exchange.end.is_none() {
            self.note(step, wrong, format!("{shown} gets no address"), None);
            return Ok(None);
        }
        if let Some(end) = &exchange.end {
            self.routes(end);
        }
        let settings = exchange.end.as_ref().map(|end| self.settings(end));
        let told = match exchange.boot().map(|reply| boot_url::url(reply, settings.as_ref())) {
            None => Err("nothing to boot".to_owned()),
            Some(Err(why)) => Err(why),
            Some(Ok(url)) if Some(&url) == binary || is_binary(&url) => {
                Err(format!("the binary {url} (again): it would load itself for ever"))
            }
            Some(Ok(url)) => Ok(url),
        };
        match told {
            Ok(url) => {
                self.note(step, Grade::Right, format!("{shown} gets {url}"), None);
                Ok(Some(url))
            }
            Err(what) => {
                // What the iPXE gets may be what the configuration says.
                let is_meant = is_stock && expected.as_ref().is_some_and(|url| !is_http(url));
                let note = if is_stock && !is_meant {
                    "; that is a distribution's iPXE: serve none, or give it the script, too"
                } else {
                    ""
                };
                let url = expected.filter(|url| is_http(url));
                let url = url.unwrap_or_else(|| "http://NETBOOT/auto.ipxe".to_owned());
                let lack = (!is_meant).then(|| Omission::Script { class: class.to_owned(), url });
                self.note(step, wrong, format!("{shown} gets {what}{note}"), lack);
                Ok(None)
            }
        }
    }
}

/// As scripts are; binaries of iPXE come by TFTP.
fn is_http(url: &str) -> bool {
    url.starts_with("http")
}

/// By its name: the first step may have failed.
fn is_binary(url: &Url) -> bool {
    [".efi", ".kpxe", ".pxe", ".kkpxe"].iter().any(|ending| url.path().ends_with(ending))
}
