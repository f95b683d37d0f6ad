//! Feature `object-store`: records in an object store, for a fleet that shares no file system.

use crate::freeze::{Created, RecordStore, StoreError};
use crate::record::{self, RECORD_SIZE_LIMIT, Record};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, PutMode, PutPayload};
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// Records as objects `<prefix>/record-000001.json`, each created by a conditional put (`If-None-Match: *`), so that of
/// any number of hosts exactly one gets to write a generation. No lock is needed and none is taken.
///
/// The store must honour conditional puts: Amazon S3, Google Cloud Storage, Azure, R2 and `MinIO` do. A store that
/// ignores them would let two hosts win; `object_store` cannot see that, so try yours once with two puts.
///
/// The calls block, from an async context too: there, use the runtime's `spawn_blocking`. Retries and timeouts are
/// the given store's. A request is tried again after a lost answer, and then finds its own record: that counts as won.
pub struct ObjectRecords {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// Lives as long as the store, because the connections in its pool are driven by it.
    runtime: Option<Runtime>,
}

impl ObjectRecords {
    /// Records under `prefix` in `store`.
    ///
    /// # Errors
    /// The operating system gives no resources for an event loop.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { store, prefix: Path::from(prefix), runtime: Some(runtime) })
    }

    fn path(&self, generation: u64) -> Path {
        self.prefix.clone().join(record::file_name(generation))
    }

    /// On a thread of its own, so that it works inside another runtime, too.
    fn wait<T: Send>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let lost = || StoreError::Unavailable {
            place: self.prefix.to_string(),
            source: "the event loop of the object store is gone".into(),
        };
        let Some(runtime) = &self.runtime else { return Err(lost()) };
        std::thread::scope(|scope| scope.spawn(|| runtime.block_on(work)).join())
            .unwrap_or_else(|_| Err(lost()))
    }

    async fn read(&self, generation: u64) -> Result<Option<Record>, StoreError> {
        let path = &self.path(generation);
        let found = match self.store.get_opts(path, GetOptions::default()).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(unavailable(path, error)),
        };
        if found.meta.size > RECORD_SIZE_LIMIT {
            let length = usize::try_from(found.meta.size).unwrap_or(usize::MAX);
            return Err(StoreError::Unreadable {
                place: path.to_string(),
                error: crate::RecordError::TooLarge { length },
            });
        }
        let text = found.bytes().await.map_err(|error| unavailable(path, error))?;
        Record::of_generation(generation, &text)
            .map(Some)
            .map_err(|error| StoreError::Unreadable { place: path.to_string(), error })
    }
}

impl RecordStore for ObjectRecords {
    type Guard = ();

    fn lock(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn generation(&self, generation: u64) -> Result<Option<Record>, StoreError> {
        self.wait(self.read(generation))
    }

    fn latest(&self) -> Result<Option<Record>, StoreError> {
        self.wait(async {
            let listed = self.store.list_with_delimiter(Some(&self.prefix)).await;
            let listed = listed.map_err(|error| unavailable(&self.prefix, error))?;
            let number = |path: &Path| record::generation_of(path.filename()?);
            match listed.objects.iter().filter_map(|object| number(&object.location)).max() {
                Some(newest) => self.read(newest).await,
                None => Ok(None),
            }
        })
    }

    fn create(&self, record: &Record) -> Result<Created, StoreError> {
        let path = self.path(record.generation);
        self.wait(async {
            let payload = PutPayload::from(record.to_text().into_bytes());
            match self.store.put_opts(&path, payload, PutMode::Create.into()).await {
                Ok(_) => Ok(Created::Won),
                Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                    match self.read(record.generation).await? {
                        Some(existing) if existing == *record => Ok(Created::Won),
                        Some(existing) => Ok(Created::Lost(Box::new(existing))),
                        None => Err(StoreError::Unavailable {
                            place: path.to_string(),
                            source: "the store says that the record exists and does not show it".into(),
                        }),
                    }
                }
                Err(error) => Err(unavailable(&path, error)),
            }
        })
    }
}

impl fmt::Debug for ObjectRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A store's own Debug may show its credentials.
        f.debug_struct("ObjectRecords").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Drop for ObjectRecords {
    fn drop(&mut self) {
        // Dropping a runtime blocks, which a caller's runtime would not allow.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn unavailable(place: &Path, error: object_store::Error) -> StoreError {
    StoreError::Unavailable { place: place.to_string(), source: error.into() }
}
