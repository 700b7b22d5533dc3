//! Every limit of the engine in one place. The tests of each cross it.

/// Longest key in bytes.
pub const KEY_BYTES_MAX: usize = 65_536;

/// Most shards of one cache.
pub const SHARDS_MAX: usize = 1 << 10;

/// Most entries that one shard holds: slot numbers have 24 bits, one of which patterns means "none".
/// A shard that is full to this limit evicts, whatever its bytes.
pub const SHARD_ENTRIES_MAX: u32 = (1 << 24) - 2;

/// Largest cell in bytes: header, key and value of an entry that is stored inline. What is larger has its value
/// (and a long key) in an allocation of its own that readers share.
pub const CELL_BYTES_MAX: usize = 2_048;

/// Most leases that one shard holds.
pub const SHARD_LEASES_MAX: usize = 1 << 12;

/// Longest key of a lease in bytes.
pub const LEASE_KEY_BYTES_MAX: usize = 1_024;

/// Longest token of a lease in bytes.
pub const LEASE_TOKEN_BYTES_MAX: usize = 64;

/// Entries that one operation may expire, reseed or move on the side.
pub(crate) const STEP_ENTRIES: usize = 16;

/// Entries that one step of a wipe, a resize, a switch or of `maintain` handles, and that one of a set evicts from a shard.
pub(crate) const JOB_STEP_ENTRIES: usize = 512;

/// Most entries that one step of a resize or of a set evicts.
pub const STEP_EVICTIONS_MAX: u64 = 2 * JOB_STEP_ENTRIES as u64;

/// Ghosts that a policy forgets at most in one operation.
pub(crate) const GHOSTS_TRIM_MAX: usize = 256;

/// Entries that CLOCK, SIEVE and S3-FIFO pass over at most in search of one victim; then the next one goes, whatever its
/// references say. Shards with fewer entries follow the definitions to the letter.
pub(crate) const SCAN_ENTRIES_MAX: usize = 1 << 16;

/// Slots or items that one step of a switch of policies goes through.
pub(crate) const SWITCH_ITEMS: usize = 1 << 12;

/// Shards that one operation switches at most when the cache picks another policy itself.
pub(crate) const SWITCH_SHARDS: usize = 16;

/// Turnovers of a shard, counted in uses and insertions, after which an entry that was not used is stale: when the cache picks
/// a policy that would never evict it, it goes first.
pub(crate) const STALE_TURNOVERS: u32 = 2;
