//! The runbook's own codes, for what only it can see, and which gate each code of every crate shuts.

use crate::finding::{self, Confidence, Finding, Severity, Subject};
use crate::gates::Gate;

macro_rules! codes {
    ($($variant:ident $id:literal $name:literal $severity:ident $meaning:literal)*) => {
        /// What the runbook reports about its evidence. Everything else is a crate's finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as people cite it: `OC-R…` and three digits.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// The name in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How bad it is by itself.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// One line that says what it means.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    EvidenceUnreadable "OC-R101" "evidence-unreadable" Warning "A captured file is there and cannot be read."
    ChangeUnfinished "OC-R103" "change-unfinished" Error "An earlier run was stopped while it changed files, and left the change half done."
    StateRefused "OC-R201" "gateway-log-eacces" Error "The gateway's log says that it may not use its state directory."
    ConfigurationRefused "OC-R202" "gateway-log-configuration" Error "The gateway's log says that its configuration is missing or broken."
    ListenerRefused "OC-R203" "gateway-log-listener" Error "The gateway's log says that it could not listen."
    CredentialRefused "OC-R204" "gateway-log-credential" Error "The gateway's log says that it refused its own credential."
    DiskFull "OC-R205" "gateway-log-disk-full" Error "The gateway's log says that the disk with its state is full."
    StateLeased "OC-R206" "gateway-log-state-leased" Error "The gateway's log says that its state directory is leased to another gateway."
    LoopbackSeen "OC-R207" "gateway-log-loopback" Error "The gateway's log says that it listens on loopback alone, and its files say otherwise."
    VariableUnset "OC-R208" "gateway-log-variable-unset" Error "The gateway's log says that a variable of its configuration is not set."
    StateOfNewerRelease "OC-R209" "gateway-log-newer-state" Error "The gateway's log says that its state was written by a newer release."
    PathRefused "OC-R210" "gateway-log-path" Error "The gateway's log says that it may not use a path, or that there is none."
    Ended "OC-R211" "gateway-log-ended" Error "The gateway's log ends with an error."
    Stopped "OC-R212" "gateway-log-stopped" Error "The gateway's log ends with its service manager having stopped it."
    JobDown "OC-R213" "job-down" Error "launchd shows that the gateway's job does not run."
    NoGateway "OC-R301" "stack-without-gateway" Error "No service of the stack runs the gateway."
}

impl Code {
    /// A finding of this code, observed, about the stack, without places.
    #[must_use]
    pub fn finding(self, summary: impl Into<String>) -> Finding {
        Finding {
            code: finding::Code::Runbook(self),
            name: self.name(),
            severity: self.severity(),
            confidence: Confidence::Observed,
            summary: summary.into(),
            subject: Subject::Stack,
            places: Vec::new(),
            evidence: Vec::new(),
            remedy: None,
            versions: None,
        }
    }
}

/// The gate that a finding shuts: only errors shut one.
#[must_use]
pub fn shut_by(finding: &Finding) -> Option<Gate> {
    if finding.severity == Severity::Error { gate_of(finding.code) } else { None }
}

/// The gate that a code is about, if it is about one.
#[must_use]
pub fn gate_of(code: finding::Code) -> Option<Gate> {
    match code {
        finding::Code::Token(code) => token(code),
        finding::Code::Compose(code) => compose(code),
        finding::Code::Pairing(code) => pairing(code),
        finding::Code::Probe(code) => probe(code),
        finding::Code::Runbook(code) => runbook(code),
    }
}

/// The gate of each code of a crate. A `match` over its enum: a new code does not compile without a row here, be it that
/// it stands beside the gates.
macro_rules! gates {
    ($(#[$doc:meta])* $of:ident($code:path): $($gate:expr => $($name:ident)+;)+) => {
        $(#[$doc])*
        const fn $of(code: $code) -> Option<Gate> {
            use $code as C;
            match code { $($(C::$name)|+ => $gate,)+ }
        }
    };
}

gates! {
    /// Who wins is openclaw-compose's to say; a token's own flaws and its record stand beside the gates.
    token(openclaw_token::Code):
    None =>
        EmptyToken UndefinedLiteral PlaceholderToken RedactionMarker UnexpandedVariable ByteOrderMark
        WrappingQuotes InnerWhitespace ControlCharacter OverlongToken TrailingCarriageReturn EdgeWhitespace
        NonAscii HazardousCharacter ShortToken WeakToken NoToken TokensDiffer DiffersByWhitespace
        DiffersByQuotes DiffersByCase DiffersByByteOrderMark NotFrozen TokenDrift FrozenTokenLost PlaceMissing
        PlaceUnrecorded ImageDrift AuthModelRollback ImageUnpinned ClockBackwards KeyUnknown LedgerEdited
        LedgerBroken LedgerTruncated LedgerTorn LedgerNewer RecordWithoutEntry EntryWithoutRecord;
}

gates! {
    /// A stack that Compose refuses starts nothing. What openclaw-compose knows about gates it says client by client; only what
    /// the containers show is added here.
    compose(openclaw_compose::finding::Code):
    Some(Gate::State) =>
        FileNotFound FileUnreadable NotUtf8 NotAFile LinkLeadsOut NameDiffersByCase ReadLimit YamlSyntax DuplicateKey KeyNotString
        UnknownAnchor AliasCycle BadMergeKey YamlDialect YamlLimit NotAMapping DotenvSyntax DotenvUnusable
        BadTemplate RequiredVariable UnsetVariable BadCast OldBoolean ExpansionLimit NoComposeFile
        SeveralComposeFiles BadProjectName BadSetting MergeConflict ExtendsUnknownService ExtendsBadFile
        ExtendsCycle ExtendsLimit IncludeConflict IncludeCycle IncludeInvalid RemoteResource IncludeLimit
        UnknownKey BadResourceName WrongType NotOneOf MissingKey RepeatedItem OutOfRange NotFinite BadPort
        BadVolume BadDuration BadValue NoImage NetworkModeAndNetworks UndefinedResource UndefinedService
        DependencyCycle BadHealthcheck ConflictingFields BadSource EnvFileMissing EnvFileFormat ObsoleteVersion
        DeprecatedExternal DriveLetterVolume RandomHostPort NullHidesEnvFile;
    Some(Gate::Liveness) =>
        StopGraceTooShort RestartLoop ContainerExited OutOfMemory HostPortTaken MountRefused
        EntrypointRefused NeverStarted WaitsForUnhealthy;
    None =>
        ComposeReleasesDiffer PodmanComposeDiffers RunsAsAnotherProject DeadNamespace OwnLoopback LoopbackBind NoSharedNetwork NameNotResolvable WrongPort PlaintextRefused
        UrlWithoutCredentials UrlVariableNotRead DisabledProfile StrandedByRestart InternalNetwork
        BindWithoutAuth BindImplicit BindConflict ExposedBeyondLoopback OriginNotAllowed InsecureContext
        TrustedProxiesMissing TrustedProxiesWrong ProxyWithoutUpgrade ProxyBasePath PublishedTargetWrong PlaintextBreakGlass NoNetwork
        HostPortClosed BypassLeftBehind RemoteUrlIgnored SchemeMismatch OriginsRequired ClientThroughProxy
        HostNetworkOnMac BadGatewayUrl NoGateway PortVariableNotRead Ipv6NotListened SilentOverride SourcesDisagree
        TokenEmptyAfterInterpolation ConfigPlaceholderUnfilled SecretRefMissing TokenMangled
        TokenVariableNotRead TokenFileNotRead StateDotenvShadow NoTokenConfigured ClientWithoutToken
        AuthAmbiguous ProxyAndToken AuthOff ServiceDefinitionDiffers RefusedTokenText TokenInCommand UidDrift
        MixedUids NestedStateDir SplitStateDir StateMountMissed HostPathInEnvironment ThrowAwayIdentity
        RootMountByEmptyVariable StateNotPersisted LegacyStateDir StateReadOnly SingleFileMount
        ProfileSecretsNotMounted ListingUnreadable SelinuxLabel IdMapUnreadable ImageNotPinned MovingTag
        RestartLoops NoRestartPolicy MemoryTooLow NoMemoryLimit NoHealthcheck HealthcheckWrongPort
        HealthcheckProcessOnly HealthcheckShortStart HealthcheckAnyAnswer GatewayWaitsForSidecar AuthModelChange MixedVersions UnattendedUpgrade
        VersionUnknown TwoSupervisors StaleToken StaleEnvironment StaleContainer Unhealthy ContainerMissing InspectUnreadable
        EngineUnreachable EvidenceIncomplete EngineInfoUnreadable SecondMinter TokenInCheckout ConfigSyntax
        ConfigInclude ModeMissing ConfigMissing ConfigNotGiven
        ConfigUnknownKey ConfigValueRefused
        SharedPort SharedStateDir StateOnFileSharing WrongGateway;
}

gates! {
    pairing(openclaw_pairing::Code):
    Some(Gate::Pairing) =>
        OwnApproverMissing MutualWait NeverAsks RequestIdChurn RequestExpired RequestRejected ApproverLacksScope
        PendingApproval SplitState SplitIdentity SplitGateway ListAsymmetry LegacyStore PairingLost
        NatHidesLocal RoleUpgrade MetadataUpgrade RestartMidPairing;
    Some(Gate::Scopes) =>
        ScopeUpgrade ConnectedWithoutScope;
    Some(Gate::Auth) =>
        SharedTokenFault DeviceTokenFault LockedOut ClockSkew IdentityRefused;
    Some(Gate::Origin) =>
        OriginRefused InsecureContext;
    Some(Gate::Upgrade) =>
        ProtocolMismatch ProxyUntrusted;
    Some(Gate::Startup) =>
        GatewayStarting;
    Some(Gate::Reach) =>
        GatewayUnreachable;
    None =>
        BypassLeftBehind StaleRows StoreEditedByHand Paired EvidenceLeftOut UnknownVersion NotEnoughEvidence;
}

gates! {
    /// By the rung that failed, and refusals by what was refused. Supervisors stand beside the gates.
    probe(openclaw_probe::Code):
    Some(Gate::Reach) =>
        NameNotFound NameLookupTimeout ConnectionRefused ConnectTimeout HostUnreachable ConnectionReset
        ClosedWithoutAnswer NetworkFailure TlsNotCompiled TlsNotSpoken CertificateExpired CertificateNotYetValid
        CertificateNameMismatch CertificateUnknownIssuer CertificateInvalid TlsRefused TlsTimeout TlsClosed
        NetworkApart DeadEverywhere DifferentGateways SameFaultEverywhere OutsideDegraded;
    Some(Gate::Liveness) =>
        HttpTimeout NotHttp HtmlInsteadOfJson NotTheGateway Unauthorized Forbidden ProxyAttributionRequired
        Redirected BadGateway PathNotFound ServiceUnavailable UnexpectedStatus BodyTooLarge AnswerTruncated
        HeaderTooLarge;
    Some(Gate::Startup) =>
        Starting Draining StateUnreadable;
    Some(Gate::Readiness) =>
        NotReady;
    Some(Gate::Upgrade) =>
        UpgradeIgnored UpgradeInvalid UpgradeTimeout ChallengeTimeout ChallengeUnreadable FrameTooLarge
        FrameBinary FrameInvalid ConnectionLost ClosedNormally ClosedProtocol ClosedPolicy ClosedTooLarge
        ClosedInternal ClosedRestart ClosedTryLater ClosedAuthChanged ClosedOther;
    Some(Gate::Auth) =>
        HelloTimeout TokenMismatch TokenMissing DeviceRequired LockedOut ProtocolMismatch DeviceProofRefused
        DeviceClock HelloUnreadable ConnectRefused CredentialUnavailable AttemptsSpent TokenUnequal
        TokenInPlaintext DeviceTokenStale SetupCodeRefused;
    Some(Gate::Pairing) =>
        PairingRequired;
    Some(Gate::Origin) =>
        OriginNotAllowed;
    Some(Gate::Scopes) =>
        ScopeMissing DeviceTokenNarrow;
    Some(Gate::Listener) =>
        LoopbackBind;
    Some(Gate::Published) =>
        NotPublished;
    Some(Gate::Session) =>
        GateDeadline;
    None =>
        ClockSkew Flapping DefinitionUnreadable RestartsConfigError StopTimeTooShort SecretEmbedded PathStale
        ThrottleMissing LogsDiscarded NeedsLogin RunsAsRoot;
}

gates! {
    /// What the files hold now is judged as it is; that they may change again stands beside the gates.
    runbook(Code):
    Some(Gate::State) =>
        StateRefused ConfigurationRefused DiskFull StateLeased VariableUnset StateOfNewerRelease PathRefused;
    Some(Gate::Listener) =>
        ListenerRefused LoopbackSeen NoGateway;
    Some(Gate::Liveness) =>
        Ended Stopped JobDown;
    Some(Gate::Auth) =>
        CredentialRefused;
    None =>
        EvidenceUnreadable ChangeUnfinished;
}
