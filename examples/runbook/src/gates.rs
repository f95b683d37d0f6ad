//! The gates between a client and an authenticated session, in causal order, and how claims about them are judged.
//!
//! A claim is what one piece of evidence says about one gate. [`judge`] makes the gates of them for each client: the
//! first red gate is that client's first cause, the gates above it are blocked, and what nobody observed is unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::errors::did_you_mean;
use crate::finding::Confidence;

/// One gate on the way to an authenticated session. Ordered as they are passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// Project, configuration and state directory can be used by the process.
    State,
    /// The gateway listens where its clients will look.
    Listener,
    /// A published port leads to that listener.
    Published,
    /// The client's URL, seen from the client's network namespace, names that listener.
    Reach,
    /// `/healthz` answers as a gateway does.
    Liveness,
    /// `/startupz` says started.
    Startup,
    /// `/readyz` says ready.
    Readiness,
    /// The WebSocket upgrade is granted and the challenge arrives.
    Upgrade,
    /// The browser's origin is allowed and its context is secure.
    Origin,
    /// The credential the client sends is the one the gateway enforces.
    Auth,
    /// The gateway knows the device.
    Pairing,
    /// The granted scopes cover what the client needs.
    Scopes,
    /// Hello, with scopes: the end state.
    Session,
}

/// What is fixed about a gate.
struct Row {
    gate: Gate,
    key: &'static str,
    title: &'static str,
    clients: &'static [Kind],
    shown_by: &'static str,
}

const EVERY: &[Kind] = &[Kind::Service, Kind::Browser, Kind::Host, Kind::App];
const OUTSIDE: &[Kind] = &[Kind::Browser, Kind::Host, Kind::App];

/// The gates in causal order: the one table behind names, `--through`, documents and rendering.
const GATES: &[Row] = &[
    Row {
        gate: Gate::State,
        key: "state",
        title: "state usable",
        clients: EVERY,
        shown_by: "the stack's files, ownership.txt or docker inspect",
    },
    Row {
        gate: Gate::Listener,
        key: "listener",
        title: "listener (bind)",
        clients: EVERY,
        shown_by: "openclaw.json and the compose file",
    },
    Row {
        gate: Gate::Published,
        key: "published",
        title: "published port",
        clients: OUTSIDE,
        shown_by: "the compose file",
    },
    Row {
        gate: Gate::Reach,
        key: "reach",
        title: "namespace and URL",
        clients: EVERY,
        shown_by: "the compose file",
    },
    Row {
        gate: Gate::Liveness,
        key: "liveness",
        title: "liveness",
        clients: EVERY,
        shown_by: "the gateway's log or docker inspect",
    },
    Row {
        gate: Gate::Startup,
        key: "startup",
        title: "startup",
        clients: EVERY,
        shown_by: "the gateway's log",
    },
    Row {
        gate: Gate::Readiness,
        key: "readiness",
        title: "readiness",
        clients: EVERY,
        shown_by: "the gateway's log",
    },
    Row {
        gate: Gate::Upgrade,
        key: "upgrade",
        title: "upgrade and challenge",
        clients: EVERY,
        shown_by: "the gateway's log or a live probe",
    },
    Row {
        gate: Gate::Origin,
        key: "origin",
        title: "origin, secure context",
        clients: &[Kind::Browser],
        shown_by: "openclaw.json and the published ports",
    },
    Row {
        gate: Gate::Auth,
        key: "auth",
        title: "gateway auth",
        clients: EVERY,
        shown_by: "openclaw.json, .env and the compose file",
    },
    Row {
        gate: Gate::Pairing,
        key: "pairing",
        title: "pairing",
        clients: EVERY,
        shown_by: "a device list or the logs",
    },
    Row {
        gate: Gate::Scopes,
        key: "scopes",
        title: "scopes",
        clients: EVERY,
        shown_by: "a device list or the logs",
    },
    Row {
        gate: Gate::Session,
        key: "session",
        title: "authenticated session",
        clients: EVERY,
        shown_by: "a device list with the device connected, or a live probe",
    },
];

impl Gate {
    /// Every gate, in causal order.
    pub fn all() -> impl Iterator<Item = Self> {
        GATES.iter().map(|row| row.gate)
    }

    fn row(self) -> &'static Row {
        // The table is in the order of the enum; a test holds them together.
        &GATES[self as usize]
    }

    /// The word that `--through` takes.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.row().key
    }

    /// The name in the ticket.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// What evidence shows this gate, for the person who has to fetch it.
    #[must_use]
    pub fn shown_by(self) -> &'static str {
        self.row().shown_by
    }

    /// Whether a client of this kind passes this gate at all.
    #[must_use]
    pub fn applies_to(self, kind: Kind) -> bool {
        self.row().clients.contains(&kind)
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

impl std::str::FromStr for Gate {
    type Err = UnknownGate;

    fn from_str(text: &str) -> Result<Self, UnknownGate> {
        Self::all()
            .find(|gate| gate.key() == text)
            .ok_or_else(|| UnknownGate { near: did_you_mean(text, Self::all().map(Self::key)) })
    }
}

/// A word that names no gate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such gate{near}; the gates are state, listener, published, reach, liveness, startup, readiness, upgrade, origin, auth, pairing, scopes, session"
)]
pub struct UnknownGate {
    /// `; did you mean GATE?`, or nothing.
    near: String,
}

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A service of the stack, usually the CLI.
    Service,
    /// A browser that opens a published URL.
    Browser,
    /// A program on the Docker host.
    Host,
    /// An app or a node elsewhere, which only a log or a device list shows.
    App,
}

/// A client of the gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Client {
    /// Where it stands.
    pub kind: Kind,
    /// Service name, `browser`, `host`, or the client's id on the wire.
    pub name: String,
    /// The URL it will use, where that is known. Never holds credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Whom a claim is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The gateway itself, hence every client.
    Everyone,
    /// One client by name.
    Client(String),
}

impl Whom {
    pub(crate) fn covers(&self, client: &Client) -> bool {
        match self {
            Self::Everyone => true,
            Self::Client(name) => *name == client.name,
        }
    }
}

/// What one piece of evidence says about one gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The gate.
    pub gate: Gate,
    /// The clients.
    pub whom: Whom,
    /// What it says.
    pub says: Says,
    /// Seen or concluded. An inferred pass is no green.
    pub confidence: Confidence,
    /// The reason in a few words, with its source.
    pub because: String,
}

/// A finding of a ticket, by its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct FindingId(usize);

impl FindingId {
    /// The finding at this place of the list.
    #[must_use]
    pub const fn at(index: usize) -> Self {
        Self(index)
    }

    /// Its place in the list.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

/// What a claim says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Says {
    /// The gate is passed.
    Pass,
    /// The gate is shut, for the reason in this finding.
    Fail(FindingId),
    /// Evidence that should show the gate was given, and cannot be judged.
    Unreadable,
}

/// How a gate stands for one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Observed to be passed.
    Green,
    /// Shut. The first red gate is the first cause.
    Red,
    /// A red gate comes before it.
    Blocked,
    /// Nobody looked, or nobody could tell.
    Unknown,
}

impl State {
    /// The word in the ticket; a reader without colour must see it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Green => "ok",
            Self::Red => "RED",
            Self::Blocked => "blocked",
            Self::Unknown => "?",
        }
    }
}

/// How one gate of a client stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GateStatus {
    /// The gate.
    pub gate: Gate,
    /// How it stands.
    pub state: State,
    /// Findings that shut this gate; on a blocked gate, what will show up next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingId>,
    /// Why it stands so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// Evidence that should have shown this gate was given and could not be judged.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unjudged: bool,
}

/// A client's gates in causal order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClientGates {
    /// Whose.
    pub client: Client,
    /// The gates that this kind of client passes, in order.
    #[serde(rename = "rungs")]
    pub gates: Vec<GateStatus>,
}

impl ClientGates {
    /// The first red gate: the first cause of this client.
    #[must_use]
    pub fn first_red(&self) -> Option<&GateStatus> {
        self.gates.iter().find(|status| status.state == State::Red)
    }
}

/// Makes the gates of one client out of everything that was claimed.
///
/// - A gate that anything shuts is red, unless all that shuts it is inferred and a pass was observed.
/// - It is green only if a pass was observed.
/// - After the first red gate every gate is blocked, whatever was claimed about it.
#[must_use]
pub fn judge<'c>(client: Client, claims: impl IntoIterator<Item = &'c Claim>) -> ClientGates {
    let mut mine: BTreeMap<Gate, Vec<&Claim>> = BTreeMap::new();
    for claim in claims.into_iter().filter(|claim| claim.whom.covers(&client)) {
        mine.entry(claim.gate).or_default().push(claim);
    }
    let mut blocked = false;
    let gates = Gate::all()
        .filter(|gate| gate.applies_to(client.kind))
        .map(|gate| {
            let mut status = status(gate, mine.get(&gate).map_or(&[], Vec::as_slice));
            if blocked {
                status.state = State::Blocked;
                status.unjudged = false;
                status.because.clear();
            } else if status.state == State::Red {
                blocked = true;
            }
            status
        })
        .collect();
    ClientGates { client, gates }
}

fn status(gate: Gate, claims: &[&Claim]) -> GateStatus {
    let seen = |claim: &&Claim| claim.confidence == Confidence::Observed;
    let passes: Vec<_> = claims.iter().filter(|claim| claim.says == Says::Pass).collect();
    let shut: Vec<_> = claims.iter().filter(|claim| matches!(claim.says, Says::Fail(_))).collect();
    let unreadable: Vec<_> = claims.iter().filter(|claim| claim.says == Says::Unreadable).collect();

    let observed_pass = passes.iter().any(|claim| seen(claim));
    let contradicted = observed_pass && !shut.iter().any(|claim| seen(claim));
    let (state, basis) = if !shut.is_empty() && !contradicted {
        (State::Red, shut)
    } else if !unreadable.is_empty() && !observed_pass {
        (State::Unknown, unreadable)
    } else if observed_pass {
        (State::Green, passes.into_iter().filter(|claim| seen(claim)).collect())
    } else {
        (State::Unknown, passes)
    };
    let mut findings = Vec::new();
    let mut because: Vec<String> = Vec::new();
    let (mut named, mut said) = (BTreeSet::new(), BTreeSet::new());
    for claim in &basis {
        if let Says::Fail(finding) = claim.says
            && named.insert(finding)
        {
            findings.push(finding);
        }
        if !claim.because.is_empty() && said.insert(&claim.because) {
            because.push(claim.because.clone());
        }
    }
    if state == State::Unknown && because.is_empty() {
        because.push(format!("not observed; shown by {}", gate.shown_by()));
    }
    let unjudged = state == State::Unknown && basis.iter().any(|claim| claim.says == Says::Unreadable);
    GateStatus { gate, state, findings, because, unjudged }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cli() -> Client {
        Client { kind: Kind::Service, name: "openclaw-cli".into(), url: None }
    }

    fn claim(gate: Gate, says: Says, confidence: Confidence) -> Claim {
        Claim { gate, whom: Whom::Everyone, says, confidence, because: String::new() }
    }

    fn state_of(client: &ClientGates, gate: Gate) -> State {
        client.gates.iter().find(|status| status.gate == gate).unwrap().state
    }

    #[test]
    fn a_slip_leads_to_the_gate_that_was_meant() {
        let said = "sesion".parse::<Gate>().unwrap_err().to_string();
        assert!(said.starts_with("no such gate; did you mean session?; the gates are"), "{said}");
    }

    #[test]
    fn the_table_is_in_the_order_of_the_gates() {
        for (index, row) in GATES.iter().enumerate() {
            assert_eq!(row.gate as usize, index);
            assert_eq!(row.key.parse::<Gate>(), Ok(row.gate));
            assert!("none".parse::<Gate>().unwrap_err().to_string().contains(row.key));
        }
    }

    #[test]
    fn nothing_observed_is_unknown_everywhere() {
        let client = judge(cli(), &[]);
        assert!(client.gates.iter().all(|status| status.state == State::Unknown && !status.unjudged));
        assert!(client.first_red().is_none());
    }

    #[test]
    fn gates_after_the_first_red_are_blocked_even_if_claimed_green() {
        let claims = [
            claim(Gate::State, Says::Pass, Confidence::Observed),
            claim(Gate::Reach, Says::Fail(FindingId(0)), Confidence::Observed),
            claim(Gate::Liveness, Says::Pass, Confidence::Observed),
            claim(Gate::Auth, Says::Fail(FindingId(1)), Confidence::Observed),
        ];
        let client = judge(cli(), &claims);
        assert_eq!(state_of(&client, Gate::State), State::Green);
        assert_eq!(state_of(&client, Gate::Listener), State::Unknown);
        assert_eq!(client.first_red().unwrap().gate, Gate::Reach);
        assert_eq!(state_of(&client, Gate::Liveness), State::Blocked);
        let auth = client.gates.iter().find(|status| status.gate == Gate::Auth).unwrap();
        assert_eq!((auth.state, auth.findings.as_slice()), (State::Blocked, &[FindingId(1)][..]));
    }

    #[test]
    fn an_inferred_pass_is_never_green() {
        let client = judge(cli(), &[claim(Gate::State, Says::Pass, Confidence::Inferred)]);
        assert_eq!(state_of(&client, Gate::State), State::Unknown);
    }

    #[test]
    fn an_observed_pass_outweighs_an_inferred_fail_but_never_an_observed_one() {
        let pass = claim(Gate::State, Says::Pass, Confidence::Observed);
        let guess = claim(Gate::State, Says::Fail(FindingId(0)), Confidence::Inferred);
        let fact = claim(Gate::State, Says::Fail(FindingId(0)), Confidence::Observed);
        assert_eq!(state_of(&judge(cli(), &[pass.clone(), guess]), Gate::State), State::Green);
        assert_eq!(state_of(&judge(cli(), &[pass, fact]), Gate::State), State::Red);
    }

    #[test]
    fn evidence_that_cannot_be_judged_is_marked() {
        let client = judge(cli(), &[claim(Gate::Pairing, Says::Unreadable, Confidence::Observed)]);
        let pairing = client.gates.iter().find(|status| status.gate == Gate::Pairing).unwrap();
        assert!(pairing.unjudged);
        assert_eq!(pairing.state, State::Unknown);
    }

    #[test]
    fn a_service_passes_no_published_port_and_no_origin() {
        let client = judge(cli(), &[]);
        assert!(!client.gates.iter().any(|status| matches!(status.gate, Gate::Published | Gate::Origin)));
    }
}
