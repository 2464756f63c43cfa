//! Values of DHCP options: one encoder and one decoder of each [`Shape`].

use std::net::Ipv4Addr;

use dhcproto::{Encodable as _, v4};

use super::{
    route::{self, Route},
    shape::Shape,
};

/// A value as it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Addresses(Vec<Ipv4Addr>),
    Bool(bool),
    Number(u32),
    Numbers(Vec<u32>),
    Text(String),
    Names(Vec<String>),
    Routes(Vec<Route>),
    Bytes(Vec<u8>),
}

impl From<Ipv4Addr> for Value {
    fn from(address: Ipv4Addr) -> Self {
        Self::Addresses(vec![address])
    }
}

impl From<&[Ipv4Addr]> for Value {
    fn from(addresses: &[Ipv4Addr]) -> Self {
        Self::Addresses(addresses.to_vec())
    }
}

/// Why a value has no bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("{0:?} is not a domain name")]
    Name(String),
    #[error("{number} is not a number of {width} bytes")]
    Number { number: u32, width: usize },
    #[error("{0:?} is another kind of value than the option has")]
    Kind(Value),
}

impl Shape {
    /// The value of these bytes; `None`: they are none of this shape.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Option<Value> {
        if !self.fits(bytes.len()) {
            return None;
        }
        match self {
            Self::Address | Self::Addresses | Self::AddressPairs => {
                addresses(bytes).map(Value::Addresses)
            }
            Self::Bool => match bytes {
                [on @ (0 | 1)] => Some(Value::Bool(*on == 1)),
                _ => None,
            },
            Self::Number(_) | Self::Seconds | Self::MessageType => number(bytes).map(Value::Number),
            Self::Numbers(width) => {
                let numbers: Option<_> = bytes.chunks(width).map(number).collect();
                numbers.map(Value::Numbers)
            }
            Self::Text => text(bytes).map(Value::Text),
            Self::Names | Self::SearchList => names(bytes).map(Value::Names),
            Self::Routes => route::read(bytes).map(Value::Routes),
            Self::Bytes => Some(Value::Bytes(bytes.to_vec())),
        }
    }

    /// The bytes of a value.
    ///
    /// # Errors
    /// The value is not of this shape, or cannot be written.
    pub fn encode(self, value: &Value) -> Result<Vec<u8>, Invalid> {
        match (self, value) {
            (_, Value::Bytes(bytes)) => Ok(bytes.clone()),
            (_, Value::Addresses(list)) if self.is_addresses() => {
                Ok(list.iter().flat_map(Ipv4Addr::octets).collect())
            }
            (Self::Bool, Value::Bool(on)) => Ok(vec![u8::from(*on)]),
            (Self::Numbers(width), Value::Numbers(list)) => {
                let numbers: Result<Vec<_>, _> =
                    list.iter().map(|number| number_bytes(*number, width)).collect();
                Ok(numbers?.concat())
            }
            (_, Value::Number(number)) if self.is_number() => {
                number_bytes(*number, self.width().unwrap_or_default())
            }
            (Self::Text, Value::Text(text)) => Ok(text.clone().into_bytes()),
            (Self::Names, Value::Names(names)) => {
                let names: Result<Vec<_>, _> = names.iter().map(|name| labels(name)).collect();
                Ok(names?.concat())
            }
            (Self::SearchList, Value::Names(names)) => search_list(names),
            (Self::Routes, Value::Routes(routes)) => Ok(route::write(routes)),
            _ => Err(Invalid::Kind(value.clone())),
        }
    }
}

/// The addresses of a list that has at least one.
#[must_use]
pub fn addresses(bytes: &[u8]) -> Option<Vec<Ipv4Addr>> {
    let (addresses, rest) = bytes.as_chunks::<4>();
    let is_list = rest.is_empty() && !bytes.is_empty();
    is_list.then(|| addresses.iter().map(|octets| Ipv4Addr::from(*octets)).collect())
}

/// A number of 1 to 4 bytes.
#[must_use]
pub fn number(bytes: &[u8]) -> Option<u32> {
    let is_number = (1..=4).contains(&bytes.len());
    is_number.then(|| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// A text: "the receiver of such options MUST be prepared to delete trailing nulls" (RFC 2132 section 2).
#[must_use]
pub fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().rposition(|byte| *byte != 0)?;
    str::from_utf8(bytes.get(..=end)?).ok().map(str::to_owned)
}

/// Domain names: a name can end in that of an earlier one (RFC 1035 section 4.1.4).
#[must_use]
pub fn names(bytes: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (name, end) = name(bytes, at)?;
        names.push(name);
        at = end;
    }
    Some(names)
}

fn name(bytes: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut end = None;
    // More labels than bytes: the name leads to itself.
    for _ in 0..bytes.len() {
        let len = usize::from(*bytes.get(at)?);
        if len == 0 {
            let name = labels.join(".");
            return (!labels.is_empty()).then_some((name, end.unwrap_or(at + 1)));
        }
        if len & 0xc0 == 0xc0 {
            end = end.or(Some(at + 2));
            at = (len & 0x3f) << 8 | usize::from(*bytes.get(at + 1)?);
            continue;
        }
        let label = str::from_utf8(bytes.get(at + 1..at + 1 + len)?).ok()?;
        labels.push(label.chars().all(is_name).then_some(label)?);
        at += 1 + len;
    }
    None
}

/// The bytes in hexadecimal, between them this.
#[must_use]
pub fn hex(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
}

fn number_bytes(number: u32, width: usize) -> Result<Vec<u8>, Invalid> {
    let bytes = number.to_be_bytes();
    let (above, bytes) = bytes.split_at(bytes.len().saturating_sub(width));
    if above.iter().any(|byte| *byte != 0) {
        return Err(Invalid::Number { number, width });
    }
    Ok(bytes.to_vec())
}

/// A name by its labels.
fn labels(name: &str) -> Result<Vec<u8>, Invalid> {
    let mut bytes = Vec::new();
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length));
        let length = length.filter(|_| label.chars().all(is_name));
        bytes.push(length.ok_or_else(|| Invalid::Name(name.to_owned()))?);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    Ok(bytes)
}

fn search_list(names: &[String]) -> Result<Vec<u8>, Invalid> {
    let mut list = Vec::new();
    for name in names {
        labels(name)?;
        list.push(name.trim_end_matches('.').parse().map_err(|_| Invalid::Name(name.clone()))?);
    }
    let whole = v4::DhcpOption::DomainSearch(list).to_vec();
    let whole = whole.map_err(|_| Invalid::Name(names.join(", ")))?;
    let mut pieces = whole.as_slice();
    let mut bytes = Vec::new();
    while let [_, len, rest @ ..] = pieces {
        let (piece, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        bytes.extend(piece);
        pieces = rest;
    }
    Ok(bytes)
}

const fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

#[cfg(test)]
mod tests;
