//! Tenants: each has a cache of its own, so none can see another's entries, locks or counts, and none can push another's entries
//! out. The caches share the memory that is set for all: a tenant with a size of its own has it, the others an even part of the rest.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use larder_engine::{Cache, Capacity, Millis, Options};

use crate::config::{Config, DEFAULT_TENANT, TenantConfig};

/// One of those who share a server.
pub(crate) struct Tenant {
    pub(crate) name: String,
    pub(crate) cache: Arc<Cache>,
    rate: Option<Rate>,
}

impl Tenant {
    /// The default tenant, alone.
    #[cfg(test)]
    pub(crate) fn alone(cache: Arc<Cache>) -> Vec<Tenant> {
        vec![Tenant { name: DEFAULT_TENANT.to_owned(), cache, rate: None }]
    }

    /// Counts a request of the REST API; if it is one too many, in how many seconds there may be another.
    pub(crate) fn admit(&self, now: Millis) -> Result<(), u64> {
        self.rate.as_ref().map_or(Ok(()), |rate| rate.admit(now))
    }
}

/// Every tenant that a configuration names, the default one first.
pub(crate) fn all(config: &Config) -> Vec<TenantConfig> {
    let mut tenants: Vec<TenantConfig> = Vec::new();
    let named =
        |name: &str| TenantConfig { name: name.to_owned(), max_size: None, requests_per_second: None };
    let of_keys = config.rest.keys.iter().map(|key| named(key.tenant()));
    let configured = config.rest.tenants.iter().cloned();
    let default = config.rest.tenants.iter().find(|tenant| tenant.name == DEFAULT_TENANT);
    let first = default.cloned().unwrap_or_else(|| named(DEFAULT_TENANT));
    for tenant in [first].into_iter().chain(configured).chain(of_keys) {
        if tenants.iter().all(|other| other.name != tenant.name) {
            tenants.push(tenant);
        }
    }
    tenants
}

/// What each of them may hold in bytes; `None` if there is not enough for all.
pub(crate) fn shares(tenants: &[TenantConfig], max_size: u64) -> Option<Vec<u64>> {
    let mut carved = tenants.iter().filter_map(|tenant| tenant.max_size);
    let rest = carved.try_fold(max_size, u64::checked_sub)?;
    let others = tenants.iter().filter(|tenant| tenant.max_size.is_none()).count() as u64;
    // Where nobody takes a part of the rest, its size does not matter.
    let part = rest.checked_div(others).unwrap_or(0);
    let shares: Vec<u64> = tenants.iter().map(|tenant| tenant.max_size.unwrap_or(part)).collect();
    shares.iter().all(|share| *share > 0).then_some(shares)
}

/// Makes the cache of each tenant.
pub(crate) fn open(config: &Config) -> Result<Vec<Tenant>, larder_engine::Error> {
    let tenants = all(config);
    let shares = shares(&tenants, config.max_size).ok_or(larder_engine::Error::ZeroCapacity)?;
    let open = |(tenant, bytes): (TenantConfig, u64)| {
        let cache = Cache::new(Options {
            capacity: Capacity::Bytes(bytes),
            policies: config.policies.clone(),
            policy: config.policy,
            shards: None,
            seed: rand::random(),
        })?;
        cache.advise(config.advise);
        let rate = tenant.requests_per_second.map(Rate::new);
        Ok(Tenant { name: tenant.name, cache: Arc::new(cache), rate })
    };
    tenants.into_iter().zip(shares).map(open).collect()
}

const SECOND_NS: u64 = 1_000_000_000;

/// So many requests in a second, and as many at once after a second of silence: the generic cell rate algorithm (ITU-T I.371), in
/// one number.
#[derive(Debug)]
struct Rate {
    interval_ns: u64,
    /// When the requests so far would have come if they had come evenly.
    due_ns: AtomicU64,
}

impl Rate {
    fn new(per_second: u32) -> Rate {
        Rate { interval_ns: SECOND_NS / u64::from(per_second.max(1)), due_ns: AtomicU64::new(0) }
    }

    fn admit(&self, Millis(now_ms): Millis) -> Result<(), u64> {
        let now_ns = now_ms.saturating_mul(1_000_000);
        let next = |due_ns: u64| due_ns.max(now_ns).saturating_add(self.interval_ns);
        let fits = |due_ns: u64| Some(next(due_ns)).filter(|next| *next <= now_ns.saturating_add(SECOND_NS));
        let wait = |due_ns: u64| next(due_ns).saturating_sub(now_ns + SECOND_NS).div_ceil(SECOND_NS).max(1);
        self.due_ns.fetch_update(Relaxed, Relaxed, fits).map(drop).map_err(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str, max_size: Option<u64>) -> TenantConfig {
        TenantConfig { name: name.to_owned(), max_size, requests_per_second: None }
    }

    #[test]
    fn what_is_carved_out_is_taken_from_the_others_and_all_together_have_the_whole() {
        let tenants = [tenant("default", None), tenant("a", Some(300)), tenant("b", None)];
        assert_eq!(shares(&tenants, 1_000), Some(vec![350, 300, 350]));
        assert_eq!(shares(&tenants, 301), None, "nothing is left for the others");
        assert_eq!(shares(&tenants, 300), None);
        assert_eq!(shares(&tenants[..1], 1_000), Some(vec![1_000]));
        assert_eq!(shares(&tenants[1..2], 200), None);
    }

    #[test]
    fn a_second_of_requests_may_come_at_once_and_then_one_at_a_time() {
        let rate = Rate::new(4);
        for now in [0, 10_000] {
            (0..4).for_each(|_| assert_eq!(rate.admit(Millis(now)), Ok(()), "{now}"));
            assert_eq!(rate.admit(Millis(now)), Err(1));
            assert_eq!(rate.admit(Millis(now + 249)), Err(1));
            assert_eq!(rate.admit(Millis(now + 250)), Ok(()));
            assert_eq!(rate.admit(Millis(now + 250)), Err(1));
        }
    }
}
