//! The offline store: both layouts are read, secrets stay out, and a wipe needs every proof.
#![cfg(feature = "offline")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test makes its own files")]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use openclaw_pairing::offline::{
    Backup, LogExport, ProvenStopped, Store, StoreError, StoreKind, Wipe, WipeError,
};
use openclaw_pairing::{Scope, ScopeSet};
use rusqlite::Connection;
use tempfile::TempDir;

const CANARY: &str = "canary-device-token-0001";

fn sqlite(dir: &TempDir) -> PathBuf {
    let state = dir.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let path = state.join("openclaw.sqlite");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(&format!(
        "PRAGMA user_version = 18;
         CREATE TABLE device_pairing_pending(request_id TEXT PRIMARY KEY, device_id TEXT, public_key TEXT, display_name TEXT,
           platform TEXT, device_family TEXT, client_id TEXT, client_mode TEXT, browser_origin TEXT, role TEXT, roles_json TEXT,
           scopes_json TEXT, remote_ip TEXT, silent INTEGER, is_repair INTEGER, ts INTEGER, refreshed_at_ms INTEGER);
         CREATE TABLE device_pairing_paired(device_id TEXT PRIMARY KEY, public_key TEXT, display_name TEXT, operator_label TEXT,
           platform TEXT, device_family TEXT, client_id TEXT, client_mode TEXT, browser_origin TEXT, role TEXT, roles_json TEXT,
           scopes_json TEXT, approved_scopes_json TEXT, remote_ip TEXT, tokens_json TEXT, approved_via TEXT,
           created_at_ms INTEGER, approved_at_ms INTEGER, last_seen_at_ms INTEGER, last_seen_reason TEXT);
         INSERT INTO device_pairing_pending VALUES('r-1','d-new','k',NULL,'linux',NULL,'cli','cli',NULL,'operator',
           '[\"operator\"]','[\"operator.read\"]','172.18.0.3',0,0,5,NULL);
         INSERT INTO device_pairing_paired VALUES('d-old','k','old cli',NULL,'linux',NULL,'cli','cli',NULL,'operator',
           '[\"operator\"]','[\"operator.read\"]','[\"operator.read\",\"operator.write\"]','172.18.0.3',
           '{{\"operator\":{{\"token\":\"{CANARY}\",\"role\":\"operator\",\"scopes\":[\"operator.read\"],\"createdAtMs\":1}}}}',
           'owner',1,2,3,'connect');"
    ))
    .unwrap();
    path
}

#[test]
fn the_sqlite_store_is_read_without_tokens_and_without_a_trace() {
    let dir = TempDir::new().unwrap();
    let path = sqlite(&dir);
    let before = std::fs::read(&path).unwrap();
    let store = Store::read(dir.path()).unwrap();
    assert_eq!((store.kind, store.schema), (StoreKind::Sqlite, Some(18)));
    assert_eq!(store.devices.pending_for("d-new").unwrap().request_id, "r-1");
    let old = store.devices.paired_for("d-old").unwrap();
    assert_eq!(old.scopes, ScopeSet::from([Scope::Read, Scope::Write]));
    assert!(old.has_live_role("operator"));
    let shown = format!("{store:?} {}", serde_json::to_string(&store.devices).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "reading left files behind");
}

/// What a gateway that was killed leaves behind: the newest rows stand in the write-ahead log only.
#[test]
fn a_store_whose_newest_rows_are_in_its_log_is_read_without_a_trace() {
    let (live, dead) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = sqlite(&live);
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = WAL;
         INSERT INTO device_pairing_pending(request_id, device_id, ts) VALUES('r-2', 'd-newest', 6);",
    )
    .unwrap();
    let state = dead.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let names = ["openclaw.sqlite", "openclaw.sqlite-wal"];
    for name in names {
        std::fs::copy(path.with_file_name(name), state.join(name)).unwrap();
    }
    let held = || names.map(|name| std::fs::read(state.join(name)).unwrap());
    let before = held();
    let store = Store::read(dead.path()).unwrap();
    assert_eq!(store.path, state.join("openclaw.sqlite"));
    assert!(store.devices.pending_for("d-newest").is_some(), "{:?}", store.devices);
    assert_eq!(held(), before);
    let left: Vec<_> = std::fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "reading left files behind: {left:?}");
}

#[test]
fn the_json_store_of_older_releases_is_read() {
    let dir = TempDir::new().unwrap();
    let devices = dir.path().join("devices");
    std::fs::create_dir(&devices).unwrap();
    let token = format!(
        r#"{{"operator":{{"token":"{CANARY}","role":"operator","scopes":["operator.read"],"createdAtMs":1}}}}"#
    );
    let paired = format!(
        r#"{{"d-1":{{"deviceId":"d-1","publicKey":"k","role":"operator","scopes":["operator.read"],"tokens":{token},"createdAtMs":1,"approvedAtMs":2}}}}"#
    );
    std::fs::write(devices.join("paired.json"), paired).unwrap();
    std::fs::write(
        devices.join("pending.json"),
        r#"{"r-1":{"requestId":"r-1","deviceId":"d-2","publicKey":"k","ts":3}}"#,
    )
    .unwrap();
    let store = Store::read(dir.path()).unwrap();
    assert_eq!(store.kind, StoreKind::Json);
    assert_eq!(store.devices.pending_for("d-2").unwrap().ts, 3);
    assert!(store.devices.paired_for("d-1").unwrap().has_live_role("operator"));
    assert!(!format!("{store:?}").contains("canary"));
    assert!(matches!(Backup::make(&store, &dir.path().join("b")), Err(WipeError::NotSqlite { .. })));
}

#[test]
fn what_is_no_store_is_named_and_never_quoted() {
    let dir = TempDir::new().unwrap();
    assert!(matches!(Store::read(dir.path()), Err(StoreError::Missing { .. })));
    std::fs::create_dir(dir.path().join("devices")).unwrap();
    std::fs::write(dir.path().join("devices/paired.json"), format!("[\"{CANARY}\"")).unwrap();
    let error = Store::read(dir.path()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    let other = TempDir::new().unwrap();
    std::fs::create_dir(other.path().join("state")).unwrap();
    std::fs::write(other.path().join("state/openclaw.sqlite"), CANARY.repeat(100)).unwrap();
    let error = Store::read(other.path()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
}

/// An address where nothing listens: it was free a moment ago.
fn silent_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}

struct Ready {
    dir: TempDir,
    store: Store,
    logs: LogExport,
    workspace: String,
}

fn ready() -> Ready {
    let dir = TempDir::new().unwrap();
    sqlite(&dir);
    let store = Store::read(dir.path()).unwrap();
    let log = dir.path().join("gateway.log");
    std::fs::write(&log, "a line\n").unwrap();
    let logs = LogExport::at(&log).unwrap();
    let workspace = dir.path().to_str().unwrap().to_owned();
    Ready { dir, store, logs, workspace }
}

impl Ready {
    fn backup(&self, name: &str) -> Backup {
        Backup::make(&self.store, &self.dir.path().join(name)).unwrap()
    }

    fn stopped(&self) -> ProvenStopped {
        ProvenStopped::prove(&self.store, silent_address()).unwrap()
    }
}

#[test]
fn with_every_proof_the_named_rows_go_and_no_other() {
    let ready = ready();
    let wipe = Wipe::new(&ready.logs, ready.backup("b"), ready.stopped(), &ready.workspace, &ready.workspace)
        .unwrap();
    let wiped = wipe.remove(&["d-old", "d-unknown"]).unwrap();
    assert_eq!((wiped.devices, wiped.pending), (vec!["d-old".to_owned()], 0));
    let after = Store::read(ready.dir.path()).unwrap();
    assert!(after.devices.paired.is_empty());
    assert_eq!(after.devices.pending.len(), 1);
    // The way back.
    assert!(Store::read(ready.dir.path()).is_ok() && Connection::open(&wiped.backup).is_ok());
}

#[test]
fn each_missing_proof_forbids_the_wipe() {
    let ready = ready();
    assert!(matches!(LogExport::at(Path::new("/nonexistent/log")), Err(WipeError::NoLogExport { .. })));
    let empty = ready.dir.path().join("empty.log");
    std::fs::write(&empty, "").unwrap();
    assert!(matches!(LogExport::at(&empty), Err(WipeError::NoLogExport { .. })));

    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let running = ProvenStopped::prove(&ready.store, listener.local_addr().unwrap());
    drop(listener);
    assert!(matches!(running, Err(WipeError::StillRunning)));

    let holder = Connection::open(&ready.store.path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(ProvenStopped::prove(&ready.store, silent_address()), Err(WipeError::InUse { .. })));
    drop(holder);

    let named = |first: &str, second: &str, name: &str| {
        Wipe::new(&ready.logs, ready.backup(name), ready.stopped(), first, second).err()
    };
    assert!(matches!(named(&ready.workspace, "/other", "b1"), Some(WipeError::NamesDiffer { .. })));
    assert!(matches!(named("/other", "/other", "b2"), Some(WipeError::NamesDiffer { .. })));
    // The store itself is no backup of itself.
    assert!(matches!(Backup::verify(&ready.store, &ready.store.path), Err(WipeError::BackupDiffers { .. })));
}

/// In the virtual machine of an engine it holds a lock that nobody sees here, and listens where nobody asks.
#[test]
fn a_container_that_runs_on_the_store_forbids_the_wipe() {
    let ready = ready();
    let inspect = |running: bool, source: &Path| {
        let state = serde_json::json!({ "Running": running });
        let mounts =
            serde_json::json!([{ "Type": "bind", "Source": source, "Destination": "/home/node/.openclaw" }]);
        serde_json::json!([{ "Id": "a", "State": state, "Mounts": mounts }]).to_string()
    };
    let prove = |inspect: &str| ProvenStopped::prove_of_containers(&ready.store, silent_address(), inspect);
    assert!(matches!(prove(&inspect(true, ready.dir.path())), Err(WipeError::StillRunning)));
    assert!(matches!(prove("no containers"), Err(WipeError::StillRunning)));
    assert!(prove(&inspect(true, Path::new("/elsewhere"))).is_ok());
    assert!(prove(&inspect(false, ready.dir.path())).is_ok());
}

/// As OpenClaw keeps it: with a write-ahead log, and with its newest rows there.
#[test]
fn a_store_with_a_write_ahead_log_is_backed_up_proven_free_and_wiped() {
    let ready = ready();
    let holder = Connection::open(&ready.store.path).unwrap();
    holder
        .execute_batch("PRAGMA journal_mode = WAL; UPDATE device_pairing_paired SET display_name = 'newer'")
        .unwrap();
    // A gateway at rest holds the store as well.
    assert!(matches!(ProvenStopped::prove(&ready.store, silent_address()), Err(WipeError::InUse { .. })));
    let store = Store::read(ready.dir.path()).unwrap();
    assert_eq!(store.devices.paired[0].display_name.as_deref(), Some("newer"));
    let backup = Backup::make(&store, &ready.dir.path().join("b")).unwrap();
    drop(holder);
    let wipe = Wipe::new(&ready.logs, backup, ready.stopped(), &ready.workspace, &ready.workspace).unwrap();
    let wiped = wipe.remove(&["d-old"]).unwrap();
    assert_eq!(wiped.devices, ["d-old"]);
    assert!(Store::read(ready.dir.path()).unwrap().devices.paired.is_empty());
    let kept = Connection::open(&wiped.backup).unwrap();
    let name = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    assert_eq!(kept.query_row("SELECT display_name FROM device_pairing_paired", [], name).unwrap(), "newer");
}

#[test]
fn a_store_that_changed_since_the_backup_is_left_alone() {
    let ready = ready();
    let backup = ready.backup("b");
    let wipe = Wipe::new(&ready.logs, backup, ready.stopped(), &ready.workspace, &ready.workspace).unwrap();
    Connection::open(&ready.store.path)
        .unwrap()
        .execute("UPDATE device_pairing_paired SET display_name = 'renamed'", [])
        .unwrap();
    assert!(matches!(wipe.remove(&["d-old"]), Err(WipeError::BackupDiffers { .. })));
    assert_eq!(Store::read(ready.dir.path()).unwrap().devices.paired.len(), 1);
}

#[cfg(unix)]
#[test]
fn a_backup_is_private_and_never_overwrites() {
    use std::os::unix::fs::PermissionsExt;
    let ready = ready();
    ready.backup("b");
    let path = ready.dir.path().join("b");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(Backup::make(&ready.store, &path), Err(WipeError::Store(StoreError::Io { .. }))));
}
