//! The value of option 43: what PXE firmware and iPXE read beside the boot file.

use netboot_ebpf::client::Stage;

use super::choice::Choice;

/// PXE_DISCOVERY_CONTROL, "if a boot file name is present in the offer, boot it: no menu, no prompt, no
/// discovery": without it EDK2 takes the answer for a boot server's list (PXE 2.1 section 2.2.3).
const BOOT_THE_FILE: [u8; 3] = [6, 1, 8];
const MENU: u8 = 9;
const MENU_PROMPT: u8 = 10;
/// The embedded script of Tinkerbell's iPXE reads it as `${43.116:string}`: from the answer that iPXE got,
/// or that the firmware got which loaded it.
const VLAN: u8 = 116;
const END: u8 = 255;

/// The value for a stage, with or without the menu; `None`: no option 43.
pub(crate) fn vendor_options(stage: Stage, choice: &Choice<'_>, has_menu: bool) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    if stage != Stage::Http {
        value.extend(BOOT_THE_FILE);
    }
    if let Some(menu) = choice.menu.as_ref().filter(|_| has_menu && stage == Stage::Pxe) {
        // One entry, of type 0: boot from here. The prompt is shown for no time.
        let entry = [&[0, 0, menu.len() as u8], menu.as_bytes()].concat();
        push(&mut value, MENU, &entry);
        push(&mut value, MENU_PROMPT, b"\0PXE");
    }
    if let Some(id) = choice.boot_vlan {
        push(&mut value, VLAN, id.to_string().as_bytes());
    }
    if value.is_empty() {
        return None;
    }
    value.push(END);
    Some(value)
}

fn push(value: &mut Vec<u8>, code: u8, content: &[u8]) {
    value.extend([code, content.len() as u8]);
    value.extend(content);
}
