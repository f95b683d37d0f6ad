//! Name resolution: a literal address needs none.

use std::net::{IpAddr, SocketAddr};

use crate::classify;
use crate::codes::Code;
use crate::report::{Fault, RungOutput};
use crate::target::Target;

/// The addresses of the target, in the resolver's order, each once; the pinned ones, where the caller gave some.
pub(crate) async fn resolve(target: &Target, pinned: Option<&Vec<IpAddr>>) -> RungOutput<Vec<SocketAddr>> {
    if let Some(address) = target.address() {
        return Ok((vec![SocketAddr::new(address, target.port())], Vec::new()));
    }
    let mut addresses: Vec<SocketAddr> = Vec::new();
    if let Some(pinned) = pinned {
        addresses.extend(pinned.iter().map(|ip| SocketAddr::new(*ip, target.port())));
    } else {
        let found = tokio::net::lookup_host((target.host(), target.port()))
            .await
            .map_err(|error| classify::lookup(&error))?;
        for address in found {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    if addresses.is_empty() {
        return Err(Fault::new(Code::NameNotFound, "the name has no address"));
    }
    let evidence = vec![addresses.iter().map(|a| a.ip().to_string()).collect::<Vec<_>>().join(", ")];
    Ok((addresses, evidence))
}
