//! The wanted site as values: the settings, the subnets and the machines. The model does not know where they come
//! from.

mod architecture;
mod boot_file;
mod command_source;
mod defaults;
mod inventory;
mod locate;
mod names;
mod pin_path;
pub mod quirks;
mod reach;
mod script_classes;
mod settings;
mod state;

pub use self::{
    architecture::Architecture,
    boot_file::BootFile,
    command_source::CommandSource,
    defaults::DEFAULT_PATH,
    inventory::{Host, HostScript, Inventory, OwnFile, ScriptSettings},
    locate::Located,
    names::{interface_name, is_interface},
    pin_path::{PinPath, Way},
    reach::reach,
    settings::{
        Boot, Config, Dhcp, DhcpMode, MAX_TFTP_THREADS, NetworkOverrides, QuirkRow, Quirks, Script,
        ScriptClasses, Settings, Subnet, SyslogListen, Tftp, Xdp,
    },
    state::{Changed, Difference, OtherSettings, State, Summary},
};
pub use netboot_base::links::XdpMode;
pub use netboot_dhcp::DhcpOption;
