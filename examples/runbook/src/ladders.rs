//! How far up the gateway answers from where each client stands: on this host, and inside the containers with the Node that
//! their images have.
//!
//! A ladder is kept as `runbook probe --upto readiness --format json` prints it. Only HTTP is asked, and without the token: no
//! line of it comes into the gateway's log, and nothing has to be let in.

use std::collections::BTreeMap;
use std::time::Duration;

use openclaw_compose::docker;
use openclaw_compose::openclaw::{ClientKind, ClientView};
use openclaw_probe::{Budget, ProbeReport, Rung, Target, Vantage, tools};
use schemars::JsonSchema;
use serde::Serialize;

use crate::captured::Text;
use crate::{interrupt, output, probing};

/// The highest rung that a look climbs to.
const UP_TO: Rung = Rung::Readiness;
/// How long this host may take for one gateway.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most gateways that are dialled from this host.
const MOST: usize = 16;

/// How far up the gateway answers from where one client stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ladder {
    /// The client.
    pub client: String,
    /// Where it stands: `inside` the gateway's namespace, beside it as a `sibling`, or on the `host`.
    #[schemars(with = "String")]
    pub from: Vantage,
    /// The address that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The highest rung that holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<String>,
    /// The first rung that does not, and what is wrong there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// How far ahead of this host's clock the gateway's is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// Why it was not climbed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_climbed: Option<String>,
}

/// The gateway's clock against this host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Clock {
    /// Gateway minus here, in milliseconds.
    pub ahead_ms: i64,
    /// The true value lies within this many of it.
    pub error_ms: i64,
}

impl Ladder {
    /// The ladder in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let place = match self.from {
            Vantage::Host => String::new(),
            place => format!(", {}", place.words()),
        };
        let mut sentence = format!("{}{place}: ", self.client);
        if let Some(why) = &self.not_climbed {
            sentence.push_str("not climbed, ");
            sentence.push_str(why);
            return sentence;
        }
        let target = self.target.as_deref().unwrap_or_default();
        sentence.push_str(&format!("{target} up to {}", self.up_to.as_deref().unwrap_or("nothing")));
        if let Some(fault) = &self.fault {
            sentence.push_str(&format!(", then {fault}"));
        }
        if let Some(Clock { ahead_ms, error_ms }) = self.clock {
            let way = if ahead_ms < 0 { "behind" } else { "ahead of" };
            let apart = ahead_ms.unsigned_abs();
            sentence.push_str(&format!("; its clock is {apart} ms {way} this one (\u{b1} {error_ms} ms)"));
        }
        sentence
    }
}

/// What is run in the container of each service that asks a gateway.
pub(crate) fn commands(clients: &[ClientView]) -> BTreeMap<String, Vec<String>> {
    let asks =
        |client: &ClientView| Some((client.name.clone(), tools::node_command(&target(client)?, UP_TO)));
    clients.iter().filter(|client| client.kind == ClientKind::Service).filter_map(asks).collect()
}

/// The ladders of the services whose containers answered those commands.
pub(crate) fn from_containers(clients: &[ClientView], asked: &docker::Evidence) -> Vec<(String, Text)> {
    let ladder = |client: &ClientView| {
        let answer = asked.answers.get(&client.name)?;
        // Masked while it is whole: a report keeps the beginning of long words.
        let report = tools::read_node(&target(client)?, UP_TO, &output::json(answer.expose()));
        printed(client, &report)
    };
    clients.iter().filter(|client| client.kind == ClientKind::Service).filter_map(ladder).collect()
}

/// The ladders of this host, by the ports that are published on its loopback.
pub(crate) fn from_here(clients: &[ClientView]) -> Vec<(String, Text)> {
    let hosts = clients.iter().filter(|client| client.kind == ClientKind::Host);
    let hosts: Vec<(&ClientView, Target)> = hosts
        .filter_map(|client| Some((client, target(client)?)))
        .filter(|(_, target)| is_loopback(target))
        .take(MOST)
        .collect();
    let prober = probing::prober().budget(Budget::total(PATIENCE)).build();
    let (false, Ok(prober)) = (hosts.is_empty(), prober) else { return Vec::new() };
    output::show_waits("waiting for the gateway as this host sees it");
    let climbs =
        hosts.iter().map(async |(client, target)| printed(client, &prober.climb(target, UP_TO).await));
    let ladders = interrupt::wait(futures_util::future::join_all(climbs));
    output::show_waits("");
    ladders.into_iter().flatten().flatten().collect()
}

fn target(client: &ClientView) -> Option<Target> {
    client.url.as_deref()?.parse().ok()
}

fn is_loopback(target: &Target) -> bool {
    target.host() == "localhost" || target.address().is_some_and(|address| address.is_loopback())
}

/// A ladder as `runbook probe` prints it.
fn printed(client: &ClientView, report: &ProbeReport) -> Option<(String, Text)> {
    let shown = serde_json::json!({ "report": report, "findings": report.findings() });
    let text = serde_json::to_string(&shown).ok()? + "\n";
    Some((client.name.clone(), Text::new(format!("ladder of {}", client.name), text)))
}
