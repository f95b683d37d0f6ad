//! The TCP connect: each address in turn, the first that accepts is used for the rest of the climb.

use std::net::SocketAddr;

#[cfg(fuzzing)]
pub(crate) use tokio::io::DuplexStream as Stream;
#[cfg(not(fuzzing))]
pub(crate) use tokio::net::TcpStream as Stream;

#[cfg(not(fuzzing))]
use crate::classify;
use crate::report::{Fault, RungOutput};

/// A connected socket and its peer. Addresses that failed before it are in the evidence.
pub(crate) async fn connect(addresses: &[SocketAddr]) -> RungOutput<(Stream, SocketAddr)> {
    let mut evidence = Vec::new();
    let mut first: Option<Fault> = None;
    for address in addresses {
        match open(*address).await {
            Ok(stream) => return Ok(((stream, *address), evidence)),
            Err(fault) => {
                evidence.push(fault.detail.clone());
                first.get_or_insert(fault);
            }
        }
    }
    let mut fault =
        first.unwrap_or_else(|| Fault::new(crate::codes::Code::NameNotFound, "no address to connect to"));
    fault.detail = evidence.join("; ");
    Err(fault)
}

/// One fresh connection.
#[cfg(not(fuzzing))]
pub(crate) async fn open(address: SocketAddr) -> Result<Stream, Fault> {
    let stream = Stream::connect(address).await.map_err(|error| {
        let mut fault = classify::error(&error);
        fault.detail = format!("{address}: {}", fault.detail);
        fault
    })?;
    // Requests are written whole, so there is nothing for Nagle to gather; failing to say so costs latency only.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

#[cfg(fuzzing)]
pub(crate) async fn open(_: SocketAddr) -> Result<Stream, Fault> {
    Ok(crate::fuzzing::connection())
}
