//! Machines that boot, and what they boot as, by the begin of the vendor class (option 60). What a row's source does not say was seen in
//! requests of such machines.

use netboot_ebpf::{
    client::Stage,
    shared::{MAX_VENDOR_CLASSES, VendorClass},
};

/// A begin of classes.
struct VendorClassRow {
    prefix: &'static str,
    /// Who asks for all that it can use, and trips over more, is a [`Stage::Loader`].
    boots: Stage,
    knows_proxy: bool,
}

/// The first row that a class is of counts: the most frequent ones go first, and longer ones before their begins.
const ROWS: [VendorClassRow; 6] = [
    // PXE 2.1 section 2.2.1, table 2-1: "PXEClient:Arch:xxxxx:UNDI:yyyzzz".
    VendorClassRow { prefix: "PXEClient", boots: Stage::Pxe, knows_proxy: true },
    // UEFI 2.10 section 24.7.2.
    VendorClassRow { prefix: "HTTPClient", boots: Stage::Http, knows_proxy: true },
    // U-Boot's own loader: `U-Boot.armv8` or the like (net/bootp.c, CONFIG_BOOTP_VCI_STRING). It boots as PXE firmware
    // does, but takes an OFFER without address for one. It asks for what it was built to read (1, 3, 6, 12 and 17 at
    // least) and prints "Unhandled DHCP Option" for each other one, such as 7, 42 and 43.
    VendorClassRow { prefix: "U-Boot", boots: Stage::Loader, knows_proxy: false },
    // The UEFI of NVIDIA's BlueField DPUs. The classes of what runs on them later (`NVIDIA/BF/OOB`, `/DP`, `/BMC`) ask
    // for their address only.
    VendorClassRow { prefix: "NVIDIA/BF/PXE", boots: Stage::Pxe, knows_proxy: true },
    VendorClassRow { prefix: "NVIDIA/BF/", boots: Stage::Plain, knows_proxy: false },
    // LinuxBoot's boot loader of u-root: it asks for 66 and 67, and says no architecture.
    VendorClassRow { prefix: "PXE UROOT", boots: Stage::Pxe, knows_proxy: false },
];

/// As the tables have them.
pub(super) fn rows() -> [VendorClass; MAX_VENDOR_CLASSES] {
    let mut rows = [VendorClass::UNUSED; MAX_VENDOR_CLASSES];
    for (place, VendorClassRow { prefix, boots, knows_proxy }) in rows.iter_mut().zip(&ROWS) {
        let flags = if *knows_proxy { VendorClass::KNOWS_PROXY } else { 0 };
        // A prefix that is too long is caught by the test.
        *place =
            VendorClass::new(prefix.as_bytes(), *boots as u8, flags).unwrap_or(VendorClass::UNUSED);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_used_and_found() {
        let rows = rows();
        assert!(rows.len() >= ROWS.len());
        for row in &ROWS {
            let class = format!("{}:more of it", row.prefix);
            let mut begin = [0; netboot_ebpf::shared::VENDOR_CLASS];
            begin.iter_mut().zip(class.bytes()).for_each(|(place, byte)| *place = byte);
            let found = rows.iter().find(|row| row.is_of(&begin, class.len())).unwrap();
            assert_eq!(found.stage, row.boots as u8, "{}", row.prefix);
            assert_eq!(
                usize::from(found.len),
                row.prefix.len(),
                "{}: an earlier row has it",
                row.prefix
            );
            assert!(!found.is_of(&begin, row.prefix.len() - 1), "{}", row.prefix);
        }
        assert!(!rows.iter().any(|row| row.is_of(b"MSFT 5.0\0\0\0\0\0\0\0\0", 8)));
    }
}
