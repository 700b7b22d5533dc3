//! Nothing but benchmarks: `cargo bench` here runs [`larder_cachekit`](../../crates/cachekit) beside `cachekit-core`.
