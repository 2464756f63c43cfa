//! `script-user-classes`: the user classes that get the script.

use netboot_ebpf::shared::{MAX_USER_CLASSES, USER_CLASS};
use toml::de::DeValue;

use super::{section::Section, value::text};
use crate::model::ScriptClasses;

/// Of `[boot]`, a subnet or a host.
pub(crate) fn read_script_classes(section: &mut Section<'_>) -> ScriptClasses {
    // One place is taken by iPXE's own class.
    const MOST: usize = MAX_USER_CLASSES - 1;
    let Some(given) = section.list("script-user-classes", user_class) else {
        return ScriptClasses(None);
    };
    let mut classes: Vec<String> = Vec::new();
    for class in given {
        if classes.contains(&class.value) {
            section.report().error(&class.place, format!("{:?} is listed twice", class.value));
        } else if classes.len() == MOST {
            section.report().error(&class.place, format!("more than {MOST} user classes"));
            break;
        } else {
            classes.push(class.value);
        }
    }
    ScriptClasses(Some(classes))
}

fn user_class(value: &DeValue<'_>) -> Result<String, String> {
    let class = text(value)?;
    if class.is_empty() || class.len() > USER_CLASS {
        let length = class.len();
        return Err(format!("a user class has 1 to {USER_CLASS} bytes, this one has {length}"));
    }
    if class.contains('\0') {
        return Err("a user class contains no zero byte".to_owned());
    }
    Ok(class)
}
