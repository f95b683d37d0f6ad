//! The gateway's pairing store while the gateway is down or refuses: read-only, and wiped only under proof.

mod wipe;

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::{Connection, OpenFlags, Row};
use secrecy::{ExposeSecret as _, SecretBox};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tempfile::TempDir;

use crate::devices::{DeviceList, FEW, MOST_ROWS, Name, PairedDevice, PendingRequest, Rows, TokenSummary};
use crate::scope::ScopeSet;
use crate::words::{NAME, shown};

pub use wipe::{Backup, LogExport, ProvenStopped, Wipe, WipeError, Wiped};

/// How a gateway keeps its pairings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StoreKind {
    /// `devices/pending.json` and `devices/paired.json`: up to 2026.7.
    Json,
    /// `state/openclaw.sqlite`: from 2026.8.1 on.
    Sqlite,
}

/// A store that was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Store {
    /// How it is kept.
    pub kind: StoreKind,
    /// The file (or the directory of the files) that was read.
    pub path: PathBuf,
    /// What it holds. Device tokens are left out at the first touch; none reaches memory that outlives the reading.
    pub devices: DeviceList,
    /// `PRAGMA user_version` of an SQLite store; 18 in OpenClaw 2026.9.6.
    pub schema: Option<i64>,
}

/// The store cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Neither layout is there.
    #[error("no pairing store under {}: neither state/openclaw.sqlite nor devices/paired.json", path.display())]
    Missing {
        /// The state directory.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("reading {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be read.
    #[error("reading {}: {reason}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// SQLite's own words.
        reason: String,
    },
    /// The database is written to faster than it can be copied: its gateway runs.
    #[error("{} changes while it is read: a gateway runs on it, so ask that one with `devices list`", path.display())]
    Changing {
        /// The file.
        path: PathBuf,
    },
    /// A file has another shape. It is not quoted: it holds device tokens.
    #[error("{} is not a pairing store of a known release", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
    },
}

/// A database larger than this is not read.
const LARGEST: u64 = 256 * 1024 * 1024;
/// Nor is a JSON file larger than this.
const LARGEST_JSON: u64 = 16 * 1024 * 1024;

impl Store {
    /// Reads the store under a state directory such as `~/.openclaw`. Nothing is written there, not even SQLite's own side
    /// files. A database with a write-ahead log, as a killed gateway leaves it, is copied into a private temporary directory
    /// and read there.
    ///
    /// # Errors
    /// [`StoreError`] if there is no store, or it cannot be read.
    pub fn read(state_dir: &Path) -> Result<Self, StoreError> {
        let sqlite = state_dir.join("state").join("openclaw.sqlite");
        if sqlite.is_file() {
            return read_sqlite(&sqlite);
        }
        let devices = state_dir.join("devices");
        if devices.join("paired.json").is_file() || devices.join("pending.json").is_file() {
            return read_json(&devices);
        }
        Err(StoreError::Missing { path: state_dir.to_owned() })
    }
}

pub(super) fn database(path: &Path) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
    move |error| StoreError::Database { path: path.to_owned(), reason: error.to_string() }
}

/// A database open for reading; the copy that it may have been read from goes with it.
struct ReadOnly {
    connection: Connection,
    _copy: Option<TempDir>,
}

/// Opens without creating anything. Without a write-ahead log `immutable` is right: SQLite then makes no file beside the
/// database. With one it would make or change the log's index, whatever the flags, and a file of another owner in the state
/// directory is a fault of its own; so that happens to a copy.
fn open_read_only(path: &Path) -> Result<ReadOnly, StoreError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let log = beside(path, "-wal");
    if std::fs::metadata(&log).is_ok_and(|file| file.len() > 0) {
        let copy = copied(path, &log)?;
        let connection =
            Connection::open_with_flags(copy.path().join(COPY), flags).map_err(database(path))?;
        return Ok(ReadOnly { connection, _copy: Some(copy) });
    }
    let uri = format!("file:{}?immutable=1", percent_encoded(path));
    let connection = Connection::open_with_flags(uri, flags).map_err(database(path))?;
    Ok(ReadOnly { connection, _copy: None })
}

/// What the copy of a database is called.
const COPY: &str = "copy.sqlite";
/// How often a copy is made anew because the original changed meanwhile.
const COPIES: usize = 3;

/// A copy of a database and its log as they were at one moment, which only their owner can read.
fn copied(path: &Path, log: &Path) -> Result<TempDir, StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let directory = TempDir::new().map_err(io)?;
    let copy = directory.path().join(COPY);
    let stamps = || Ok([stamp(path)?, stamp(log)?]);
    for _ in 0..COPIES {
        let before = stamps()?;
        if before.iter().any(|(length, _)| *length > LARGEST) {
            return Err(StoreError::Shape { path: path.to_owned() });
        }
        std::fs::copy(path, &copy).map_err(io)?;
        std::fs::copy(log, beside(&copy, "-wal")).map_err(io)?;
        if stamps()? == before {
            return Ok(directory);
        }
    }
    Err(StoreError::Changing { path: path.to_owned() })
}

fn stamp(path: &Path) -> Result<(u64, SystemTime), StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    let file = std::fs::metadata(path).map_err(io)?;
    Ok((file.len(), file.modified().map_err(io)?))
}

/// The file that SQLite keeps beside a database under this ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// A path inside an SQLite URI.
fn percent_encoded(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'?' | b'#' | b'%' => text.push_str(&format!("%{byte:02X}")),
            other => text.push(char::from(other)),
        }
    }
    text
}

fn read_sqlite(path: &Path) -> Result<Store, StoreError> {
    let length =
        std::fs::metadata(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?.len();
    if length > LARGEST {
        return Err(StoreError::Shape { path: path.to_owned() });
    }
    let store = open_read_only(path)?;
    let wrap = database(path);
    let schema = store.connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(&wrap)?;
    let devices = list_devices(&store.connection, path)?;
    Ok(Store { kind: StoreKind::Sqlite, path: path.to_owned(), devices, schema: Some(schema) })
}

fn list_devices(connection: &Connection, path: &Path) -> Result<DeviceList, StoreError> {
    let wrap = database(path);
    let pending = "SELECT request_id, device_id, display_name, client_id, client_mode, platform, role, scopes_json, \
                   remote_ip, is_repair, ts, refreshed_at_ms FROM device_pairing_pending ORDER BY ts DESC LIMIT 10000";
    // `tokens_json` holds device tokens in clear text: SQLite takes them out before a row reaches us.
    let paired = "SELECT device_id, display_name, client_id, client_mode, platform, role, roles_json, \
                  coalesce(approved_scopes_json, scopes_json), remote_ip, approved_via, approved_at_ms, last_seen_at_ms, \
                  (SELECT json_group_array(json_remove(value, '$.token')) FROM json_each(tokens_json)) \
                  FROM device_pairing_paired ORDER BY approved_at_ms DESC LIMIT 10000";
    let mut devices = DeviceList::default();
    let mut statement = connection.prepare(pending).map_err(&wrap)?;
    let rows = statement.query_map([], pending_row).map_err(&wrap)?;
    for row in rows {
        devices.pending.push(row.map_err(&wrap)?);
    }
    let mut statement = connection.prepare(paired).map_err(&wrap)?;
    let rows = statement.query_map([], paired_row).map_err(&wrap)?;
    for row in rows {
        devices.paired.push(row.map_err(&wrap)?);
    }
    Ok(devices)
}

/// A name that a client chose.
fn name(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<String>> {
    Ok(row.get_ref(index)?.as_str_or_null().map_err(rusqlite::Error::from)?.map(|text| shown(text, NAME)))
}

fn text(row: &Row<'_>, index: usize) -> rusqlite::Result<String> {
    Ok(name(row, index)?.unwrap_or_default())
}

fn number(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(index)?.and_then(|number| u64::try_from(number).ok()))
}

/// A JSON column; one that cannot be read counts as empty, as a row of another release may have it.
fn json<T: DeserializeOwned + Default>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text: Option<String> = row.get(index)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

fn pending_row(row: &Row<'_>) -> rusqlite::Result<PendingRequest> {
    Ok(PendingRequest {
        request_id: text(row, 0)?,
        device_id: text(row, 1)?,
        display_name: name(row, 2)?,
        client_id: text(row, 3)?,
        client_mode: text(row, 4)?,
        platform: text(row, 5)?,
        role: text(row, 6)?,
        scopes: json(row, 7)?,
        remote_ip: name(row, 8)?,
        is_repair: row.get::<_, Option<bool>>(9)?.unwrap_or_default(),
        ts: number(row, 10)?.unwrap_or_default(),
        refreshed_at_ms: number(row, 11)?,
    })
}

fn paired_row(row: &Row<'_>) -> rusqlite::Result<PairedDevice> {
    Ok(PairedDevice {
        device_id: text(row, 0)?,
        display_name: name(row, 1)?,
        client_id: text(row, 2)?,
        client_mode: text(row, 3)?,
        platform: text(row, 4)?,
        role: text(row, 5)?,
        roles: json::<Rows<Name, FEW>>(row, 6)?.rows.into_iter().map(|role| role.0).collect(),
        scopes: json(row, 7)?,
        remote_ip: name(row, 8)?,
        approved_via: text(row, 9)?,
        approved_at_ms: number(row, 10)?.unwrap_or_default(),
        last_seen_at_ms: number(row, 11)?,
        // A store does not know who is connected.
        connected: false,
        tokens: json::<Rows<_, FEW>>(row, 12)?.rows,
    })
}

/// Rows as the values of an object, whose keys repeat what they say.
struct Table<T, const MOST: usize>(Rows<T, MOST>);

impl<'de, T: DeserializeOwned, const MOST: usize> Deserialize<'de> for Table<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: DeserializeOwned, const MOST: usize> Visitor<'de> for Object<T, MOST> {
            type Value = Rows<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut rows = Rows::default();
                while let Some((_, row)) = map.next_entry::<IgnoredAny, T>()? {
                    rows.take(row);
                }
                Ok(rows)
            }
        }
        from.deserialize_map(Object(PhantomData)).map(Self)
    }
}

/// A paired device as `paired.json` keeps it: tokens by role. Their bytes are not even a field here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LegacyDevice {
    #[serde(flatten)]
    device: LegacyRecord,
    #[serde(default)]
    tokens: Option<Table<TokenSummary, FEW>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct LegacyRecord {
    device_id: Name,
    display_name: Option<Name>,
    client_id: Name,
    client_mode: Name,
    platform: Name,
    role: Name,
    roles: Rows<Name, FEW>,
    scopes: ScopeSet,
    approved_scopes: Option<ScopeSet>,
    remote_ip: Option<Name>,
    approved_at_ms: u64,
}

fn read_json(devices: &Path) -> Result<Store, StoreError> {
    let paired: Rows<LegacyDevice, MOST_ROWS> = read_rows(&devices.join("paired.json"))?;
    let pending: Rows<PendingRequest, MOST_ROWS> = read_rows(&devices.join("pending.json"))?;
    let left_out = paired.left_out + pending.left_out;
    let paired = paired.rows.into_iter().map(|LegacyDevice { device, tokens }| PairedDevice {
        device_id: device.device_id.0,
        display_name: device.display_name.map(|name| name.0),
        client_id: device.client_id.0,
        client_mode: device.client_mode.0,
        platform: device.platform.0,
        role: device.role.0,
        roles: device.roles.rows.into_iter().map(|role| role.0).collect(),
        scopes: device.approved_scopes.unwrap_or(device.scopes),
        remote_ip: device.remote_ip.map(|address| address.0),
        approved_via: String::new(),
        approved_at_ms: device.approved_at_ms,
        last_seen_at_ms: None,
        connected: false,
        tokens: tokens.map(|tokens| tokens.0.rows).unwrap_or_default(),
    });
    let list = DeviceList { pending: pending.rows, paired: paired.collect(), left_out };
    Ok(Store { kind: StoreKind::Json, path: devices.to_owned(), devices: list, schema: None })
}

/// The rows of a JSON object; a missing file has none.
fn read_rows<T: DeserializeOwned>(path: &Path) -> Result<Rows<T, MOST_ROWS>, StoreError> {
    let text = match read_file(path) {
        Ok(bytes) => SecretBox::new(Box::new(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Rows::default()),
        Err(source) => return Err(StoreError::Io { path: path.to_owned(), source }),
    };
    let bytes: &Vec<u8> = text.expose_secret();
    let table: Table<T, MOST_ROWS> =
        serde_json::from_slice(bytes).map_err(|_| StoreError::Shape { path: path.to_owned() })?;
    Ok(table.0)
}

/// The bytes of a regular file of at most [`LARGEST_JSON`] bytes. Opening anything else does not wait for it.
fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_JSON + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_JSON {
        return Err(std::io::Error::other("larger than 16 MiB"));
    }
    Ok(bytes)
}
