//! A map of bounded size for what may be forgotten at any time.
//!
//! Bounded the simple way: two generations; when the young one is full it becomes the old one, and what only the old one
//! held is dropped. What is used goes over into the young one, so that what is in use stays.

use std::collections::HashMap;
use std::hash::Hash;

/// The map. A forgotten entry must cost time, never a wrong answer.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    /// Of the young ones together.
    weight: usize,
    /// Of one generation, at most.
    capacity: usize,
}

impl<K: Eq + Hash + Clone, V: Clone> Generations<K, V> {
    /// Two generations of so much weight each; how heavy an entry is, its writer says.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            weight: 0,
            capacity,
        }
    }

    /// What is remembered of this key.
    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        if let Some((value, _)) = self.young.get(key) {
            return Some(value.clone());
        }
        let (value, weight) = self.old.remove(key)?;
        self.insert(key.clone(), value.clone(), weight);
        Some(value)
    }

    /// Remembers something, in the place of what was there. What is heavier than a whole generation is not remembered.
    pub(crate) fn insert(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        if weight > self.capacity {
            return;
        }
        if self.weight + weight > self.capacity {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += weight;
        self.young.insert(key, (value, weight));
    }

    /// Forgets it.
    pub(crate) fn remove(&mut self, key: &K) {
        self.old.remove(key);
        if let Some((_, weight)) = self.young.remove(key) {
            self.weight -= weight;
        }
    }

    /// Forgets all of which this is not true.
    pub(crate) fn retain(&mut self, stays: impl Fn(&V) -> bool) {
        self.old.retain(|_, (value, _)| stays(value));
        self.young.retain(|_, (value, _)| stays(value));
        self.weight = self.young.values().map(|(_, weight)| weight).sum();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_in_use_stays() {
        let mut map = Generations::new(3);
        map.insert("used", 0, 1);
        for n in 0..100 {
            map.insert("other", n, 1);
            map.insert(["a", "b", "c", "d", "e", "f", "g"][n % 7], n, 1);
            assert_eq!(map.get(&"used"), Some(0), "{n}");
        }
        assert!(map.len() <= 6);
    }

    #[test]
    fn what_is_too_heavy_is_not_remembered_and_what_it_replaces_is_forgotten() {
        let mut map = Generations::new(10);
        map.insert(1, "light", 10);
        map.insert(1, "heavy", 11);
        assert_eq!(map.get(&1), None);
    }

    proptest! {
        #[test]
        fn it_says_what_was_put_in_last_or_nothing_and_is_never_heavier_than_two_generations(
            steps in prop::collection::vec((0..20_u8, any::<u32>(), 0..40_usize, any::<bool>()), 1..300),
        ) {
            let mut map = Generations::new(50);
            let mut model = HashMap::new();
            for (key, value, weight, remove) in steps {
                if remove {
                    map.remove(&key);
                    model.remove(&key);
                } else {
                    map.insert(key, value, weight);
                    model.insert(key, value);
                    prop_assert_eq!(map.get(&key), Some(value));
                }
                for key in 0..20 {
                    if let Some(value) = map.get(&key) {
                        prop_assert_eq!(Some(&value), model.get(&key));
                    }
                }
                let weigh = |generation: &HashMap<u8, (u32, usize)>| generation.values().map(|(_, weight)| weight).sum::<usize>();
                prop_assert_eq!(map.weight, weigh(&map.young));
                prop_assert!(map.weight <= 50 && weigh(&map.old) <= 50);
                prop_assert!(map.young.keys().all(|key| !map.old.contains_key(key)));
            }
        }
    }
}
