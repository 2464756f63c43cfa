//! Warnings about routes that are configured, and that some machines are not told.

use netboot_ebpf::shared::SUBNET_OPTIONS;

use crate::{
    blocks::Missed,
    config::problem::{Place, Report},
};

/// The collector of missed routes: of many hosts that miss the same the first is named.
#[derive(Default)]
pub(super) struct MissedRoutes<'p> {
    subnets: Vec<(Missed, &'p Place)>,
    hosts: Vec<(Missed, &'p Place, usize)>,
}

impl<'p> MissedRoutes<'p> {
    pub(super) fn subnet<'m>(
        &mut self,
        missed: impl Iterator<Item = &'m Missed>,
        place: &'p Place,
    ) {
        self.subnets.extend(missed.map(|missed| (*missed, place)));
    }

    /// Of a host, beside what its subnet's machines miss.
    pub(super) fn host(&mut self, missed: &[Missed], of_subnet: &[Missed], place: &'p Place) {
        for own in missed.iter().filter(|own| !of_subnet.contains(own)) {
            match self.hosts.iter_mut().find(|(known, ..)| known == own) {
                Some((.., more)) => *more += 1,
                None => self.hosts.push((*own, place, 0)),
            }
        }
    }

    pub(super) fn report(self, report: &Report) {
        for (missed, place) in self.subnets {
            report.warn(place, text(missed));
        }
        for (missed, place, more) in self.hosts {
            let others = match more {
                0 => String::new(),
                1 => " (and 1 more host)".to_owned(),
                more => format!(" (and {more} more hosts)"),
            };
            report.warn(place, text(missed) + &others);
        }
    }
}

fn text(missed: Missed) -> String {
    match missed {
        Missed::DefaultRoute(code) => format!(
            "option {code} has no default route, and a machine that takes it ignores the routers (RFC 3442): \
             end it with 00 and the four bytes of the router, or use routes, which get it by themselves"
        ),
        Missed::StaticRoutes => {
            "a machine that asks for classless routes (option 121) is not told option 33 \
                                 (RFC 3442): give these routes as routes, too"
                .to_owned()
        }
        Missed::ClasslessRoutes => format!(
            "routes and all other options have more than {SUBNET_OPTIONS} bytes: a machine that does not ask for \
             classless routes (option 121) is told none; leave options out or shorten them"
        ),
    }
}
