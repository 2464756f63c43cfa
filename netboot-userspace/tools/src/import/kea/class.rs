//! `client-classes`: rules for boot files, and options of machines that are put into classes.

use std::collections::HashMap;

use netboot_ebpf::wire::code;
use netboot_site::config::Problem;

use super::{
    super::{
        boot::Test,
        condition::Ways,
        note::{NotePlace, Notes},
        options::{NEXT_SERVER, Options, of_requests},
    },
    node::JsonNode,
    option::{Definitions, options},
    test::test,
};

/// A class by its name.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: String,
    pub(super) place: NotePlace,
    /// `None`: machines are put into it.
    pub(super) ways: Option<Ways>,
    pub(super) options: Options,
    /// Only where a network asks for it.
    pub(super) is_additional: bool,
}

/// All classes, in their order.
pub(super) fn classes(
    dhcp4: JsonNode<'_>,
    definitions: &mut Definitions,
    notes: &mut Notes,
) -> Result<Vec<Class>, Problem> {
    let mut known: HashMap<String, Ways> = HashMap::new();
    let mut found = Vec::new();
    for node in dhcp4.objects("client-classes")? {
        let Some(name) = node.text("name") else {
            return Err(node.place().problem("a class without name"));
        };
        definitions.add(node)?;
        let text = node.text("test").filter(|text| !text.trim().is_empty());
        let ways = text.map(|text| test(text, &known));
        let member = || Ways::one(Test::Member(name.to_owned()));
        known.insert(name.to_owned(), ways.clone().unwrap_or_else(member));
        let flags = ["only-if-required", "only-in-additional-list"];
        found.push(Class {
            name: name.to_owned(),
            place: node.place(),
            ways,
            options: options(node, definitions, notes)?,
            is_additional: flags.iter().any(|flag| node.flag(flag) == Some(true)),
        });
    }
    Ok(found)
}

impl Class {
    /// Notes the options that requests of the class get, beside the boot file and its server.
    pub(super) fn note_options(&self, notes: &mut Notes) {
        for (code, given) in self.options.iter() {
            if !matches!(code, NEXT_SERVER | code::TFTP_SERVER_NAME | code::BOOT_FILE)
                && !of_requests(code, &given.value)
            {
                let what = format!("option {code} of class {:?}", self.name);
                notes.add(
                    &given.place,
                    what,
                    "netboot's options depend on the machine, not on what it asks",
                );
            }
        }
    }
}
