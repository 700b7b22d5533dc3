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
    use std::{cell::Cell, net::Ipv4Addr};

    use larder_engine::{Options, limits::STEP_EVICTIONS_MAX};
    use larder_wire::{Decoded, paper, seriput};
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
        session::{
            self, Local,
            output::Output,
            protocol::{Keyed, Next, Protocol},
        },
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

    /// Executes `input`, a request, step by step until it is answered; with a cache of 64 KiB from the second step on, if
    /// `shrinks`.
    fn answer<P: Protocol>(protocol: &mut P, shared: &Shared, input: &[u8], shrinks: bool) -> Vec<u8> {
        let mut out = Output::new();
        for step in 0.. {
            protocol.prepare();
            let Ok(Decoded::Frame { value: request, .. }) = protocol.decode(input) else {
                panic!("a request")
            };
            let key = request.key().map(|key| shared.cache.key(key));
            if protocol.execute(request, key, Millis(0), &mut out) != Next::Again {
                break;
            }
            if shrinks && step == 1 {
                shared.cache.resize(64 << 10).unwrap();
            }
        }
        out.small().clone()
    }

    #[tokio::test]
    async fn a_value_that_a_resize_overtakes_is_refused_and_leaves_nothing_to_the_next_one() {
        let shared = shared();
        let holds = |byte: u8, len: usize| {
            shared
                .cache
                .get(shared.cache.key(b"k"), Millis(0), |entry| entry.value == vec![byte; len])
                .unwrap_or(false)
        };

        let mut client = Paper::new(Arc::clone(&shared), Ipv4Addr::LOCALHOST.into());
        let mut set = |byte: u8, len: usize, shrinks: bool| {
            let mut request = Vec::new();
            paper::Request::Set { key: b"k", value: &vec![byte; len], ttl_s: 0 }
                .encode(&mut request)
                .unwrap();
            answer(&mut client, &shared, &request, shrinks)
        };
        // What comes next is shorter than what had been copied, or longer.
        for len in [200_000, 2 << 20] {
            assert_eq!(set(b'a', 1 << 20, true), [0x3f, 0, 3]);
            shared.cache.resize(CAPACITY).unwrap();
            assert_eq!(set(b'b', len, false), b"!");
            assert!(holds(b'b', len), "{len}");
        }

        let mut client = Seriput::new(Arc::clone(&shared));
        let mut put = |byte: u8, len: usize, shrinks: bool| {
            let mut request = Vec::new();
            let (value_type, value) = (seriput::ValueType::Json, vec![byte; len]);
            seriput::Request::Put { key: "k", value_type, value: &value }.encode(&mut request).unwrap();
            answer(&mut client, &shared, &request, shrinks)[0]
        };
        for len in [200_000, 2 << 20] {
            assert_ne!(put(b'1', 1 << 20, true), 0);
            shared.cache.resize(CAPACITY).unwrap();
            assert_ne!(put(b'x', len, false), 0, "that is not JSON");
            assert_eq!(put(b'2', len, false), 0);
            assert!(holds(b'2', len), "{len}");
        }
    }
}
