//! What follows from a stack: who listens where, who wins the token, who reaches whom, and which process may use its state.
//! Each is told by itself, without a word about what to do.

pub(crate) mod clients;
pub(crate) mod contention;
pub(crate) mod drift;
pub(crate) mod listener;
pub(crate) mod origin;
pub(crate) mod podman_compose;
pub(crate) mod proxy;
pub(crate) mod published;
pub(crate) mod reach;
pub(crate) mod refusals;
pub(crate) mod rivals;
pub(crate) mod schema;
pub(crate) mod state;
pub(crate) mod token;
pub(crate) mod trust;
pub(crate) mod unstarted;

use std::collections::{BTreeMap, BTreeSet};

use super::model::Model;
use super::model::names;
use super::model::processes::{Process, ProcessId};
use clients::{Client, Outgoing};
use contention::Contention;
use listener::Gateway;
use rivals::Rival;
use state::Usable;
use token::Decision;

/// Every verdict on a stack, each made once.
pub(crate) struct Verdicts<'a> {
    pub(crate) model: &'a Model<'a>,
    pub(crate) gateways: &'a [Gateway<'a>],
    pub(crate) clients: &'a [Client<'a>],
    /// What the client in each process dials and sends.
    outgoing: &'a [Option<Outgoing<'a>>],
    /// The ports that some client dials beyond its own loopback.
    pub(crate) dialled: BTreeSet<u16>,
    /// Gateways that get in each other's way.
    pub(crate) contentions: Vec<Contention>,
    /// One for each process.
    usable: Vec<Usable>,
    /// The job that takes the place of each.
    rivals: BTreeMap<ProcessId, Rival<'a>>,
}

impl<'a> Verdicts<'a> {
    pub(crate) fn new(
        model: &'a Model<'a>,
        gateways: &'a [Gateway<'a>],
        outgoing: &'a [Option<Outgoing<'a>>],
        clients: &'a [Client<'a>],
        up: &BTreeSet<String>,
        kept_out: &BTreeSet<String>,
    ) -> Self {
        let usable = model.processes.iter().map(|process| state::usable(process, model)).collect();
        let urls = outgoing.iter().flatten().filter_map(|outgoing| outgoing.choice.url.as_ref());
        let dialled = urls.filter(|url| !names::is_loopback(&url.host)).map(|url| url.port).collect();
        let (contentions, rivals) = (contention::find(gateways, model), rivals::find(gateways, up, kept_out));
        Self { model, gateways, clients, outgoing, dialled, contentions, usable, rivals }
    }

    /// The gateway that a process is.
    pub(crate) fn gateway_in(&self, process: &Process<'_>) -> Option<&'a Gateway<'a>> {
        self.model.gateways.being(process)?.of(self.gateways)
    }

    /// What the client in a service would send; nothing where the service is no client.
    pub(crate) fn sent_by(&self, process: &Process<'_>) -> Option<&'a Decision> {
        Some(&process.id.of(self.outgoing)?.as_ref()?.decision)
    }

    /// The job that takes the place of this one.
    pub(crate) fn rival_of(&self, process: &Process<'_>) -> Option<&Rival<'a>> {
        self.rivals.get(&process.id)
    }

    pub(crate) fn usable_by(&self, process: &Process<'_>) -> Option<&Usable> {
        process.id.of(&self.usable)
    }
}
