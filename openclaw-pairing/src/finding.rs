//! Findings and their codes. One table is the source for docs, README and JSON.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::evidence::Vantage;
use crate::words::{NAME, shown};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Works now, or hides something.
    Warning,
    /// No session until someone acts.
    Error,
}

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// The evidence fits this best.
    Inferred,
    /// The evidence says so itself.
    Observed,
}

macro_rules! codes {
    ($($variant:ident $code:literal $name:literal $severity:ident $doc:literal;)*) => {
        /// A finding's code. Codes are never renumbered or reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = concat!($code, " `", $name, "`: ", $doc)] $variant,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code itself, as people cite it.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The code's name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The severity of its findings.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// One line on what it means.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

codes! {
    OwnApproverMissing "OC-P101" "own-approver-missing" Error "a request waits and nobody who may approve is connected or named";
    MutualWait "OC-P102" "mutual-wait" Error "two clients wait for each other's approval";
    NeverAsks "OC-P103" "never-asks" Error "the client has no device identity, so it never creates a request";
    RequestIdChurn "OC-P104" "request-id-churn" Error "the request id changes with every command, so approving misses";
    RequestExpired "OC-P105" "request-expired" Error "the request expired before anyone decided";
    RequestRejected "OC-P106" "request-rejected" Error "a person rejected the request";
    ApproverLacksScope "OC-P107" "approver-lacks-scope" Error "the approver may not grant what is asked for";
    PendingApproval "OC-P108" "pending-approval" Error "the device waits for a person, and an approver exists";
    SplitState "OC-P110" "split-state" Error "two vantage points read different state directories";
    SplitIdentity "OC-P111" "split-identity" Error "one client shows up under two device identities";
    SplitGateway "OC-P112" "split-gateway" Error "two vantage points talk to different gateways";
    ListAsymmetry "OC-P113" "list-asymmetry" Error "two device lists differ and the evidence does not say why";
    LegacyStore "OC-P114" "legacy-store" Error "the request is looked for in a store that this gateway does not use";
    PairingLost "OC-P115" "pairing-lost" Error "approved devices vanish at a restart: the state is not on the volume";
    NatHidesLocal "OC-P120" "nat-hides-local" Error "a bridge or NAT makes a local client look remote, so approval is not silent";
    ScopeUpgrade "OC-P130" "scope-upgrade" Error "the device is approved for less than this command asks";
    ConnectedWithoutScope "OC-P131" "connected-without-scope" Error "the token is right and the session may do nothing";
    RoleUpgrade "OC-P132" "role-upgrade" Error "the role's token was revoked, or the role was never approved";
    MetadataUpgrade "OC-P133" "metadata-upgrade" Error "platform or device family changed since approval";
    SharedTokenFault "OC-P140" "shared-token-fault" Error "the shared token is wrong or missing; pairing is not the problem yet";
    DeviceTokenFault "OC-P141" "device-token-fault" Error "the device token is stale; the shared token is not the problem";
    LockedOut "OC-P142" "locked-out" Error "too many failures from one address: even the right token must wait";
    RestartMidPairing "OC-P150" "restart-mid-pairing" Error "a supervisor restarts the gateway while a request waits";
    BypassLeftBehind "OC-P160" "bypass-left-behind" Warning "an earlier fix switched a safeguard off and is still there";
    OriginRefused "OC-P170" "origin-refused" Error "the browser's origin or the proxy in front is refused before pairing";
    InsecureContext "OC-P171" "insecure-context" Error "the dashboard cannot make a device key on this page";
    ClockSkew "OC-P172" "clock-skew" Error "the device's clock is outside the gateway's window";
    ProtocolMismatch "OC-P173" "protocol-mismatch" Error "client and gateway share no protocol version";
    GatewayStarting "OC-P174" "gateway-starting" Warning "the gateway is starting or draining; pairing can wait";
    GatewayUnreachable "OC-P175" "gateway-unreachable" Error "no frame was ever exchanged; pairing is not the problem yet";
    IdentityRefused "OC-P176" "identity-refused" Error "the gateway refuses the device proof itself";
    StaleRows "OC-P180" "stale-rows" Info "paired devices that nobody has used for a month";
    StoreEditedByHand "OC-P181" "store-edited-by-hand" Warning "the pairing store was edited while the gateway owns it";
    Paired "OC-P190" "paired" Info "the device is approved with every scope it asks for";
    EvidenceLeftOut "OC-P197" "evidence-left-out" Info "more was given than is judged; of a log the newest part was";
    UnknownVersion "OC-P198" "unknown-version" Info "the gateway's version is unknown; the newest rules were used";
    NotEnoughEvidence "OC-P199" "not-enough-evidence" Warning "the evidence does not name a cause; the plan collects more";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id(), self.name())
    }
}

/// Where in the caller's texts a finding comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// What the place has to do with the finding.
    pub role: PlaceRole,
    /// The name that the caller gave the text.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Byte range in the text.
    pub span: [usize; 2],
}

/// What a place has to do with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceRole {
    /// This line decided.
    Decided,
    /// This line was overruled.
    Shadowed,
    /// This line goes with it.
    Related,
}

/// What to do about a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Remedy {
    /// One sentence.
    pub text: String,
    /// The command for this topology, ready to paste.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Whether it may be run without thinking.
    pub safety: Safety,
}

/// Whether a step or remedy may be carried out without thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Safety {
    /// Changes nothing, or is undone by the command beside it.
    Safe,
    /// Someone must agree first: it grants, removes or restarts something.
    Judgement,
    /// No command exists; a person does it.
    TextOnly,
}

/// Whom a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "kebab-case")]
pub enum Subject {
    /// The gateway, hence everybody who asks it.
    Gateway,
    /// Whoever asks from there.
    Vantage(Vantage),
    /// The device with this id.
    Device(String),
}

impl Subject {
    /// The device of an id as somebody wrote it.
    pub(crate) fn device(id: &str) -> Self {
        Self::Device(shown(id, NAME))
    }
}

/// One fact about a pairing, as every `openclaw-*` crate reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The code.
    pub code: Code,
    /// The code's name.
    pub name: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// One line, shown when only one fits.
    pub summary: String,
    /// Whom it is about.
    pub subject: Subject,
    /// Where it was seen.
    pub places: Vec<Place>,
    /// What was seen, quoted or in own words. No secret is ever in it.
    pub evidence: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The releases that the rule behind it holds for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
}

impl Finding {
    /// A finding with its code's own severity, observed, about the gateway, without places.
    pub fn new(code: Code, summary: impl Into<String>) -> Self {
        Self {
            code,
            name: code.name(),
            severity: code.severity(),
            confidence: Confidence::Observed,
            summary: summary.into(),
            subject: Subject::Gateway,
            places: Vec::new(),
            evidence: Vec::new(),
            remedy: None,
            versions: None,
        }
    }

    /// The same, concluded and not seen.
    #[must_use]
    pub fn inferred(mut self) -> Self {
        self.confidence = Confidence::Inferred;
        self
    }

    /// The same about somebody in particular.
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// The same with a place more.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    /// The place to open first.
    pub fn primary(&self) -> Option<&Place> {
        self.places.iter().find(|place| place.role == PlaceRole::Decided).or_else(|| self.places.first())
    }

    /// The finding with no more evidence and places than a person reads; of what is left out it says how much.
    #[must_use]
    pub(crate) fn in_brief(mut self) -> Self {
        let more = self.evidence.len().saturating_sub(MOST_EVIDENCE);
        let lines = self.places.len().saturating_sub(MOST_PLACES);
        self.evidence.truncate(MOST_EVIDENCE);
        self.places.truncate(MOST_PLACES);
        if more > 0 {
            self.evidence.push(format!("and {more} more like these"));
        }
        if lines > 0 {
            self.evidence.push(format!("seen in {lines} more lines"));
        }
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.summary)
    }
}

/// The most pieces of evidence of a finding.
const MOST_EVIDENCE: usize = 16;
/// The most places of a finding.
const MOST_PLACES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_lists_every_code() {
        let readme = include_str!("../README.md");
        for code in Code::ALL {
            let severity = format!("{:?}", code.severity()).to_lowercase();
            let row = format!("| {} | {} | {severity} | {} |", code.id(), code.name(), code.meaning());
            assert!(readme.contains(&row), "README.md lacks: {row}");
        }
    }

    #[test]
    fn codes_are_sorted_and_unique() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].id() < pair[1].id(), "{} before {}", pair[0], pair[1]);
        }
    }
}
