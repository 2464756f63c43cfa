//! The lists of user classes that get the script: the site's, and those of subnets and hosts.

use std::collections::HashMap;

use anyhow::Context as _;
use netboot_ebpf::shared::{ClassFlags, MAX_USER_CLASSES, Reservation, UserClass};

/// The user class of an iPXE that is not ours.
const IPXE: &str = "iPXE";

/// Each list once, by its number.
pub(super) struct ScriptLists<'c> {
    lists: Vec<&'c [String]>,
    numbers: HashMap<&'c [String], u32>,
}

impl<'c> ScriptLists<'c> {
    /// With the site's own, number 0, which holds for machines without reservation too.
    pub(super) fn new(of_site: &'c [String]) -> Self {
        Self { lists: vec![of_site], numbers: HashMap::from([(of_site, 0)]) }
    }

    /// # Errors
    /// There are more than a reservation can tell apart.
    pub(super) fn number(&mut self, list: &'c [String]) -> anyhow::Result<u32> {
        if let Some(number) = self.numbers.get(list) {
            return Ok(*number);
        }
        let number = u32::try_from(self.lists.len())?;
        anyhow::ensure!(
            number < ClassFlags::LISTS,
            "subnets and hosts have more than {} different script-user-classes",
            ClassFlags::LISTS - 1
        );
        self.lists.push(list);
        self.numbers.insert(list, number);
        Ok(number)
    }

    /// Of a reservation.
    ///
    /// # Errors
    /// As [`Self::number`].
    pub(super) fn flags(&mut self, list: &'c [String]) -> anyhow::Result<u16> {
        let number = self.number(list)?;
        Reservation::of_list(number).context("too many lists of user classes")
    }

    /// The rows of `USER_CLASSES`.
    ///
    /// # Errors
    /// A class is too long, or there are too many.
    pub(super) fn classes(&self) -> anyhow::Result<HashMap<UserClass, ClassFlags>> {
        let mut classes = HashMap::from([(key(IPXE)?, ClassFlags { bits: ClassFlags::IPXE })]);
        for (number, list) in (0..).zip(&self.lists) {
            for name in *list {
                classes.entry(key(name)?).or_default().bits |= ClassFlags::script(number);
            }
        }
        anyhow::ensure!(
            classes.len() <= MAX_USER_CLASSES,
            "more than {} different user classes in all script-user-classes",
            MAX_USER_CLASSES - 1
        );
        Ok(classes)
    }
}

fn key(name: &str) -> anyhow::Result<UserClass> {
    UserClass::new(name.as_bytes())
        .with_context(|| format!("user class {name:?} is empty or too long"))
}
