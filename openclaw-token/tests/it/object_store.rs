//! Records in an object store, against the stores of the `object_store` crate itself.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they did"
)]
#![cfg(feature = "object-store")]

use object_store::memory::InMemory;
use object_store::{ObjectStore, PutMode};
use openclaw_token::secrecy::SecretString;
use openclaw_token::{
    Circumstances, FreezeRequest, Frozen, ObjectRecords, Record, RecordStore, StoreError, freeze_once, rotate,
};
use std::convert::Infallible;
use std::sync::{Arc, Barrier};
use std::time::SystemTime;

fn request() -> FreezeRequest<'static> {
    FreezeRequest::new(&[], Circumstances::new(SystemTime::UNIX_EPOCH, "ops"))
}

fn custody(_: &SecretString, _: &Record) -> Result<(), Infallible> {
    Ok(())
}

#[test]
fn one_of_sixteen_hosts_mints() {
    for _ in 0..50 {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let barrier = Barrier::new(16);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let hosts: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        let records = ObjectRecords::new(Arc::clone(&store), "fleet/records").unwrap();
                        barrier.wait();
                        freeze_once(&records, &request(), custody).unwrap()
                    })
                })
                .collect();
            hosts.into_iter().map(|host| host.join().unwrap()).collect()
        });
        let minted = outcomes.iter().filter(|outcome| matches!(outcome, Frozen::New { .. })).count();
        assert_eq!(minted, 1);
        assert!(outcomes.iter().all(|outcome| outcome.record() == outcomes[0].record()));
    }
}

#[test]
fn rotations_are_new_generations() {
    let records = ObjectRecords::new(Arc::new(InMemory::new()), "records").unwrap();
    let first = freeze_once(&records, &request(), custody).unwrap().record().clone();
    let second = rotate(&records, &request(), "suspected leak", custody).unwrap().record().clone();
    assert_eq!(records.history().unwrap(), [first, second.clone()]);
    assert_eq!(records.latest().unwrap(), Some(second));
    assert_eq!(records.generation(3).unwrap(), None);
}

#[test]
fn what_is_no_record_is_left_alone() {
    let store = Arc::new(InMemory::new());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let path = object_store::path::Path::from("records/record-000001.json");
    runtime.block_on(store.put_opts(&path, "{\"schema\":9}".into(), PutMode::Create.into())).unwrap();
    let records = ObjectRecords::new(store.clone(), "records").unwrap();
    let error = freeze_once(&records, &request(), custody).unwrap_err();
    assert!(error.to_string().contains("schema 9 is newer"), "{error}");
    assert!(matches!(records.latest(), Err(StoreError::Unreadable { .. })));
}

/// The calls block, but they must not panic inside somebody's runtime, nor must the drop.
#[test]
fn usable_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let records = ObjectRecords::new(Arc::new(InMemory::new()), "records").unwrap();
        assert!(matches!(freeze_once(&records, &request(), custody).unwrap(), Frozen::New { .. }));
    });
}
