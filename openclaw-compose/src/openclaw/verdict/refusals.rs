//! Whose column a refusal in a gateway's log belongs to. What its configuration admits by now is over once it was started
//! again.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::openclaw::model::Model;
use crate::openclaw::model::names;
use crate::openclaw::model::urls::Url;

use super::clients::{Client, ClientKind};
use super::listener::Gateway;
use super::origin::{self, NotAllowed, OriginVerdict, Planned};
use super::proxy::Passage;
use super::reach::Reach;
use super::trust::{self, Distrust};

/// Lays what the gateways refused to their clients.
pub(crate) fn lay<'a>(clients: &mut Vec<Client<'a>>, gateways: &[Gateway<'_>], model: &Model<'_>) {
    let mut of_gateways: BTreeMap<_, Vec<Client<'a>>> = BTreeMap::new();
    for client in clients.drain(..) {
        of_gateways.entry(client.gateway.id).or_default().push(client);
    }
    for gateway in gateways.iter().filter(|gateway| model.refusals(gateway.process).next().is_some()) {
        if let Some(of_gateway) = of_gateways.get_mut(&gateway.id) {
            lay_one(of_gateway, gateway, model);
        }
    }
    clients.extend(of_gateways.into_values().flatten());
    clients.sort_by_key(|client| client.id);
}

fn lay_one(clients: &mut [Client<'_>], gateway: &Gateway<'_>, model: &Model<'_>) {
    for origin in origin::refused(gateway, model) {
        let Some(client) = opening(origin, clients) else { continue };
        let planned = client
            .planned
            .get_or_insert_with(|| Planned::new(origin, OriginVerdict::Unknown(origin::Unknown::NoAddress)));
        if planned.refused.is_empty() {
            origin.clone_into(&mut planned.origin);
        }
        planned.refused.push(origin.to_owned());
        let span = origin::list_span(gateway.process);
        planned.verdict = OriginVerdict::NotAllowed { why: NotAllowed::Seen, span };
    }
    for (address, why) in trust::refused(gateway, model) {
        let distrust = Distrust { why, address: Some(address), is_seen: true };
        for client in behind(address, clients, model) {
            client.passage = Some(Passage::Untrusted(distrust.clone()));
        }
    }
}

/// The browser that opens a page of this origin: the one for which it is planned; failing that, what is opened elsewhere
/// than on this host comes through the proxy, where there is one.
fn opening<'c, 'a>(origin: &str, clients: &'c mut [Client<'a>]) -> Option<&'c mut Client<'a>> {
    let is_local = Url::parse(origin).is_some_and(|url| names::is_loopback(&url.host));
    let rank = |client: &Client<'_>| {
        let is_planned =
            client.planned.as_ref().is_some_and(|planned| origin::same_origin(&planned.origin, origin));
        (!is_planned, client.proxy.is_none() != is_local)
    };
    let browsers = clients.iter_mut().filter(|client| client.kind == ClientKind::Browser);
    browsers.min_by_key(|client| rank(client))
}

/// The clients that come through the proxy at an address: those that are known to; failing them, every browser.
fn behind<'c, 'a>(
    address: IpAddr,
    clients: &'c mut [Client<'a>],
    model: &Model<'_>,
) -> Vec<&'c mut Client<'a>> {
    let at = model.service_at(address).map(|service| service.name);
    let is_behind = |client: &Client<'_>| match (&client.reach, &client.proxy) {
        (Reach::OtherService(other), _) => at.is_none_or(|at| at == other),
        (_, Some(proxy)) => match (at, &proxy.service) {
            (Some(at), Some(service)) => at == service,
            _ => true,
        },
        _ => false,
    };
    let is_any = clients.iter().any(is_behind);
    let is_meant = |client: &Client<'_>| match is_any {
        true => is_behind(client),
        false => client.kind == ClientKind::Browser,
    };
    clients.iter_mut().filter(|client| is_meant(client)).collect()
}
