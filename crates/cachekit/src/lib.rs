//! CacheKit data formats.
