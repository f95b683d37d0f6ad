#![allow(
    clippy::exhaustive_enums,
    reason = "a program that acts on codes must not compile without a new one"
)]
#![doc = include_str!("../CODES.md")]

use std::fmt;

use serde::{Serialize, Serializer};

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
    BypassLeftBehind "OC-P160" "safeguard-off" Warning "an earlier fix switched a safeguard off and is still there";
    OriginRefused "OC-P170" "origin-refused" Error "the browser's origin is refused before pairing";
    InsecureContext "OC-P171" "page-without-device-key" Error "the dashboard cannot make a device key on this page";
    ClockSkew "OC-P172" "clock-skew" Error "the device's clock is outside the gateway's window";
    ProtocolMismatch "OC-P173" "protocol-mismatch" Error "client and gateway share no protocol version";
    GatewayStarting "OC-P174" "gateway-starting" Warning "the gateway is starting or draining; pairing can wait";
    GatewayUnreachable "OC-P175" "gateway-unreachable" Error "no frame was ever exchanged; pairing is not the problem yet";
    IdentityRefused "OC-P176" "identity-refused" Error "the gateway refuses the device proof itself";
    ProxyUntrusted "OC-P177" "proxy-untrusted" Error "the gateway cannot tell for whom the proxy in front speaks";
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_unique() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].id() < pair[1].id(), "{} before {}", pair[0], pair[1]);
        }
    }

    /// `UPDATE_EXPECT=1 cargo test` writes the page anew.
    #[test]
    fn the_page_lists_every_code() {
        let mut page = String::from(
            "# Codes\n\nWhat a finding is about. A code is never renumbered, never reused and never changes its meaning.\n\n\
             | code | name | severity | meaning |\n| --- | --- | --- | --- |\n",
        );
        for code in Code::ALL {
            let severity = format!("{:?}", code.severity()).to_lowercase();
            page += &format!("| `{}` | `{}` | {severity} | {} |\n", code.id(), code.name(), code.meaning());
        }
        expect_test::expect_file!["../CODES.md"].assert_eq(&page);
    }
}
