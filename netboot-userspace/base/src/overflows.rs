//! The number of messages that a socket had no room for, as the kernel says with each message (`SO_RXQ_OVFL`, socket(7)).

/// How many messages were dropped since the socket was opened, as the kernel said last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overflows(u32);

impl Overflows {
    /// How many more there are; `total` is told once there was any.
    pub fn since_last(&mut self, total: Option<u32>) -> u32 {
        let total = total.unwrap_or(self.0);
        total.wrapping_sub(std::mem::replace(&mut self.0, total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_once() {
        let mut overflows = Overflows::default();
        let mut check =
            |total, expect| assert_eq!(overflows.since_last(total), expect, "{total:?}");
        check(None, 0);
        check(Some(3), 3);
        check(Some(3), 0);
        check(None, 0);
        check(Some(u32::MAX), u32::MAX - 3);
        check(Some(4), 5);
    }
}
