//! The seam of the fuzz targets, compiled for them alone (`--cfg fuzzing`): a climb's connections are in memory.

use std::cell::RefCell;
use std::collections::VecDeque;

use tokio::io::{DuplexStream, duplex};

thread_local! {
    static PEERS: RefCell<VecDeque<DuplexStream>> = const { RefCell::new(VecDeque::new()) };
}

/// The next connections that climbs on this thread open, first to last. After these each is closed at once.
pub fn connect_to(peers: impl IntoIterator<Item = DuplexStream>) {
    PEERS.set(peers.into_iter().collect());
}

pub(crate) fn connection() -> DuplexStream {
    PEERS.with_borrow_mut(VecDeque::pop_front).unwrap_or_else(|| duplex(1).0)
}
