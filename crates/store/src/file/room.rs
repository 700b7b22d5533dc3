//! How much the files of a directory take. A directory with a limit loses its oldest-written entries before it is full; one that is
//! written to for the first time loses what a process left half-written. Both as in the SDK for Python, whose files these may be.

use super::Disk;
use crate::file_format::FILE_NAME_CHARS;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// What nobody has written to for so long was left by a process that ended.
const LEFT_AFTER_MS: u64 = 60_000;

/// Between the name of an entry and what tells those who write it at the same time apart.
pub(super) const UNFINISHED: &str = ".tmp.";

/// What is known of a directory: a number that is not too low as long as no other process writes there. `None` before the first write.
pub(super) type Used = Option<u64>;

struct Written {
    path: PathBuf,
    len: u64,
    at: SystemTime,
}

impl Disk {
    /// Call after an entry was written to `path`. That entry stays; others go if the limit is near.
    ///
    /// What cannot be looked at or removed is passed over: the entry itself has been written.
    pub(super) fn make_room(&self, path: &Path, written: u64, bytes_max: Option<u64>) {
        let mut used = self.used.lock();
        let estimate = used.map(|used| used.saturating_add(written));
        *used = match (estimate, bytes_max) {
            (Some(estimate), Some(max)) if estimate > max => Some(self.scan(path, bytes_max)),
            (None, _) => Some(self.scan(path, bytes_max)),
            (estimate, _) => estimate,
        };
    }

    /// Looks at all files, removes what is too much, and returns how many bytes are left.
    fn scan(&self, keep: &Path, bytes_max: Option<u64>) -> u64 {
        let Ok(directory) = fs::read_dir(&self.directory) else { return 0 };
        let mut entries: Vec<Written> =
            directory.flatten().filter_map(|file| self.entry_or_remains(&file)).collect();
        let mut used = entries.iter().map(|entry| entry.len).sum();
        let Some(max) = bytes_max else { return used };
        // Some room is left, so that the next look is not due with the next write.
        if used <= max - max / 16 {
            return used;
        }
        entries.sort_unstable_by_key(|entry| entry.at);
        for entry in entries.iter().filter(|entry| entry.path != keep) {
            if used <= max - max / 8 {
                break;
            }
            if fs::remove_file(&entry.path).is_ok() {
                used -= entry.len;
            }
        }
        used
    }

    /// A file, if it is an entry. The remains of one are removed, files of others are not touched.
    fn entry_or_remains(&self, file: &DirEntry) -> Option<Written> {
        let name = file.file_name();
        let name = name.to_str()?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let (entry, rest) = name.split_at_checked(FILE_NAME_CHARS)?;
        if !entry.bytes().all(is_hex) {
            return None;
        }
        let metadata = file.metadata().ok()?;
        let at = metadata.modified().ok()?;
        if rest.is_empty() {
            return Some(Written { path: file.path(), len: metadata.len(), at });
        }
        let at_ms = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let age_ms = u128::from(self.clock.unix_ms()).saturating_sub(at_ms);
        if rest.starts_with(UNFINISHED) && age_ms > u128::from(LEFT_AFTER_MS) {
            let _ = fs::remove_file(file.path());
        }
        None
    }
}
