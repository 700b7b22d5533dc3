//! Values that all readers of a copy share, decoded once. Engine and store keep bytes; these are objects, so they are in a cache of
//! objects beside them, made when the first one is asked for. A value ends when the time of
//! the copy is over that it was read from, with each write and with each younger copy. Where the near cache has no room for the
//! copy any more, the value may stay.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use larder_engine::Millis;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Weighter};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a value is charged beside its key and the length of its encoding.
const OVERHEAD_BYTES: u64 = 128;
/// What room is made for at first, in bytes a value.
const USUAL_BYTES: u64 = 1024;

/// A value that is read into an allocation that others can share.
#[derive(Debug, PartialEq)]
pub(crate) struct Shared<T>(pub(crate) Arc<T>);

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// When a copy is to be refreshed, and when it ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) due: u64,
    pub(super) end: Millis,
}

#[derive(Clone)]
struct Held {
    value: Arc<dyn Any + Send + Sync>,
    times: Times,
    weight: u64,
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<Box<str>, Held> for ByWeight {
    fn weight(&self, _: &Box<str>, held: &Held) -> u64 {
        held.weight
    }
}

pub(super) struct SharedValues {
    bytes_max: u64,
    values: OnceLock<Cache<Box<str>, Held, ByWeight>>,
}

impl SharedValues {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, values: OnceLock::new() }
    }

    /// The value of a key, if there is one of this type, and when it is to be refreshed.
    #[inline]
    pub(super) fn get<T: Send + Sync + 'static>(&self, key: &str, now: Millis) -> Option<(Shared<T>, u64)> {
        let values = self.values.get()?;
        let Held { value, times, .. } = values.get(key)?;
        if times.end <= now {
            values.remove_if(key, |held| held.times.end <= now);
            return None;
        }
        Some((Shared(value.downcast().ok()?), times.due))
    }

    /// Keeps the value of a key whose encoding has so many bytes; in place of the one before, of whatever type.
    pub(super) fn put<T: Send + Sync + 'static>(
        &self,
        key: &str,
        value: &Shared<T>,
        len: usize,
        times: Times,
    ) {
        if self.bytes_max == 0 {
            return;
        }
        let weight = OVERHEAD_BYTES + key.len() as u64 + len as u64;
        let held = Held { value: Arc::clone(&value.0) as _, times, weight };
        self.values.get_or_init(|| cache(self.bytes_max)).insert(key.into(), held);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> u64 {
        self.values.get().map_or(0, |values| values.len() as u64)
    }

    pub(super) fn remove(&self, key: &str) {
        if let Some(values) = self.values.get() {
            values.remove(key);
        }
    }
}

fn cache(bytes_max: u64) -> Cache<Box<str>, Held, ByWeight> {
    let items = usize::try_from(bytes_max / USUAL_BYTES).unwrap_or(usize::MAX);
    Cache::with(items, bytes_max, ByWeight, DefaultHashBuilder::default(), DefaultLifecycle::default())
}
