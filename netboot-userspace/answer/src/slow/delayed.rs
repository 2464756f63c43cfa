//! Answers that wait: some firmware misses one that comes at once.

use std::{collections::HashSet, future::poll_fn, time::Duration};

use netboot_ebpf::shared::Station;
use tokio_util::time::DelayQueue;

/// The machines that wait at once.
const MAX: usize = 1024;

/// One answer for each machine: a request that is repeated meanwhile has the same.
#[derive(Default)]
pub(super) struct Delayed {
    queue: DelayQueue<(Station, Vec<u8>)>,
    waiting: HashSet<Station>,
}

impl Delayed {
    /// Keeps an answer; `false`: too many machines wait.
    pub(super) fn keep(&mut self, station: Station, answer: Vec<u8>, delay: Duration) -> bool {
        if self.waiting.contains(&station) {
            return true;
        }
        if self.waiting.len() >= MAX {
            return false;
        }
        self.waiting.insert(station);
        self.queue.insert((station, answer), delay);
        true
    }

    /// The next one, once it is due; never, while there is none.
    pub(super) async fn next(&mut self) -> (Station, Vec<u8>) {
        let due = poll_fn(|context| self.queue.poll_expired(context)).await;
        let Some(due) = due else { return std::future::pending().await };
        let (station, answer) = due.into_inner();
        self.waiting.remove(&station);
        (station, answer)
    }
}

#[cfg(test)]
mod tests {
    use netboot_ebpf::shared::Mac;

    use super::*;

    fn station(number: usize) -> Station {
        let [.., a, b] = number.to_be_bytes();
        Station::untagged(Mac { octets: [2, 0, 0, 0, a, b] })
    }

    #[tokio::test]
    async fn one_machine_takes_one_place() {
        let mut delayed = Delayed::default();
        let (first, second) = (Duration::from_millis(1), Duration::from_millis(20));
        for answer in 0..3000_u16 {
            assert!(delayed.keep(station(0), answer.to_be_bytes().to_vec(), second));
        }
        for number in 1..MAX {
            assert!(delayed.keep(station(number), vec![9], first));
        }
        assert!(!delayed.keep(station(MAX), vec![9], first));
        for _ in 1..MAX {
            assert_eq!(delayed.next().await.1, [9]);
        }
        assert_eq!(delayed.next().await, (station(0), vec![0, 0]));
        assert!(delayed.keep(station(0), vec![7], first));
        assert_eq!(delayed.next().await, (station(0), vec![7]));
    }
}
