//! What is wrong, and what to do about it: one file a family.

pub(crate) mod configuration;
pub(crate) mod containers;
pub(crate) mod contention;
pub(crate) mod dialects;
mod found;
pub(crate) mod health;
pub(crate) mod image;
pub(crate) mod jobs;
pub(crate) mod listener;
pub(crate) mod missing_token;
pub(crate) mod namespaces;
pub(crate) mod operation;
pub(crate) mod origin;
mod persistence;
pub(crate) mod podman_compose;
pub(crate) mod proxy;
pub(crate) mod published;
pub(crate) mod reach;
pub(crate) mod remedies;
pub(crate) mod schema;
pub mod search;
mod shared_state;
pub(crate) mod state;
pub(crate) mod token;
pub(crate) mod token_text;
pub(crate) mod unstarted;
pub(crate) mod variables;

use super::model::containers::Runtime;
use super::model::jobs::Job;
use super::verdict::Verdicts;
use super::verdict::clients::ClientKind;

pub(crate) use found::{Cause, Findings};

/// Says everything there is to say about a stack.
pub(crate) fn find(verdicts: &Verdicts<'_>, runtime: &Runtime, jobs: &[Job], out: &mut Findings) {
    listener::findings(verdicts, out);
    for client in verdicts.clients {
        match client.kind {
            ClientKind::Service => reach::findings(client, verdicts, out),
            ClientKind::Host => published::host_findings(client, verdicts, out),
            ClientKind::Browser => {
                proxy::findings(client, verdicts, out);
                origin::browser_findings(client, verdicts, out);
            }
        }
    }
    variables::findings(verdicts, out);
    namespaces::findings(runtime, verdicts, out);
    proxy::trust(verdicts, out);
    origin::bypasses(verdicts, out);
    token::findings(verdicts, out);
    token_text::findings(verdicts, out);
    state::findings(verdicts, out);
    contention::findings(verdicts, out);
    image::findings(verdicts, out);
    operation::findings(verdicts, out);
    health::findings(verdicts, out);
    containers::findings(runtime, verdicts, out);
    unstarted::findings(runtime, verdicts, out);
    jobs::findings(jobs, verdicts, out);
    configuration::findings(verdicts, out);
}
