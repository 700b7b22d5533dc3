//! What STATUS says of the process: its number and its memory. The file that the kernel tells it in is opened once, so that
//! a server that is out of descriptors can still answer; where it cannot be read the last known figures are given.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicU64, Ordering},
};

/// The process as the kernel sees it.
#[derive(Debug)]
pub(crate) struct Process {
    status: Option<File>,
    resident: AtomicU64,
    resident_max: AtomicU64,
}

/// Memory in bytes; 0 where it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident: u64,
    /// The most that has been resident.
    pub(crate) resident_max: u64,
}

impl Process {
    pub(crate) fn open() -> Process {
        let status = File::open("/proc/self/status").ok();
        Process { status, resident: AtomicU64::new(0), resident_max: AtomicU64::new(0) }
    }

    pub(crate) fn memory(&self) -> Memory {
        let mut buffer = [0; 4096];
        let read = self.status.as_ref().and_then(|file| file.read_at(&mut buffer, 0).ok()).unwrap_or(0);
        let text = String::from_utf8_lossy(&buffer[..read]);
        Memory {
            resident: latest(&self.resident, field(&text, "VmRSS:")),
            resident_max: latest(&self.resident_max, field(&text, "VmHWM:")),
        }
    }
}

/// The value now, or else the one last seen.
fn latest(last: &AtomicU64, now: Option<u64>) -> u64 {
    match now {
        Some(now) => {
            last.store(now, Ordering::Relaxed);
            now
        }
        None => last.load(Ordering::Relaxed),
    }
}

/// The value of a line such as `VmRSS:     1234 kB`, in bytes.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_again_each_time_from_the_same_descriptor() {
        let process = Process::open();
        let before = process.memory();
        assert!(before.resident > 0 && before.resident_max >= before.resident);
        let much = vec![1u8; 64 << 20];
        let after = process.memory();
        assert!(after.resident >= before.resident + (32 << 20), "{before:?} {after:?} {}", much.len());
    }

    #[test]
    fn without_the_kernel_the_last_known_figures_are_given() {
        let process = Process { status: None, resident: AtomicU64::new(5), resident_max: AtomicU64::new(7) };
        assert_eq!(process.memory(), Memory { resident: 5, resident_max: 7 });
    }
}
