//! The ladder of each client as the report shows it: its gates in causal order, each red one with the finding it rests on.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::finding::{Code, FindingId, Place};

use super::findings::Cause;
use super::model::names;
use super::model::namespaces::Namespace;
use super::model::processes::Process;
use super::model::urls;
use super::rules::TokenRuleId;
use super::verdict::Verdicts;
use super::verdict::clients::{Client, ClientKind};
use super::verdict::token::{self, Decision};

mod ladder;

/// The gates that the files of a stack can judge, in causal order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "the ticket has an arm for each")]
pub enum StackGate {
    /// The state directory and the configuration can be used by the processes.
    State,
    /// The gateway starts, and listens where this client's way leads.
    Listener,
    /// A published port leads to the listener. For clients outside the stack.
    Published,
    /// The client's URL, from the client's namespace, names the listener.
    Reach,
    /// What passes the client's way takes its upgrade to a WebSocket along, and the gateway believes whom it speaks for. For
    /// clients behind a proxy.
    Upgrade,
    /// The browser's origin is admitted and its context is secure.
    Origin,
    /// The secret the client sends is the one the gateway enforces.
    Auth,
}

/// What is known of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "the ticket has an arm for each")]
pub enum GateState {
    /// It lets the client through.
    Green,
    /// It stops the client.
    Red,
    /// Nothing given says which.
    Unknown,
}

/// One gate of one client.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct GateView {
    /// The gate.
    pub gate: StackGate,
    /// Open, shut, or not observed.
    pub state: GateState,
    /// Why, in a sentence without secrets.
    pub because: String,
    /// The code of the finding that a red gate rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// That finding: see [`Report::finding`](super::Report::finding).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<FindingId>,
    /// What decided it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// A proxy between a client and its gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProxyView {
    /// Who it is, for a person.
    pub who: String,
    /// The service that it is, where it is one of the stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// A client of the gateway.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ClientView {
    /// The service's name, `host` or `browser`.
    pub name: String,
    /// Where it stands.
    pub kind: ClientKind,
    /// The gateway it belongs to, by service name.
    pub gateway: String,
    /// The URL it will use, without credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What chose the URL: a variable, a key, a flag, or its own loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_from: Option<String>,
    /// The proxy that it comes through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyView>,
    /// The rule by which it chooses its token: see `rules/token.rs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_rule: Option<TokenRuleId>,
    /// The source that wins its token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_from: Option<String>,
    /// The letter of the value it sends: equal letters, equal values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_class: Option<String>,
    /// The one-line check, from a throw-away container, of the name in the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// Its gates in causal order. The first red one is its first cause.
    pub gates: Vec<GateView>,
}

impl ClientView {
    /// The first gate that stops this client.
    #[must_use]
    pub fn first_red(&self) -> Option<&GateView> {
        self.gates.iter().find(|gate| gate.state == GateState::Red)
    }
}

/// Shows a client with its gates.
pub(super) fn view(
    client: &Client<'_>,
    verdicts: &Verdicts<'_>,
    behind: &BTreeMap<Cause, FindingId>,
    letters: &mut token::Classes,
) -> ClientView {
    let gateway_name = client.gateway.name().to_owned();
    let url = match (&client.choice, &client.published, &client.planned) {
        (Some(choice), ..) => choice.url.as_ref().map(urls::Url::shown),
        (None, _, Some(planned)) => Some(planned.origin.clone()),
        (None, Some(published), None) if published.port != 0 => {
            Some(format!("ws://127.0.0.1:{}", published.port))
        }
        _ => None,
    };
    let decision = client.decision;
    let gates = ladder::Gates { client, verdicts, behind }.gates();
    ClientView {
        name: client.name.clone(),
        kind: client.kind,
        gateway: gateway_name,
        url,
        url_from: client.choice.map(|choice| choice.by.clone()),
        proxy: client
            .proxy
            .as_ref()
            .map(|proxy| ProxyView { who: proxy.who.clone(), service: proxy.service.clone() }),
        token_rule: decision.map(|decision| decision.rule.id),
        token_from: decision.and_then(|decision| Some(decision.winner()?.label.clone())),
        token_class: decision.and_then(Decision::value).map(|value| letters.letter(value)),
        check: check(client, verdicts),
        gates,
    }
}

/// The line that asks a throw-away container on the same network for the name in the URL.
fn check(client: &Client<'_>, verdicts: &Verdicts<'_>) -> Option<String> {
    let process = client.process?;
    let url = client.choice?.url.as_ref()?;
    let scheme = if url.secure { "https" } else { "http" };
    let target = format!("{scheme}://{}:{}/healthz", url.host, url.port);
    Some(match verdicts.model.namespaces.of.get(process.service.name)? {
        Namespace::Service(owner) if names::is_loopback(&url.host) => {
            format!(
                "docker run --rm --network \"container:$(docker compose ps -q {owner})\" busybox wget -qO- {target}"
            )
        }
        Namespace::Service(owner) => {
            let owner = verdicts.model.services.named(owner)?;
            let network =
                owner.networks.first().map(|attachment| verdicts.model.network_name(attachment.network))?;
            format!("docker run --rm --network {network} busybox wget -qO- {target}")
        }
        // On the host itself; on a Mac, a container on the host's network would ask from inside the virtual machine.
        Namespace::Host if process.service.is_on_host() || verdicts.model.docker_vm => {
            format!("curl -fsS {target}")
        }
        Namespace::Host => format!("docker run --rm --network host busybox wget -qO- {target}"),
        _ => return None,
    })
}

/// Running containers that are still what the files said before, and the gate at which that shows.
pub(super) struct Stale<'p> {
    pub(super) gate: StackGate,
    /// What they still have.
    pub(super) still: &'static str,
    /// By service, each with the code of its finding.
    pub(super) of: BTreeMap<&'p str, (&'p Process<'p>, Code)>,
}

/// Where a running container still has another secret or another port, what the files say is not yet so.
pub(super) fn apply_stale(view: &mut ClientView, stale: &Stale<'_>, behind: &BTreeMap<Cause, FindingId>) {
    let own = Some(view.name.as_str()).filter(|_| view.kind == ClientKind::Service);
    let concerned = std::iter::once(view.gateway.as_str()).chain(own);
    let about = concerned.filter_map(|service| stale.of.get(service)).min_by_key(|(process, _)| process.id);
    let Some((process, code)) = about else { return };
    for gate in view.gates.iter_mut().filter(|gate| gate.gate == stale.gate && gate.state == GateState::Green)
    {
        gate.state = GateState::Red;
        gate.code = Some(*code);
        gate.finding = behind.get(&Cause::Stale(process.id)).copied();
        gate.because = format!(
            "the files agree, and the running container of {} still {}",
            process.service.name, stale.still
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::edit;
    use crate::finding::{Code, Subject};
    use crate::openclaw::{Stack, examine};
    use crate::project::{self, Inputs, Texts};

    #[test]
    fn clients_on_one_anchor_rest_on_a_finding_each_and_their_remedies_come_as_one() {
        let compose = "
x-env: &env
  OPENCLAW_GATEWAY_URL: ws://127.0.0.1:18790
  OPENCLAW_GATEWAY_TOKEN: test-token-1
services:
  gateway:
    image: openclaw:2026.9.6
    command: [openclaw, gateway]
    environment: { OPENCLAW_GATEWAY_TOKEN: test-token-1 }
  a-cli:
    image: openclaw:2026.9.6
    entrypoint: [openclaw]
    network_mode: service:gateway
    environment: *env
  cli:
    image: openclaw:2026.9.6
    entrypoint: [openclaw]
    network_mode: service:gateway
    environment: *env
";
        let files = Texts::new().file("/srv/compose.yaml", compose);
        let resolution = project::resolve(&Inputs::new("/srv"), &files);
        let report = examine(&Stack::new(&resolution).files(&files));
        let behind = ["a-cli", "cli"].map(|name| {
            let gate = report.client(name).and_then(|client| client.first_red()).expect("a red gate");
            let finding = gate.finding.and_then(|id| report.finding(id)).expect("its finding");
            assert_eq!(finding.code, Code::WrongPort);
            assert_eq!(finding.subject, Subject::Client(name.to_owned()));
            assert!(finding.summary.starts_with(&format!("{name} dials")), "{}", finding.summary);
            finding
        });
        assert_eq!(behind[0].places, behind[1].places);
        let edits = behind.map(|finding| finding.remedy.clone().expect("a remedy").edits);
        let both = edit::apply(&edits.concat(), &report.sources).expect("they go together");
        assert_eq!(both.len(), 1, "{both:?}");
    }
}
