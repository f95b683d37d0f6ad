//! Published ports that lead past the gateway, or from where nobody gets.

use crate::edit::Edit;
use crate::finding::{Code, Confidence, PlaceRole, Remedy};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::Client;
use crate::openclaw::verdict::published::Publication;
use crate::openclaw::verdict::reach::Reach;

use super::listener;
use super::remedies::{edits, recreate, words};
use super::{Cause, Findings};

pub(crate) fn host_findings(client: &Client<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Some(published) = &client.published else { return };
    let gateway = client.gateway;
    let name = gateway.name();
    // One finding a gateway: a service client may have said so already.
    if client.reach == Reach::LoopbackBind && !out.has(Cause::Bind(gateway.id)) {
        let summary = format!(
            "{name} listens on the loopback of its container ({}): connections to the published port {} are reset",
            gateway.bind.by, published.port
        );
        let mut finding = verdicts
            .finding(Code::LoopbackBind, summary, gateway.bind.span.or(Some(published.span)))
            .about(gateway.process.subject());
        finding.places.extend(verdicts.model.place(PlaceRole::Related, published.span));
        finding
            .evidence
            .push("Docker accepts the connection and finds nobody at the container's address".to_owned());
        finding.remedy = listener::listen_on_all(gateway, verdicts);
        out.push_for([Cause::Bind(gateway.id)], finding);
    }
    let missed = |listens: &u16| *listens != published.target && client.reach != Reach::Unsure;
    if let Some(listens) = gateway.port.number.filter(missed) {
        let summary = format!(
            "host port {} leads to port {}, and {name} listens on {listens} ({})",
            published.port, published.target, gateway.port.by
        );
        let mut finding = verdicts
            .finding(Code::PublishedTargetWrong, summary, Some(published.span))
            .about(gateway.process.subject());
        if let Some(span) = gateway.port.span {
            finding.places.extend(verdicts.model.place(PlaceRole::Related, span));
        }
        let publisher = verdicts.model.namespace_owner(gateway.process).map_or(name, |owner| owner.name);
        finding.remedy = publish_right_port(published, listens, publisher, verdicts);
        out.push_for([Cause::Published(gateway.id)], finding);
    }
    let owner = verdicts.model.namespace_owner(gateway.process);
    let internal = owner.is_some_and(|owner| {
        !owner.networks.is_empty()
            && owner.networks.iter().all(|attachment| {
                verdicts
                    .model
                    .services
                    .networks
                    .get(attachment.network)
                    .is_some_and(|network| network.internal)
            })
    });
    if internal && !published.host_network {
        let summary = format!("{name} is on internal networks only: Docker publishes none of its ports");
        out.push(
            verdicts
                .finding(Code::InternalNetwork, summary, Some(published.span))
                .about(gateway.process.subject()),
        );
    }
    if published.host_network && verdicts.model.docker_vm {
        let summary = format!(
            "{name} is on the host network, which on a Mac is that of Docker's virtual machine, not of the Mac"
        );
        let mut finding = verdicts
            .finding(Code::HostNetworkOnMac, summary, Some(published.span))
            .about(gateway.process.subject());
        finding.confidence = Confidence::Inferred;
        finding.evidence.push(
            "Docker Desktop's \"Enable host networking\" (4.34 and later) and OrbStack forward such ports to the Mac"
                .to_owned(),
        );
        finding.remedy = Some(words("use a bridge network and publish 127.0.0.1:18789"));
        out.push(finding);
    }
}

/// Leads the published port to the port that is listened on, in a new container: the old one publishes as before.
fn publish_right_port(
    published: &Publication,
    listens: u16,
    publisher: &str,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let text = format!("lead the host port to {listens}");
    let written = verdicts.model.sources.expose(published.span);
    let wrong = format!(":{}", published.target);
    let bare = written.trim_end_matches(['"', '\'']).trim_end_matches("/tcp");
    if !bare.ends_with(&wrong) {
        return Some(words(text));
    }
    let span = published.span.part(bare.len() - wrong.len() + 1..bare.len());
    let edit = Edit::text(verdicts.model.sources, span, listens.to_string());
    Some(edits(text, vec![edit], Some(recreate(&[publisher], verdicts))))
}
