//! The last step of a report: whatever a text of it came from, no secret is in it.

use std::collections::BTreeMap;

use crate::secrets::Secrets;

use super::containers::ContainerView;
use super::gates::{ClientView, GateView, ProxyView};
use super::model::namespaces::{Namespace, Namespaces};
use super::report::{GatewayView, Report, StatePlace};
use super::token_sources::TokenSourceView;
use super::verdict::listener::Scope;

impl Report {
    /// Takes the secrets out of every text. Each struct is taken apart whole, so that a field that is new does not compile
    /// until somebody says what it holds.
    pub(super) fn mask(&mut self) {
        let Self {
            version: _,
            gateways,
            clients,
            tokens,
            namespaces,
            containers,
            runs_as,
            unseen_states,
            findings,
            unread,
            sources: _,
            secrets,
        } = self;
        let secrets = &*secrets;
        if secrets.is_empty() {
            return;
        }
        findings.iter_mut().for_each(|finding| finding.mask(secrets));
        unread.iter_mut().for_each(|unread| unread.mask(secrets));
        gateways.iter_mut().for_each(|gateway| mask_gateway(gateway, secrets));
        clients.iter_mut().for_each(|client| mask_client(client, secrets));
        tokens.iter_mut().for_each(|token| mask_source(token, secrets));
        containers.iter_mut().for_each(|container| mask_container(container, secrets));
        runs_as.iter_mut().for_each(|name| secrets.mask_in(name));
        for StatePlace { service, state_dir, config_path, on_host: _ } in unseen_states {
            mask_all([service, state_dir, config_path], secrets);
        }
        mask_namespaces(namespaces, secrets);
    }
}

fn mask_all<'t>(texts: impl IntoIterator<Item = &'t mut String>, secrets: &Secrets) {
    texts.into_iter().for_each(|text| secrets.mask_in(text));
}

fn mask_gateway(gateway: &mut GatewayView, secrets: &Secrets) {
    let GatewayView {
        service,
        version: _,
        bind,
        bind_from: _,
        port: _,
        port_from: _,
        auth: _,
        token_from,
        token_class: _,
        token_rule: _,
        starts: _,
        state_dir,
        config,
        manager: _,
        container,
        uid: _,
        stranded_by_restart,
        rivals,
    } = gateway;
    if let Scope::Address(address) = bind {
        secrets.mask_in(address);
    }
    let rivals = rivals.iter_mut().map(|rival| &mut rival.service);
    let names = [service, state_dir, config]
        .into_iter()
        .chain(token_from)
        .chain(container)
        .chain(stranded_by_restart)
        .chain(rivals);
    mask_all(names, secrets);
}

fn mask_client(client: &mut ClientView, secrets: &Secrets) {
    let ClientView {
        name,
        kind: _,
        gateway,
        url,
        url_from,
        proxy,
        token_rule: _,
        token_from,
        token_class: _,
        check,
        gates,
    } = client;
    let proxy = proxy.iter_mut().flat_map(|ProxyView { who, service }| [who].into_iter().chain(service));
    let texts =
        [name, gateway].into_iter().chain(url).chain(url_from).chain(proxy).chain(token_from).chain(check);
    mask_all(texts, secrets);
    for GateView { gate: _, state: _, because, code: _, finding: _, places } in gates {
        secrets.mask_in(because);
        places.iter_mut().for_each(|place| place.mask(secrets));
    }
}

fn mask_source(token: &mut TokenSourceView, secrets: &Secrets) {
    let TokenSourceView {
        source,
        kind: _,
        service,
        layer: _,
        place,
        class: _,
        fingerprint,
        content: _,
        wins_server: _,
        wins_client: _,
        value: _,
    } = token;
    mask_all([source].into_iter().chain(service).chain(fingerprint), secrets);
    place.iter_mut().for_each(|place| place.mask(secrets));
}

fn mask_container(container: &mut ContainerView, secrets: &Secrets) {
    let ContainerView {
        service,
        name,
        status,
        exit_code: _,
        restart_count: _,
        health,
        image,
        digest,
        token_class: _,
        differs,
    } = container;
    mask_all([service, name, status, image].into_iter().chain(health).chain(digest).chain(differs), secrets);
}

fn mask_namespaces(namespaces: &mut Namespaces, secrets: &Secrets) {
    let Namespaces { of, borrows, borrowers } = namespaces;
    *of = std::mem::take(of)
        .into_iter()
        .map(|(mut service, mut namespace)| {
            secrets.mask_in(&mut service);
            match &mut namespace {
                Namespace::Service(name) | Namespace::Container(name) | Namespace::None(name) => {
                    secrets.mask_in(name);
                }
                Namespace::Dangling { service, from } => mask_all([service, from], secrets),
                Namespace::Host => {}
            }
            (service, namespace)
        })
        .collect::<BTreeMap<_, _>>();
    for (borrower, owner) in borrows {
        mask_all([borrower, owner], secrets);
    }
    *borrowers = std::mem::take(borrowers)
        .into_iter()
        .map(|(mut owner, mut borrowers)| {
            mask_all([&mut owner].into_iter().chain(&mut borrowers), secrets);
            (owner, borrowers)
        })
        .collect();
}
