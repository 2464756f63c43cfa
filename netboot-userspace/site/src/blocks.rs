//! The blocks that answers are composed of: what the model says of a subnet, a host and a boot choice, as DHCP options.
//! They stand below the configuration's checks, since only what fits an answer may be wanted.

mod boot;
mod choice;
mod fit;
mod options;
mod parts;
mod rows;
mod slots;
mod vendor;

pub use self::{
    boot::BootSets,
    choice::Choice,
    fit::{Fit, FittedRow, Missed},
    options::{Block, Overrides},
    parts::{BootPart, Parts},
    rows::{RowBlocks, host_block},
    slots::Slots,
};
