//! Troubles of the servers of one address, told as one.

use parking_lot::Mutex;

use super::engine::TroubleListener;

pub(super) struct Troubles(Mutex<Amiss>);

struct Amiss {
    /// Of each server.
    of_servers: Vec<Option<String>>,
    tell: TroubleListener,
}

impl Troubles {
    pub(super) fn new(servers: usize, tell: impl Fn(Option<String>) + Send + 'static) -> Self {
        Self(Mutex::new(Amiss { of_servers: vec![None; servers], tell: Box::new(tell) }))
    }

    /// A server says why something is amiss, or that nothing is.
    pub(super) fn tell(&self, server: usize, trouble: Option<String>) {
        let mut amiss = self.0.lock();
        let first = |amiss: &Amiss| amiss.of_servers.iter().flatten().next().cloned();
        let before = first(&amiss);
        if let Some(own) = amiss.of_servers.get_mut(server) {
            *own = trouble;
        }
        let now = first(&amiss);
        if now != before {
            (amiss.tell)(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_first_one_is_told_until_none_is_left() {
        let (tell, told) = mpsc::channel();
        let troubles = Troubles::new(2, move |trouble| tell.send(trouble).unwrap());
        let check = |server, trouble: Option<&str>, expect: Option<Option<&str>>| {
            troubles.tell(server, trouble.map(str::to_owned));
            let got = told.try_recv().ok();
            assert_eq!(got.as_ref().map(Option::as_deref), expect, "{server} {trouble:?}");
        };
        check(0, None, None);
        check(1, Some("one"), Some(Some("one")));
        check(0, Some("zero"), Some(Some("zero")));
        check(1, None, None);
        check(0, None, Some(None));
    }
}
