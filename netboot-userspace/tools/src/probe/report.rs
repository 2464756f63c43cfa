//! The report of a probe, with its names in JSON.

use serde::Serialize;

use super::remedy::Remedy;

/// One machine, from its firmware to its log.
#[derive(Clone, Debug, Serialize)]
pub struct ProbeReport {
    pub mac: String,
    pub architecture: String,
    /// `tftp` or `http`: what its firmware loads over.
    pub over: &'static str,
    pub interface: String,
    pub findings: Vec<Finding>,
    /// Nothing is wrong.
    pub boots: bool,
}

/// One thing that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub step: &'static str,
    pub state: Grade,
    pub what: String,
    /// What to add to the server's configuration: one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<Remedy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    Right,
    /// Some machines do not boot so, or it cannot be told.
    Warning,
    /// The machine does not boot.
    Wrong,
}

impl Grade {
    const fn word(self) -> &'static str {
        match self {
            Self::Right => "ok",
            Self::Warning => "warning",
            Self::Wrong => "WRONG",
        }
    }
}

impl ProbeReport {
    /// As a table.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { mac, architecture, over, interface, .. } = self;
        let mut out =
            format!("{mac} over {interface}: {architecture}, firmware loads over {over}\n");
        for Finding { step, state, what, add } in &self.findings {
            out += &format!("  {:<8} {step:<14} {what}\n", state.word());
            for Remedy { server, lines } in add {
                for (at, line) in lines.iter().enumerate() {
                    let name = if at == 0 { format!("{server}:") } else { String::new() };
                    out += &format!("{:26}{name:<9} {line}\n", "");
                }
            }
        }
        out += match self.boots {
            true if self.findings.iter().any(|finding| finding.state == Grade::Warning) => {
                "  it boots; see the warnings\n"
            }
            true => "  it boots\n",
            false => "  it does not boot\n",
        };
        out
    }
}
