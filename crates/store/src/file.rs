//! Entries as files in a directory, in the CacheKit layout (`spec/cachekit.md`, section 7; the bytes are in `file_format.rs`), shared
//! with the other SDKs on this machine. A file is written beside its place and renamed into it, so a reader finds a whole entry
//! or the one before. What has expired goes when somebody asks for it; a directory may have a limit (`file/room.rs`).

mod room;

use crate::capabilities::{Capabilities, KeyRules};
use crate::clock::{Clock, SystemClock};
use crate::entry::{Expiry, Found, Freshness, Health, LockToken, Remaining};
use crate::error::{Error, Fault, Operation};
use crate::file_format::{
    FILE_EXPIRY_OFFSET, FILE_HEADER_BYTES, FileReading, file_header, file_name, read_file,
};
use crate::store::{Pending, Store, answer, on_runtime, unsupported};
use bytes::Bytes;
use parking_lot::Mutex;
use room::{UNFINISHED, Used};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Longest value that is read or written: 1 GiB.
const VALUE_BYTES_MAX: u64 = 1 << 30;
/// Calls that use the disk at once.
const CALLS_MAX: usize = 16;

const CAPABILITIES: Capabilities = Capabilities {
    ttl_query: true,
    ttl_update: true,
    shared: true,
    value_bytes_max: Some(VALUE_BYTES_MAX),
    ..Capabilities::plain(KeyRules { empty: true, ..KeyRules::ANY })
};

/// A directory.
///
/// Files are read and written on the runtime's threads for blocking work, so a tokio runtime must be there. They belong to the user
/// of this process: nobody else may read them.
///
/// ```
/// use larder_store::{Expiry, FileStore, Store};
/// use std::time::Duration;
///
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = FileStore::new(directory)?;
/// store.set(b"greeting", "hello".into(), Expiry::after(Duration::from_secs(60))).await?;
/// assert!(store.exists(b"greeting").await?);
/// # Ok::<(), larder_store::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FileStore {
    name: Arc<str>,
    disk: Arc<Disk>,
    permits: Arc<Semaphore>,
    bytes_max: Option<u64>,
}

/// What the blocking threads need.
struct Disk {
    directory: PathBuf,
    clock: Box<dyn Clock>,
    /// Numbers for the names of files that are being written.
    writing: AtomicU64,
    used: Mutex<Used>,
}

impl FileStore {
    /// A store in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// [`Fault::Io`] if it cannot be made or is none.
    ///
    /// ```
    /// use larder_store::{Class, FileStore};
    ///
    /// let error = FileStore::new("/dev/null/cache").err().ok_or("it was taken")?;
    /// assert_eq!(error.class(), Class::Transient);
    /// # Ok::<(), &str>(())
    /// ```
    pub fn new(directory: impl AsRef<Path>) -> Result<Self, Error> {
        Self::with_clock(directory, SystemClock)
    }

    /// As [`new`](Self::new), with a clock of the caller's.
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let directory = directory.path();
    /// let store = larder_store::FileStore::with_clock(directory, || 1_000)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_clock(directory: impl AsRef<Path>, clock: impl Clock + 'static) -> Result<Self, Error> {
        let directory = directory.as_ref().to_owned();
        let name: Arc<str> = format!("file:{}", directory.display()).into();
        make_directory(&directory)
            .map_err(|error| Error::new(name.clone(), Operation::Open, Fault::Io(error.to_string())))?;
        let (writing, used) = (AtomicU64::new(0), Mutex::new(None));
        let disk = Disk { directory, clock: Box::new(clock), writing, used };
        let permits = Arc::new(Semaphore::new(CALLS_MAX));
        Ok(Self { name, disk: Arc::new(disk), permits, bytes_max: None })
    }

    /// Limits the files together to so many bytes, headers included: before there are more, the oldest-written go. Without a limit
    /// nothing is evicted. Where other processes write as well, each of them needs the limit, and for a moment there may be
    /// more, by what they write at once.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let directory = directory.path();
    /// use larder_store::{FileStore, Store};
    ///
    /// let store = FileStore::new(directory)?.limited_to(1 << 30);
    /// assert_eq!(store.capabilities().value_bytes_max, Some((1 << 30) - 14));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn limited_to(self, bytes_max: u64) -> Self {
        Self { bytes_max: Some(bytes_max), ..self }
    }

    fn value_bytes_max(&self) -> u64 {
        let room = self.bytes_max.map(|max| max.saturating_sub(FILE_HEADER_BYTES as u64));
        room.unwrap_or(VALUE_BYTES_MAX).min(VALUE_BYTES_MAX)
    }

    fn call<'a, T: Send + 'static>(
        &'a self,
        operation: Operation,
        key: &'a [u8],
        call: impl FnOnce(&Disk, &Path) -> Result<T, Fault> + Send + 'static,
    ) -> Pending<'a, T> {
        let work = async move {
            on_runtime()?;
            let path = self.disk.directory.join(file_name(key));
            // The permit goes with the work, which goes on when nobody waits for it any more. The semaphore is never closed.
            let permit = self.permits.clone().acquire_owned().await;
            let disk = self.disk.clone();
            let done = spawn_blocking(move || {
                let _permit = permit;
                call(&disk, &path)
            });
            done.await.unwrap_or_else(|error| Err(Fault::Io(error.to_string())))
        };
        answer(&self.name, CAPABILITIES.keys, operation, key, work)
    }
}

/// Makes a directory, and those that it is in, for nobody but this user.
fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a file for nobody but this user.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn fault_of(error: &io::Error) -> Fault {
    Fault::Io(error.to_string())
}

/// The result of looking for a file.
fn found<T>(result: io::Result<T>) -> Result<Option<T>, Fault> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault_of(&error)),
    }
}

impl Disk {
    fn now_s(&self) -> u64 {
        self.clock.unix_ms() / 1_000
    }

    /// When an entry that lives so long from now expires, in Unix seconds, rounded up; 0 for never.
    fn expiry_s(&self, ttl: Option<Duration>) -> Result<u64, Fault> {
        let Some(ttl) = ttl else { return Ok(0) };
        if ttl.is_zero() {
            return Err(Fault::Expiry("it is zero".to_owned()));
        }
        let ms = u128::from(self.clock.unix_ms()) + ttl.as_nanos().div_ceil(1_000_000);
        Ok(u64::try_from(ms.div_ceil(1_000)).unwrap_or(u64::MAX))
    }

    /// The whole file, if there is one of no more than the limit.
    fn read(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
        let Some(file) = found(File::open(path))? else { return Ok(None) };
        let max = VALUE_BYTES_MAX + FILE_HEADER_BYTES as u64;
        let mut bytes = Vec::new();
        file.take(max + 1).read_to_end(&mut bytes).map_err(|error| fault_of(&error))?;
        if bytes.len() as u64 > max {
            return Err(Fault::AnswerTooLarge { len: bytes.len() as u64, max });
        }
        Ok(Some(bytes))
    }

    /// The expiry of the entry in a file, 0 for never, if there is one that has not expired.
    fn expiry_of(&self, path: &Path) -> Result<Option<u64>, Fault> {
        let Some(file) = found(File::open(path))? else { return Ok(None) };
        let mut header = Vec::with_capacity(FILE_HEADER_BYTES);
        file.take(FILE_HEADER_BYTES as u64).read_to_end(&mut header).map_err(|error| fault_of(&error))?;
        match self.judge(path, &header) {
            FileReading::Value { expiry_s, .. } => Ok(Some(expiry_s)),
            _ => Ok(None),
        }
    }

    /// Reads a file's bytes, and removes the file if it holds nothing any more. If another entry comes in its place at that very
    /// moment, that one is lost: a miss, as after an eviction.
    fn judge<'f>(&self, path: &Path, bytes: &'f [u8]) -> FileReading<'f> {
        let reading = read_file(bytes, self.now_s());
        if matches!(reading, FileReading::Expired | FileReading::Damaged) {
            // If it cannot be removed, it is a miss all the same.
            let _ = fs::remove_file(path);
        }
        reading
    }

    /// How long from now until then; `None` for never.
    fn left(&self, expiry_s: u64) -> Option<Duration> {
        let left_ms = expiry_s.saturating_mul(1_000).saturating_sub(self.clock.unix_ms());
        (expiry_s != 0).then(|| Duration::from_millis(left_ms))
    }

    /// Writes a file beside its place and renames it into it.
    fn write(&self, path: &Path, expiry_s: u64, value: &[u8]) -> io::Result<()> {
        let number = self.writing.fetch_add(1, Relaxed);
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!("{UNFINISHED}{}.{number}", std::process::id()));
        let beside = Path::new(&beside);
        let written = create(beside).and_then(|mut file| {
            file.write_all(&file_header(expiry_s))?;
            file.write_all(value)
        });
        let placed = written.and_then(|()| fs::rename(beside, path));
        if placed.is_err() {
            // The first error is the one to tell.
            let _ = fs::remove_file(beside);
        }
        placed
    }
}

impl Store for FileStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { value_bytes_max: Some(self.value_bytes_max()), ..CAPABILITIES }
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Found>> {
        self.call(Operation::Get, key, |disk, path| {
            let Some(bytes) = Disk::read(path)? else { return Ok(None) };
            let FileReading::Value { expiry_s, .. } = disk.judge(path, &bytes) else { return Ok(None) };
            let freshness = Freshness::Fresh { fresh_for: disk.left(expiry_s) };
            Ok(Some(Found { bytes: Bytes::from(bytes).slice(FILE_HEADER_BYTES..), freshness }))
        })
    }

    fn set<'a>(&'a self, key: &'a [u8], value: Bytes, expiry: Expiry) -> Pending<'a, ()> {
        let (len, max, bytes_max) = (value.len() as u64, self.value_bytes_max(), self.bytes_max);
        self.call(Operation::Set, key, move |disk, path| {
            if len > max {
                return Err(Fault::ValueTooLarge { len, max });
            }
            let expiry_s = disk.expiry_s(expiry.ttl())?;
            disk.write(path, expiry_s, &value).map_err(|error| fault_of(&error))?;
            disk.make_room(path, len + FILE_HEADER_BYTES as u64, bytes_max);
            Ok(())
        })
    }

    fn delete<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.call(Operation::Delete, key, |disk, path| {
            let is_there = disk.expiry_of(path)?.is_some();
            Ok(is_there && found(fs::remove_file(path))?.is_some())
        })
    }

    fn exists<'a>(&'a self, key: &'a [u8]) -> Pending<'a, bool> {
        self.call(Operation::Exists, key, |disk, path| Ok(disk.expiry_of(path)?.is_some()))
    }

    fn remaining<'a>(&'a self, key: &'a [u8]) -> Pending<'a, Option<Remaining>> {
        self.call(Operation::Remaining, key, |disk, path| {
            let expiry_s = disk.expiry_of(path)?;
            Ok(expiry_s.map(|expiry_s| disk.left(expiry_s).map_or(Remaining::Forever, Remaining::For)))
        })
    }

    fn set_ttl<'a>(&'a self, key: &'a [u8], ttl: Option<Duration>) -> Pending<'a, bool> {
        self.call(Operation::SetTtl, key, move |disk, path| {
            let expiry_s = disk.expiry_s(ttl)?;
            if disk.expiry_of(path)?.is_none() {
                return Ok(false);
            }
            let Some(mut file) = found(OpenOptions::new().write(true).open(path))? else { return Ok(false) };
            // Eight bytes in one write: a reader sees the old expiry or the new one.
            let written = file.seek(SeekFrom::Start(FILE_EXPIRY_OFFSET));
            let written = written.and_then(|_| file.write_all(&expiry_s.to_be_bytes()));
            written.map_err(|error| fault_of(&error)).map(|()| true)
        })
    }

    fn lock<'a>(&'a self, _: &'a [u8], _: Duration) -> Pending<'a, Option<LockToken>> {
        unsupported(&self.name, Operation::Lock, "files have no locks")
    }

    fn unlock<'a>(&'a self, _: &'a [u8], _: &'a LockToken) -> Pending<'a, bool> {
        unsupported(&self.name, Operation::Unlock, "files have no locks")
    }

    fn health(&self) -> Pending<'_, Health> {
        self.call(Operation::Health, b"", |disk, _| {
            let directory = fs::metadata(&disk.directory).map_err(|error| fault_of(&error))?;
            if directory.is_dir() {
                Ok(Health::default())
            } else {
                Err(Fault::Io("it is no directory".to_owned()))
            }
        })
    }
}
