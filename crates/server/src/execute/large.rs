//! A large value on its way into the cache, in short steps with other connections served in between: it is copied out of the
//! input bit by bit, and then small entries go for it, some hundred at a time. Its request stays in the input meanwhile and is
//! executed again for each step.

use std::sync::Arc;

use bytes::Bytes;
use larder_engine::{Cache, Error, Key, Kind, Lifetime, Millis, Progress, Storing};

use crate::limits::COPY_STEP_BYTES;

/// The value under way on a connection, if there is one.
#[derive(Debug, Default)]
pub(crate) struct LargeSet {
    copied: Vec<u8>,
    storing: Option<Storing>,
}

impl LargeSet {
    pub(crate) fn is_under_way(&self) -> bool {
        self.copied.capacity() > 0 || self.storing.is_some()
    }

    /// Does the next step of storing `value`; the same arguments until it is done or refused.
    pub(crate) fn step(
        &mut self,
        cache: &Arc<Cache>,
        key: Key<'_>,
        value: &[u8],
        kind: Kind,
        life: Option<Lifetime>,
        now: Millis,
    ) -> Result<Progress, Error> {
        let stepped = self.advance(cache, key, value, kind, life, now);
        if stepped != Ok(Progress::More) {
            *self = LargeSet::default();
        }
        stepped
    }

    fn advance(
        &mut self,
        cache: &Arc<Cache>,
        key: Key<'_>,
        value: &[u8],
        kind: Kind,
        life: Option<Lifetime>,
        now: Millis,
    ) -> Result<Progress, Error> {
        if let Some(storing) = &mut self.storing {
            return storing.step(now);
        }
        if self.copied.capacity() < value.len() {
            self.copied = Vec::with_capacity(value.len());
        }
        let rest = &value[self.copied.len()..];
        self.copied.extend_from_slice(&rest[..rest.len().min(COPY_STEP_BYTES)]);
        if self.copied.len() < value.len() {
            return Ok(Progress::More);
        }
        let value = Bytes::from(std::mem::take(&mut self.copied));
        self.storing.insert(cache.start_set(key, value, kind, life, now)?).step(now)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use larder_engine::{Options, limits::STEP_EVICTIONS_MAX};
    use larder_wire::{paper, seriput};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        task,
    };

    use super::*;
    use crate::{
        ManualClock,
        config::Config,
        execute::{Face, paper::Paper, seriput::Seriput},
        rest,
        session::{self, Local},
        shared::Shared,
    };

    const CAPACITY: u64 = 16 << 20;

    /// With a cache that is full of small entries.
    fn shared() -> Arc<Shared> {
        let cache = Arc::new(Cache::new(Options::bytes(CAPACITY)).unwrap());
        for key in 0..350_000u32 {
            let key = key.to_le_bytes();
            cache.set(cache.key(&key), b"small".into(), Kind::Opaque, None, Millis(0)).unwrap();
        }
        assert!(cache.status().totals.evicted > 0, "it is full");
        let control = tokio::runtime::Handle::current();
        Arc::new(Shared::new(
            &Config::default(),
            crate::tenant::Tenant::alone(cache),
            None,
            Arc::new(ManualClock::new()),
            control,
        ))
    }

    /// Sends `request` to a session on this thread; how often another task on the thread gets its turn from the first eviction
    /// until `reply` comes.
    async fn turns_of_others(shared: &Arc<Shared>, face: Face, request: Vec<u8>, reply: &[u8]) -> u64 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let (stream, slot) = (stream.into_std().unwrap(), shared.slots.take().unwrap());
        let local = Local { watchlist: Arc::default(), meter: Arc::default(), round: Arc::default() };
        let (paper, seriput) = (Paper::new(Arc::clone(shared), peer.ip()), Seriput::new(Arc::clone(shared)));
        let shared = Arc::clone(shared);
        match face {
            Face::Paper => task::spawn(session::serve(stream, paper, slot, Arc::clone(&shared), local)),
            Face::Seriput => task::spawn(session::serve(stream, seriput, slot, Arc::clone(&shared), local)),
            Face::Rest => task::spawn(rest::serve(stream, slot, Arc::clone(&shared), local)),
        };
        let evicted = || shared.cache.status().totals.evicted;
        let before = evicted();
        let turns = Cell::new(0);
        let others = async {
            loop {
                turns.set(turns.get() + u64::from(evicted() > before));
                task::yield_now().await;
            }
        };
        let mut received = vec![0; reply.len()];
        let answered = async {
            client.write_all(&request).await.unwrap();
            client.read_exact(&mut received).await.unwrap();
        };
        tokio::select! {
            () = answered => {}
            () = others => {}
        }
        assert_eq!(received, reply);
        turns.get()
    }

    #[tokio::test]
    async fn others_get_their_turn_while_a_large_value_takes_the_place_of_small_ones() {
        let value = vec![b'7'; CAPACITY as usize / 2];
        let mut paper = Vec::new();
        paper::Request::Set { key: b"large", value: &value, ttl_s: 0 }.encode(&mut paper).unwrap();
        let mut seriput = Vec::new();
        let put = seriput::Request::Put { key: "large", value_type: seriput::ValueType::Json, value: &value };
        put.encode(&mut seriput).unwrap();
        let head =
            format!("PUT /v1/cache/large HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", value.len());
        let rest = [head.as_bytes(), &value].concat();

        let ok = b"HTTP/1.1 200 OK\r\n";
        for (face, request, reply) in
            [(Face::Paper, paper, &b"!!"[..]), (Face::Seriput, seriput, &[0; 6]), (Face::Rest, rest, ok)]
        {
            let shared = shared();
            let before = shared.cache.status().totals.evicted;
            let turns = turns_of_others(&shared, face, request, reply).await;
            let evicted = shared.cache.status().totals.evicted - before;
            assert!(evicted > 100_000, "{evicted}");
            // The turn that follows the last step is the client's.
            assert!(
                turns + 1 >= evicted / STEP_EVICTIONS_MAX,
                "{face:?}: {turns} turns, {evicted} evictions"
            );
            let len = shared.cache.size(shared.cache.key(b"large"), Millis(0));
            assert_eq!(len, Some(CAPACITY / 2), "{face:?}");
        }
    }
}
