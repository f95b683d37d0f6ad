//! Removing stale rows. The type that does it cannot be made without everything that makes it safe.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use serde::Deserialize;

use super::{Store, StoreError, StoreKind, database};

/// The logs were exported, and the export is on disk.
#[derive(Debug)]
pub struct LogExport {
    path: PathBuf,
}

/// A copy of the store that was read back and holds the same rows.
#[derive(Debug)]
pub struct Backup {
    path: PathBuf,
    store: PathBuf,
}

/// The gateway was seen stopped, and nothing else holds the store.
#[derive(Debug)]
pub struct ProvenStopped {
    store: PathBuf,
}

/// The right to remove rows from one store. It exists only once logs are exported, a backup verifies, the gateway is
/// proven stopped and the workspace was named twice.
#[derive(Debug)]
pub struct Wipe {
    store: PathBuf,
    backup: PathBuf,
}

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wiped {
    /// The devices whose rows are gone.
    pub devices: Vec<String>,
    /// How many pending requests are gone.
    pub pending: usize,
    /// The backup to go back to.
    pub backup: PathBuf,
}

/// A wipe is not allowed, or failed before anything was removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WipeError {
    /// The export is missing or empty.
    #[error("no exported log at {}: export the logs first, a wipe removes what they refer to", path.display())]
    NoLogExport {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The backup does not hold what the store holds.
    #[error("the backup {} does not match the store: make it again with the gateway stopped", path.display())]
    BackupDiffers {
        /// The backup.
        path: PathBuf,
    },
    /// Something answers where the gateway listens.
    #[error("something still answers on the gateway's address: stop the gateway first")]
    StillRunning,
    /// Another process holds the store.
    #[error("another process holds {}: stop it first", path.display())]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// The two names differ from each other or from the store's place.
    #[error(
        "the workspace was named {first:?} and {second:?}; both must be the store's own directory {actual:?}"
    )]
    NamesDiffer {
        /// The first name.
        first: String,
        /// The second name.
        second: String,
        /// The directory that the store is in.
        actual: String,
    },
    /// A store of a release that keeps JSON files: they belong to the gateway alone.
    #[error("{} is a JSON store: remove devices with the gateway's own command", path.display())]
    NotSqlite {
        /// The store.
        path: PathBuf,
    },
    /// The store or the backup cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LogExport {
    /// The export at this path: a file with something in it.
    ///
    /// # Errors
    /// [`WipeError::NoLogExport`] if it is not there or empty.
    pub fn at(path: &Path) -> Result<Self, WipeError> {
        let is_there = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() > 0);
        if !is_there {
            return Err(WipeError::NoLogExport { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned() })
    }
}

impl Backup {
    /// Makes a backup of an SQLite store at `path`, which must not exist, and reads it back.
    ///
    /// # Errors
    /// [`WipeError::BackupDiffers`] if the copy does not hold the same rows; [`WipeError::NotSqlite`] for a JSON store.
    pub fn make(store: &Store, path: &Path) -> Result<Self, WipeError> {
        sqlite_only(store)?;
        let original = super::open_read_only(&store.path)?;
        // The backup holds device tokens like the store: it must not be readable by others, not even for a moment.
        create_private(path)?;
        original.connection.backup("main", path, None).map_err(database(path))?;
        Self::verify(store, path)
    }

    /// Takes a backup that was made elsewhere, if it holds the same rows.
    ///
    /// # Errors
    /// As [`Backup::make`].
    pub fn verify(store: &Store, path: &Path) -> Result<Self, WipeError> {
        sqlite_only(store)?;
        let (now, copy) = (super::read_sqlite(&store.path)?, super::read_sqlite(path)?);
        let is_whole = super::open_read_only(path)?
            .connection
            .query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
            .is_ok_and(|verdict| verdict == "ok");
        let is_same_file = std::fs::canonicalize(path).ok() == std::fs::canonicalize(&store.path).ok();
        if now.devices != copy.devices || now.schema != copy.schema || !is_whole || is_same_file {
            return Err(WipeError::BackupDiffers { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), store: store.path.clone() })
    }
}

/// Creates an empty file that only its owner can read.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|source| StoreError::Io { path: path.to_owned(), source })
}

fn sqlite_only(store: &Store) -> Result<(), WipeError> {
    match store.kind {
        StoreKind::Sqlite => Ok(()),
        StoreKind::Json => Err(WipeError::NotSqlite { path: store.path.clone() }),
    }
}

impl ProvenStopped {
    /// Proves that nothing listens on the gateway's address and that nothing holds the store.
    ///
    /// `address` is where the gateway listens as seen from here. A refused connection is the proof; silence is not.
    ///
    /// # Errors
    /// [`WipeError::StillRunning`] if anything answers or nothing can be told; [`WipeError::InUse`] if the store is held.
    pub fn prove(store: &Store, address: std::net::SocketAddr) -> Result<Self, WipeError> {
        sqlite_only(store)?;
        match std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_secs(2)) {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
            // A listener that accepts and says nothing, or silence: neither is the proof of a stopped gateway.
            Ok(_) | Err(_) => return Err(WipeError::StillRunning),
        }
        // An exclusive lock is had only if no other process of this kernel has the database open for writing.
        let mut connection = Connection::open_with_flags(&store.path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .map_err(database(&store.path))?;
        // Whoever holds it now is the answer; waiting for it to let go would only hide the answer.
        connection.busy_timeout(std::time::Duration::ZERO).map_err(database(&store.path))?;
        let is_free = connection.pragma_update(None, "locking_mode", "EXCLUSIVE").is_ok()
            && connection
                .transaction_with_behavior(TransactionBehavior::Exclusive)
                .and_then(rusqlite::Transaction::rollback)
                .is_ok();
        if !is_free {
            return Err(WipeError::InUse { path: store.path.clone() });
        }
        Ok(Self { store: store.path.clone() })
    }

    /// The same where an engine runs the gateway: no container may run that mounts what holds the store, by what
    /// `docker inspect $(docker ps -aq)` prints. Locks do not cross into the virtual machine of an engine, which every engine
    /// on a Mac has, and a gateway that listens elsewhere refuses no connection here.
    ///
    /// # Errors
    /// As [`Self::prove`]; [`WipeError::StillRunning`] if such a container runs, or if that is not output of `docker inspect`.
    pub fn prove_of_containers(
        store: &Store,
        address: std::net::SocketAddr,
        inspect: &str,
    ) -> Result<Self, WipeError> {
        let containers: Vec<Container> =
            serde_json::from_str(inspect).map_err(|_| WipeError::StillRunning)?;
        let place = std::fs::canonicalize(&store.path).unwrap_or_else(|_| store.path.clone());
        let holds = |mount: &Mount| {
            let source = Path::new(&mount.source);
            place.starts_with(std::fs::canonicalize(source).as_deref().unwrap_or(source))
        };
        if containers.iter().any(|container| container.state.running && container.mounts.iter().any(holds)) {
            return Err(WipeError::StillRunning);
        }
        Self::prove(store, address)
    }
}

/// A container as `docker inspect` prints it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    state: State,
    mounts: Vec<Mount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    running: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    /// Nothing for one in memory.
    #[serde(default)]
    source: String,
}

impl Wipe {
    /// Puts the four proofs together. The workspace is the state directory; it is named twice, as a person types it.
    ///
    /// # Errors
    /// [`WipeError::NamesDiffer`] if the names differ from each other or from the store's own directory;
    /// [`WipeError::BackupDiffers`] or [`WipeError::InUse`] if a proof is about another store;
    /// [`WipeError::NoLogExport`] if the export vanished meanwhile.
    pub fn new(
        logs: &LogExport,
        backup: Backup,
        stopped: ProvenStopped,
        first_name: &str,
        second_name: &str,
    ) -> Result<Self, WipeError> {
        LogExport::at(&logs.path)?;
        if backup.store != stopped.store {
            return Err(WipeError::InUse { path: stopped.store });
        }
        // The state directory holds `state/openclaw.sqlite`.
        let actual = backup.store.parent().and_then(Path::parent).unwrap_or(Path::new("")).to_path_buf();
        if first_name != second_name || Path::new(first_name) != actual {
            return Err(WipeError::NamesDiffer {
                first: first_name.to_owned(),
                second: second_name.to_owned(),
                actual: actual.display().to_string(),
            });
        }
        Ok(Self { store: backup.store, backup: backup.path })
    }

    /// Removes these devices' rows, all or none. A device that is not there is not an error.
    ///
    /// # Errors
    /// [`WipeError::BackupDiffers`] if the store changed since the backup; [`WipeError::Store`] if SQLite refuses: then
    /// nothing was removed.
    pub fn remove(self, devices: &[&str]) -> Result<Wiped, WipeError> {
        let wrap = database(&self.store);
        let mut connection =
            Connection::open_with_flags(&self.store, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(&wrap)?;
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(&wrap)?;
        if super::read_sqlite(&self.backup)?.devices != read_within(&transaction, &self.store)? {
            return Err(WipeError::BackupDiffers { path: self.backup });
        }
        let mut wiped = Wiped { devices: Vec::new(), pending: 0, backup: self.backup.clone() };
        for device in devices {
            wiped.pending += transaction
                .execute("DELETE FROM device_pairing_pending WHERE device_id = ?1", [device])
                .map_err(&wrap)?;
            let paired = transaction
                .execute("DELETE FROM device_pairing_paired WHERE device_id = ?1", [device])
                .map_err(&wrap)?;
            if paired > 0 {
                wiped.devices.push((*device).to_owned());
            }
        }
        transaction.commit().map_err(&wrap)?;
        Ok(wiped)
    }
}

fn read_within(connection: &Connection, path: &Path) -> Result<crate::DeviceList, WipeError> {
    Ok(super::list_devices(connection, path)?)
}
