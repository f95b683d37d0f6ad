//! What one climb found out.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::clock::ClockSkew;
use crate::codes::Code;
use crate::finding::{Finding, Subject};
use crate::rung::Rung;
use crate::target::Target;

/// The ladder of one target, as far as it was climbed. A failed rung is data: a refused connection is a
/// successful probe.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProbeReport {
    /// Where was probed.
    pub target: Target,
    /// The highest rung that was asked for.
    pub upto: Rung,
    /// One entry for every rung up to `upto`, lowest first.
    pub rungs: Vec<RungResult>,
    /// What the gateway said about itself on the way.
    pub facts: Facts,
    /// Wall time of the whole climb; as fractional milliseconds in JSON. `None` where it is unknown: a container's own
    /// [tool](crate::tools) asked.
    #[serde(
        rename = "took_ms",
        skip_serializing_if = "Option::is_none",
        serialize_with = "optional_milliseconds"
    )]
    pub took: Option<Duration>,
}

/// What was learnt beside passed and failed. Nothing here is secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Facts {
    /// The address that answered; all rungs of one climb use the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// The gateway's release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Changes with every start of the gateway's process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// The wire protocol agreed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u32>,
    /// The scopes that the session was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Whether the token given for the HTTP question is the gateway's: `None` when it was not asked, or when the
    /// gateway tells everybody (a local caller).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_equal: Option<bool>,
    /// The gateway's clock against this one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockSkew>,
}

/// One rung.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RungResult {
    /// Which one.
    pub rung: Rung,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How long it took; as fractional milliseconds in JSON. `None` where it is unknown: the rung was skipped, or a
    /// container's own [tool](crate::tools) asked.
    #[serde(
        rename = "took_ms",
        skip_serializing_if = "Option::is_none",
        serialize_with = "optional_milliseconds"
    )]
    pub took: Option<Duration>,
    /// What was seen, one fact an entry. Never a secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// How a rung ended. Skipped is explicit: unreached is not failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed(Fault),
    /// It was not tried.
    Skipped {
        /// Why.
        because: Because,
    },
}

/// Why a rung was not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Because {
    /// A lower rung failed.
    LowerRungFailed,
    /// The target's scheme has no TLS.
    PlainTarget,
    /// The caller asked one question only.
    NotAsked,
    /// This gateway is older than the endpoint.
    EndpointAbsent,
    /// The prober has no authenticator.
    NoAuthenticator,
    /// No scope was asked for.
    NoScopesAsked,
    /// The authenticator's device is not known to be paired, and trying would create a request.
    DeviceNotKnownPaired,
    /// Earlier refusals used up the allowance of authentication attempts.
    AttemptsSpent,
    /// The token would go over plaintext to an address that is not loopback, and nobody
    /// [allowed](crate::ProberBuilder::allow_plaintext_token) that.
    TokenInPlaintext,
}

impl Because {
    /// Whether a climb that skipped a rung for this reason may still be called good.
    #[must_use]
    pub const fn is_benign(self) -> bool {
        matches!(self, Self::PlainTarget | Self::NotAsked | Self::EndpointAbsent | Self::NoScopesAsked)
    }

    /// A few words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::LowerRungFailed => "a lower rung failed",
            Self::PlainTarget => "no TLS on this target",
            Self::NotAsked => "not asked",
            Self::EndpointAbsent => "the gateway is older than this endpoint",
            Self::NoAuthenticator => "no token given",
            Self::NoScopesAsked => "no scope asked for",
            Self::DeviceNotKnownPaired => "the device is not known to be paired",
            Self::AttemptsSpent => "earlier refusals used up the attempts",
            Self::TokenInPlaintext => "the token would cross the network in plaintext",
        }
    }
}

/// What a rung gives to the next one, and what it saw.
pub(crate) type RungOutput<T> = Result<(T, Vec<String>), Fault>;

/// One thing that went wrong, as exactly one code.
///
#[doc = include_str!("../FAULTS.md")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fault {
    /// What it is.
    pub code: Code,
    /// What was seen, in one line. Never a secret.
    pub detail: String,
    /// How long the gateway asks to wait before the next try; as fractional milliseconds in JSON.
    #[serde(
        rename = "retry_after_ms",
        skip_serializing_if = "Option::is_none",
        serialize_with = "optional_milliseconds"
    )]
    pub retry_after: Option<Duration>,
}

impl Fault {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry_after: None }
    }
}

impl ProbeReport {
    pub(crate) fn new(target: &Target, upto: Rung) -> Self {
        Self {
            target: target.clone(),
            upto,
            rungs: Vec::with_capacity(upto as usize + 1),
            facts: Facts::default(),
            took: None,
        }
    }

    /// The result of one rung, when it is at or below the one asked for.
    #[must_use]
    pub fn rung(&self, rung: Rung) -> Option<&RungResult> {
        self.rungs.iter().find(|result| result.rung == rung)
    }

    /// The highest rung that passed: how far up the stack the gateway is alive.
    #[must_use]
    pub fn highest(&self) -> Option<Rung> {
        self.rungs.iter().rev().find(|result| result.outcome == Outcome::Passed).map(|result| result.rung)
    }

    /// The first rung that failed, with its fault: the diagnosis.
    #[must_use]
    pub fn first_fault(&self) -> Option<(Rung, &Fault)> {
        self.rungs.iter().find_map(|result| match &result.outcome {
            Outcome::Failed(fault) => Some((result.rung, fault)),
            _ => None,
        })
    }

    /// The rung that decides: the first that failed, or that could not be tried for a reason that is not benign.
    #[must_use]
    pub fn first_unproven(&self) -> Option<Rung> {
        self.deciding().map(|result| result.rung)
    }

    /// The code of the rung that decides, when it has one.
    pub(crate) fn deciding_code(&self) -> Option<Code> {
        self.deciding().and_then(code)
    }

    fn deciding(&self) -> Option<&RungResult> {
        self.rungs.iter().find(|result| match result.outcome {
            Outcome::Passed => false,
            Outcome::Failed(_) => true,
            Outcome::Skipped { because } => !because.is_benign(),
        })
    }

    /// Whether everything that was asked for holds.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.first_unproven().is_none()
    }

    /// 0 when everything asked for holds, else the [exit code](Rung::exit_code) of the rung that decides.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.first_unproven().map_or(0, Rung::exit_code)
    }

    /// The faults, attempts not made, and a clock too far off, as findings; the diagnosis first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> =
            self.rungs.iter().filter_map(|result| self.finding(result)).collect();
        if self.is_token_unequal() {
            let evidence =
                vec![format!("{}: no version in the answer to a request with the token", self.target)];
            findings.push(Finding::of(Code::TokenUnequal, evidence).inferred());
        }
        findings.extend(self.facts.clock.and_then(|clock| clock.finding(self.facts.version.as_deref())));
        let about = Subject::Target(self.target.to_string());
        findings.into_iter().map(|finding| finding.about(about.clone())).collect()
    }

    /// Every code that belongs to a rung, with that rung.
    pub(crate) fn codes(&self) -> impl Iterator<Item = (Rung, Code)> {
        let unequal = self.is_token_unequal().then_some((Rung::Startup, Code::TokenUnequal));
        let of_rungs = self.rungs.iter().filter_map(|result| Some((result.rung, code(result)?)));
        of_rungs.chain(unequal)
    }

    fn finding(&self, result: &RungResult) -> Option<Finding> {
        let seen = match &result.outcome {
            Outcome::Failed(fault) => fault.detail.as_str(),
            Outcome::Skipped { because } => because.words(),
            Outcome::Passed => return None,
        };
        let mut evidence = vec![format!("{} at rung {}: {seen}", self.target, result.rung)];
        evidence.extend(result.evidence.iter().cloned());
        Some(Finding::of(code(result)?, evidence))
    }

    fn is_token_unequal(&self) -> bool {
        self.facts.token_equal == Some(false)
    }
}

/// The code of a rung, when there is something to say of it.
const fn code(result: &RungResult) -> Option<Code> {
    match &result.outcome {
        Outcome::Failed(fault) => Some(fault.code),
        Outcome::Skipped { because: Because::AttemptsSpent } => Some(Code::AttemptsSpent),
        Outcome::Skipped { because: Because::TokenInPlaintext } => Some(Code::TokenInPlaintext),
        _ => None,
    }
}

/// Whether two rungs, one above the other, share a line.
fn are_skipped_alike(one: &RungResult, next: &RungResult) -> bool {
    matches!(one.outcome, Outcome::Skipped { .. }) && one.outcome == next.outcome
}

/// One line a rung, those skipped for one reason together, and what follows; for a terminal or a log.
impl std::fmt::Display for ProbeReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.target)?;
        if let Some(version) = &self.facts.version {
            write!(f, "  (OpenClaw {version})")?;
        }
        for alike in self.rungs.chunk_by(are_skipped_alike) {
            let Some((last, before)) = alike.split_last() else { continue };
            let rung = last.rung;
            let took = last.took.map_or_else(
                || "unknown".to_owned(),
                |took| format!("{:.1} ms", took.as_secs_f64() * 1000.0),
            );
            match &last.outcome {
                Outcome::Passed => write!(f, "\n  ok    {rung:<10} {took:>11}")?,
                Outcome::Failed(fault) => {
                    write!(f, "\n  FAIL  {rung:<10} {took:>11}  {}: {}", fault.code, fault.detail)?;
                }
                Outcome::Skipped { because } => {
                    let rungs = before
                        .first()
                        .map_or_else(|| rung.to_string(), |first| format!("{} to {rung}", first.rung));
                    write!(f, "\n  -     {rungs:<22}  skipped: {}", because.words())?;
                }
            }
            if last.outcome != Outcome::Passed {
                continue;
            }
            for (index, line) in last.evidence.iter().enumerate() {
                write!(f, "{}{line}", if index == 0 { "  " } else { "; " })?;
            }
        }
        for (index, finding) in self.findings().iter().enumerate() {
            let code = finding.code;
            match code {
                Code::TokenUnequal | Code::ClockSkew => {
                    write!(f, "\n  also  {code}: {}", finding.evidence.join("; "))?;
                }
                _ if index > 0 => write!(f, "\n  also  {code}")?,
                _ => {}
            }
            write!(f, "\n  means {}\n  next  {}", code.meaning(), code.next_step())?;
        }
        Ok(())
    }
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn optional_milliseconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_f64(time.as_secs_f64() * 1000.0),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_from_the_lowest_rung_up() {
        let target = "127.0.0.1".parse().expect("a target");
        let mut report = ProbeReport::new(&target, Rung::Challenge);
        let skipped = |because| Outcome::Skipped { because };
        let starting = Outcome::Failed(Fault::new(Code::Starting, "status \"starting\""));
        let took = |ms| Some(Duration::from_millis(ms));
        for (rung, outcome, took) in [
            (Rung::Resolve, Outcome::Passed, None),
            (Rung::Tcp, Outcome::Passed, took(12)),
            (Rung::Tls, skipped(Because::PlainTarget), None),
            (Rung::Liveness, skipped(Because::NotAsked), None),
            (Rung::Startup, starting, took(1_234)),
            (Rung::Readiness, skipped(Because::LowerRungFailed), None),
            (Rung::Upgrade, skipped(Because::LowerRungFailed), None),
            (Rung::Challenge, skipped(Because::LowerRungFailed), None),
        ] {
            report.rungs.push(RungResult { rung, outcome, took, evidence: Vec::new() });
        }
        expect_test::expect![[r#"
            ws://127.0.0.1:18789
              ok    resolve        unknown
              ok    tcp            12.0 ms
              -     tls                     skipped: no TLS on this target
              -     liveness                skipped: not asked
              FAIL  startup      1234.0 ms  OC-H400 starting: status "starting"
              -     readiness to challenge  skipped: a lower rung failed
              means The gateway is alive and still starting.
              next  Wait; starting is not failing. A start takes 8 to 30 s, a first one longer."#]]
        .assert_eq(&report.to_string());
    }
}
