//! The keys of `openclaw.json` that decide whether a gateway starts, and what some of them take.
//!
//! The schema of every release is strict: a key that it does not have is refused (2026.2.26 to 2026.9.6, observed; read from
//! 2026.1.29 on). The ranges are from the wording of the packages' schemas; what the schema of a release of each month says, and
//! what it answers to good and bad files, is in `tests/configs`, which `examples/live/configs` writes. Keys that a later release
//! gave up are kept here: it takes them out itself when the gateway starts, so nothing is said about them.

use super::version::{Version, Versions};

/// The keys at the top of the file, of every release: those that the schemas of 2026.3.28 to 2026.9.6 name, and those that an older
/// release knows or carries over (read in 2026.1.29 to 2026.3.2). One that is not among them is refused by all.
pub(crate) const TOP_KEYS: &[&str] = &[
    "$include",
    "$schema",
    "accessGroups",
    "acp",
    "agent",
    "agents",
    "approvals",
    "attachments",
    "audio",
    "audit",
    "auth",
    "bindings",
    "broadcast",
    "browser",
    "canvasHost",
    "channels",
    "cli",
    "cloudWorkers",
    "commands",
    "commitments",
    "crestodian",
    "cron",
    "desktop",
    "diagnostics",
    "discord",
    "discovery",
    "env",
    "gateway",
    "heartbeat",
    "hooks",
    "identity",
    "imessage",
    "logging",
    "marketplaces",
    "mcp",
    "media",
    "memory",
    "memorySearch",
    "messages",
    "meta",
    "models",
    "msteams",
    "nodeHost",
    "plugins",
    "proxy",
    "routing",
    "secrets",
    "security",
    "session",
    "signal",
    "skills",
    "slack",
    "surfaces",
    "talk",
    "telegram",
    "telemetry",
    "tools",
    "transcripts",
    "tts",
    "tui",
    "ui",
    "update",
    "web",
    "whatsapp",
    "wizard",
    "worktreeAcceleration",
    "worktreeRoot",
];
/// The newest release whose schema has been seen. A later one may know more keys at the top.
pub(crate) const NEWEST_SCHEMA: Version = Version::new(2026, 9, 6);

/// Keys that came into the schema with one release.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRule {
    /// The releases whose schema has them.
    pub(crate) versions: Versions,
    /// Paths below `gateway`; `*` stands for any name.
    pub(crate) keys: &'static [&'static str],
}

const fn since(year: u16, month: u8, patch: u16, keys: &'static [&'static str]) -> KeyRule {
    KeyRule { versions: Versions::since(Version::new(year, month, patch)), keys }
}

/// The keys below `gateway`, oldest first (read in the schemas of all releases from 2026.1.29 to 2026.9.6).
pub(crate) const GATEWAY_KEYS: &[KeyRule] = &[
    KeyRule {
        versions: Versions::ALL,
        keys: &[
            "auth",
            "auth.allowTailscale",
            "auth.mode",
            "auth.password",
            "auth.token",
            "bind",
            "controlUi",
            "controlUi.allowInsecureAuth",
            "controlUi.basePath",
            "controlUi.dangerouslyDisableDeviceAuth",
            "controlUi.enabled",
            "customBindHost",
            "http",
            "http.endpoints",
            "http.endpoints.chatCompletions",
            "http.endpoints.chatCompletions.enabled",
            "http.endpoints.responses",
            "http.endpoints.responses.enabled",
            "http.endpoints.responses.files",
            "http.endpoints.responses.files.allowUrl",
            "http.endpoints.responses.files.allowedMimes",
            "http.endpoints.responses.files.maxBytes",
            "http.endpoints.responses.files.maxChars",
            "http.endpoints.responses.files.maxRedirects",
            "http.endpoints.responses.files.pdf",
            "http.endpoints.responses.files.pdf.maxPages",
            "http.endpoints.responses.files.pdf.maxPixels",
            "http.endpoints.responses.files.pdf.minTextChars",
            "http.endpoints.responses.files.timeoutMs",
            "http.endpoints.responses.images",
            "http.endpoints.responses.images.allowUrl",
            "http.endpoints.responses.images.allowedMimes",
            "http.endpoints.responses.images.maxBytes",
            "http.endpoints.responses.images.maxRedirects",
            "http.endpoints.responses.images.timeoutMs",
            "http.endpoints.responses.maxBodyBytes",
            "mode",
            "nodes",
            "nodes.allowCommands",
            "nodes.browser",
            "nodes.browser.mode",
            "nodes.browser.node",
            "nodes.denyCommands",
            "port",
            "reload",
            "reload.debounceMs",
            "reload.mode",
            "remote",
            "remote.password",
            "remote.sshIdentity",
            "remote.sshTarget",
            "remote.tlsFingerprint",
            "remote.token",
            "remote.transport",
            "remote.url",
            "tailscale",
            "tailscale.mode",
            "tailscale.resetOnExit",
            "tls",
            "tls.autoGenerate",
            "tls.caPath",
            "tls.certPath",
            "tls.enabled",
            "tls.keyPath",
            "trustedProxies",
        ],
    },
    since(2026, 2, 2, &["controlUi.allowedOrigins", "controlUi.root"]),
    since(
        2026,
        2,
        12,
        &[
            "http.endpoints.responses.files.urlAllowlist",
            "http.endpoints.responses.images.urlAllowlist",
            "http.endpoints.responses.maxUrlParts",
        ],
    ),
    since(
        2026,
        2,
        17,
        &[
            "auth.rateLimit",
            "auth.rateLimit.exemptLoopback",
            "auth.rateLimit.lockoutMs",
            "auth.rateLimit.maxAttempts",
            "auth.rateLimit.windowMs",
            "auth.trustedProxy",
            "auth.trustedProxy.allowUsers",
            "auth.trustedProxy.requiredHeaders",
            "auth.trustedProxy.userHeader",
            "channelHealthCheckMinutes",
            "tools",
            "tools.allow",
            "tools.deny",
        ],
    ),
    since(2026, 2, 21, &["allowRealIpFallback"]),
    since(
        2026,
        2,
        23,
        &[
            "controlUi.dangerouslyAllowHostHeaderOriginFallback",
            "http.securityHeaders",
            "http.securityHeaders.strictTransportSecurity",
        ],
    ),
    since(
        2026,
        3,
        2,
        &[
            "auth.password.id",
            "auth.password.provider",
            "auth.password.source",
            "remote.password.id",
            "remote.password.provider",
            "remote.password.source",
            "remote.token.id",
            "remote.token.provider",
            "remote.token.source",
        ],
    ),
    since(
        2026,
        3,
        7,
        &[
            "auth.token.id",
            "auth.token.provider",
            "auth.token.source",
            "http.endpoints.chatCompletions.images",
            "http.endpoints.chatCompletions.images.allowUrl",
            "http.endpoints.chatCompletions.images.allowedMimes",
            "http.endpoints.chatCompletions.images.maxBytes",
            "http.endpoints.chatCompletions.images.maxRedirects",
            "http.endpoints.chatCompletions.images.timeoutMs",
            "http.endpoints.chatCompletions.images.urlAllowlist",
            "http.endpoints.chatCompletions.maxBodyBytes",
            "http.endpoints.chatCompletions.maxImageParts",
            "http.endpoints.chatCompletions.maxTotalImageBytes",
        ],
    ),
    since(
        2026,
        3,
        13,
        &["push", "push.apns", "push.apns.relay", "push.apns.relay.baseUrl", "push.apns.relay.timeoutMs"],
    ),
    since(
        2026,
        3,
        22,
        &["channelMaxRestartsPerHour", "channelStaleEventThresholdMinutes", "reload.deferralTimeoutMs"],
    ),
    since(2026, 4, 1, &["webchat", "webchat.chatHistoryMaxChars"]),
    since(2026, 4, 11, &["controlUi.allowExternalEmbedUrls", "controlUi.embedSandbox"]),
    since(2026, 4, 24, &["nodes.pairing", "nodes.pairing.autoApproveCidrs"]),
    since(2026, 4, 27, &["auth.trustedProxy.allowLoopback"]),
    since(2026, 4, 29, &["handshakeTimeoutMs"]),
    since(2026, 5, 2, &["controlUi.chatMessageMaxWidth"]),
    since(2026, 5, 12, &["tailscale.preserveFunnel"]),
    since(2026, 5, 18, &["remote.enabled", "remote.remotePort"]),
    since(2026, 6, 1, &["tailscale.serviceName"]),
    since(
        2026,
        7,
        1,
        &[
            "remote.sshHostKeyPolicy",
            "terminal",
            "terminal.detachedSessionTimeoutSeconds",
            "terminal.enabled",
            "terminal.shell",
        ],
    ),
    since(
        2026,
        8,
        1,
        &[
            "auth.identityScopes",
            "auth.identityScopes.*",
            "auth.trustedProxy.deviceAutoApprove",
            "auth.trustedProxy.deviceAutoApprove.enabled",
            "auth.trustedProxy.deviceAutoApprove.scopes",
            "cliAgents",
            "cliAgents.enabled",
            "controlUi.automaticallyFetchFavicons",
            "controlUi.environment",
            "controlUi.environment.color",
            "controlUi.environment.label",
            "controlUi.github",
            "controlUi.github.token",
            "controlUi.github.token.id",
            "controlUi.github.token.provider",
            "controlUi.github.token.source",
            "controlUi.sessionObserver",
            "controlUi.toolTitles",
            "nodes.allowSkills",
            "nodes.commands",
            "nodes.commands.allow",
            "nodes.commands.deny",
            "nodes.pairing.autoApproveLocal",
            "nodes.pairing.sshVerify",
            "nodes.pairing.sshVerify.cidrs",
            "nodes.pairing.sshVerify.identity",
            "nodes.pairing.sshVerify.timeoutMs",
            "nodes.pairing.sshVerify.user",
            "nodes.pluginTools",
            "nodes.pluginTools.enabled",
            "publicOrigin",
            "remote.edgeAuth",
            "remote.edgeAuth.*",
            "remote.edgeAuth.*.id",
            "remote.edgeAuth.*.provider",
            "remote.edgeAuth.*.source",
            "roles",
            "roles.default",
            "roles.definitions",
            "roles.definitions.*",
            "roles.definitions.*.agents",
            "roles.definitions.*.sandbox",
            "roles.definitions.*.scopes",
            "roles.definitions.*.sessions",
            "roles.definitions.*.sessions.others",
        ],
    ),
    since(
        2026,
        9,
        2,
        &["controlUi.communityInvite", "controlUi.experimental", "controlUi.experimental.customPlugins"],
    ),
    since(
        2026,
        9,
        6,
        &[
            "auth.trustedProxy.cloudflareAccessOidc",
            "auth.trustedProxy.cloudflareAccessOidc.githubAccountIdClaim",
            "auth.trustedProxy.cloudflareAccessOidc.issuer",
            "auth.trustedProxy.cloudflareAccessOidc.providerId",
            "portals",
            "portals.ingress",
            "portals.ingress.domain",
            "portals.ingress.port",
            "roles.definitions.*.accessPolicyPlugin",
        ],
    ),
    // Carried over to `gateway.auth.token` when the file is loaded.
    KeyRule { versions: Versions::before(Version::new(2026, 4, 1)), keys: &["token"] },
];

/// Keys below `gateway` that are on or off.
pub(crate) const SWITCHES: &[&str] = &[
    "allowRealIpFallback",
    "auth.allowTailscale",
    "controlUi.allowInsecureAuth",
    "controlUi.dangerouslyAllowHostHeaderOriginFallback",
    "controlUi.dangerouslyDisableDeviceAuth",
    "controlUi.enabled",
    "tailscale.resetOnExit",
    "tls.autoGenerate",
    "tls.enabled",
];

/// Keys below `gateway` that hold a list.
pub(crate) const LISTS: &[&str] = &["controlUi.allowedOrigins", "trustedProxies"];

/// Keys below `gateway` that hold a text, or from some release on an object that says where the text is.
pub(crate) const SECRETS: &[&str] = &["auth.password", "auth.token", "remote.password", "remote.token"];

/// The highest port that a release takes for one in its configuration: none up to 2026.7.1, which then cannot listen there; 65535 in
/// 2026.8.2 (both observed).
#[must_use]
pub(crate) fn highest_port(version: Option<Version>) -> f64 {
    if Versions::since(V2026_8_1).holds_for(version) { 65535.0 } else { f64::INFINITY }
}

/// The words that a key takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WordRule {
    /// The path below `gateway`.
    pub(crate) key: &'static str,
    /// The words.
    pub(crate) words: &'static [&'static str],
    /// Words of an earlier time that the release carries over by itself when it loads the file.
    pub(crate) migrated: &'static [&'static str],
    /// For which releases.
    pub(crate) versions: Versions,
}

const V2026_2_17: Version = Version::new(2026, 2, 17);
const V2026_2_19: Version = Version::new(2026, 2, 19);
const V2026_3_1: Version = Version::new(2026, 3, 1);
const V2026_8_1: Version = Version::new(2026, 8, 1);
/// The modes of `gateway.bind` and `--bind`.
pub(crate) const BINDS: &[&str] = &["loopback", "lan", "tailnet", "auto", "custom"];
/// Addresses that a later release takes for a bind mode.
const BIND_ADDRESSES: &[&str] = &["0.0.0.0", "::", "[::]", "*", "127.0.0.1", "localhost", "::1", "[::1]"];

const fn words(key: &'static str, versions: Versions, words: &'static [&'static str]) -> WordRule {
    WordRule { key, words, migrated: &[], versions }
}

/// Closed sets of words below `gateway` (read in the schemas of all releases from 2026.1.29 to 2026.9.6).
pub(crate) const GATEWAY_WORDS: &[WordRule] = &[
    words("mode", Versions::ALL, &["local", "remote"]),
    // Reported for 2026.2.2 and 2026.2.19: an address is `Invalid input`.
    words("bind", Versions::before(V2026_3_1), BINDS),
    // Observed on 2026.9.6: `0.0.0.0` is written anew as `lan` when the gateway starts.
    WordRule { key: "bind", words: BINDS, migrated: BIND_ADDRESSES, versions: Versions::since(V2026_3_1) },
    words("auth.mode", Versions::before(V2026_2_17), &["token", "password"]),
    words("auth.mode", Versions::between(V2026_2_17, V2026_2_19), &["token", "password", "trusted-proxy"]),
    words("auth.mode", Versions::since(V2026_2_19), &["token", "password", "trusted-proxy", "none"]),
    words("reload.mode", Versions::before(V2026_8_1), &["off", "restart", "hot", "hybrid"]),
    // Read in 2026.9.6: both older words become `hybrid`.
    WordRule {
        key: "reload.mode",
        words: &["off", "hybrid"],
        migrated: &["restart", "hot"],
        versions: Versions::since(V2026_8_1),
    },
    words("tailscale.mode", Versions::ALL, &["off", "serve", "funnel"]),
];

/// The words that a key takes in `version`; nothing where it takes any.
#[must_use]
pub(crate) fn word_rule(key: &str, version: Option<Version>) -> Option<&'static WordRule> {
    GATEWAY_WORDS.iter().find(|rule| rule.key == key && rule.versions.holds_for(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_has_two_rows_and_no_word_two_rules_of_one_release() {
        let mut keys: Vec<&str> = GATEWAY_KEYS.iter().flat_map(|rule| rule.keys).copied().collect();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all);
        for version in
            [Version::new(2026, 1, 29), V2026_2_17, V2026_2_19, V2026_3_1, Version::new(2026, 9, 6)]
        {
            for key in ["mode", "bind", "auth.mode", "reload.mode", "tailscale.mode"] {
                let rules = GATEWAY_WORDS.iter().filter(|rule| rule.key == key);
                assert_eq!(rules.filter(|rule| rule.versions.holds_for(Some(version))).count(), 1, "{key}");
            }
        }
    }
}
