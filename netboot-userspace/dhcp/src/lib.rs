//! DHCP as all of the program knows it: what each option is, how values and messages are read and written, and
//! what people call them.

pub mod message;
pub mod message_type;
pub mod option;
pub mod route;
pub mod shape;
pub mod show;
pub mod value;

/// A DHCP option by number: its bytes on the wire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DhcpOption {
    pub code: u8,
    pub value: Vec<u8>,
}
