//! Maps of bounded size: the entry that was used longest ago makes room for a new one.

use std::{hash::Hash, num::NonZeroUsize};

use lru::LruCache;

/// A map of at most so many entries, at least one.
///
/// The map grows as it is filled: a map that is made with a capacity takes the memory of all its places at once.
#[must_use]
pub fn bounded<K: Hash + Eq, V>(most: usize) -> LruCache<K, V> {
    let mut map = LruCache::unbounded();
    map.resize(NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN));
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_was_used_longest_ago_makes_room() {
        let mut map = bounded(3);
        for key in 0..3 {
            map.put(key, key);
        }
        assert_eq!(map.get(&0), Some(&0));
        map.put(3, 3);
        let mut keys: Vec<_> = map.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        assert_eq!(keys, [0, 2, 3]);
        assert_eq!(bounded::<u8, u8>(0).cap(), NonZeroUsize::MIN);
    }
}
