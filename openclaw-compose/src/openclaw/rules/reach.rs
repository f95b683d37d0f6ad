//! Where a gateway listens, which hosts a client dials without TLS, and which pages may open a socket.

use super::version::{Basis, Version, Versions};

const V2026_2_2: Version = Version::new(2026, 2, 2);
const V2026_2_19: Version = Version::new(2026, 2, 19);
const V2026_2_23: Version = Version::new(2026, 2, 23);
const V2026_3_1: Version = Version::new(2026, 3, 1);
const V2026_3_31: Version = Version::new(2026, 3, 31);
const V2026_4_7: Version = Version::new(2026, 4, 7);
const V2026_5_18: Version = Version::new(2026, 5, 18);
const V2026_8_1: Version = Version::new(2026, 8, 1);

/// Where a client's URL came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UrlSource {
    /// `--url` in the command.
    Flag,
    /// `OPENCLAW_GATEWAY_URL`, or a name that release read as such.
    Env,
    /// `gateway.remote.url`, only in mode `remote`.
    RemoteUrl,
    /// `ws(s)://127.0.0.1:PORT` of its own namespace.
    Loopback,
}

/// What `gateway.bind: auto`, or no bind, means inside a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AutoBind {
    /// 127.0.0.1, as on a host.
    Loopback,
    /// All interfaces.
    AllInterfaces,
}

/// One row of [`AUTO_BIND`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct AutoBindRule {
    /// Where it listens.
    pub(crate) bind: AutoBind,
    /// For which releases.
    pub(crate) versions: Versions,
    /// How that range is known.
    #[allow(dead_code, reason = "for those who read the table")]
    pub(crate) basis: Basis,
    /// Where it was seen.
    pub(crate) citation: &'static str,
}

/// `auto` in a container.
pub(crate) const AUTO_BIND: [AutoBindRule; 2] = [
    AutoBindRule {
        bind: AutoBind::Loopback,
        versions: Versions::before(V2026_4_7),
        basis: Basis::Code,
        citation: "read in 2026.1.29 to 2026.4.5",
    },
    AutoBindRule {
        bind: AutoBind::AllInterfaces,
        versions: Versions::since(V2026_4_7),
        basis: Basis::Code,
        citation: "observed on 2026.9.6; read from 2026.4.7 on",
    },
];

/// `auto` in a container of `version`.
#[must_use]
pub(crate) fn auto_bind(version: Option<Version>) -> &'static AutoBindRule {
    AUTO_BIND.iter().find(|rule| rule.versions.holds_for(version)).unwrap_or(&AUTO_BIND[1])
}

/// Which hosts a client may dial over plaintext `ws://`, before any socket is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlaintextRule {
    /// Private, CGNAT, link-local and ULA literals, `*.local` and tailnet names.
    pub(crate) private: bool,
    /// Names other than those and `localhost`, Compose service names among them.
    pub(crate) other_names: bool,
    /// The variable that admits both, where the release has one.
    pub(crate) break_glass: Option<&'static str>,
    /// For which releases.
    pub(crate) versions: Versions,
    /// How that range is known.
    #[allow(dead_code, reason = "for those who read the table")]
    pub(crate) basis: Basis,
    /// Where it was seen.
    pub(crate) citation: &'static str,
}

const BREAK_GLASS: Option<&str> = Some("OPENCLAW_ALLOW_INSECURE_PRIVATE_WS");

/// The plaintext gate. Loopback is always admitted.
pub(crate) const PLAINTEXT: [PlaintextRule; 4] = [
    PlaintextRule {
        private: true,
        other_names: true,
        break_glass: None,
        versions: Versions::before(V2026_2_19),
        basis: Basis::Code,
        citation: "read in 2026.1.29 to 2026.2.17: there is no such gate",
    },
    PlaintextRule {
        private: false,
        other_names: false,
        break_glass: None,
        versions: Versions::between(V2026_2_19, V2026_3_1),
        basis: Basis::Code,
        citation: "read in 2026.2.19 to 2026.2.26: loopback alone is admitted",
    },
    PlaintextRule {
        private: false,
        other_names: false,
        break_glass: BREAK_GLASS,
        versions: Versions::between(V2026_3_1, V2026_5_18),
        basis: Basis::Code,
        citation: "read in 2026.3.1 to 2026.5.12: loopback alone is admitted without the variable",
    },
    PlaintextRule {
        private: true,
        other_names: false,
        break_glass: BREAK_GLASS,
        versions: Versions::since(V2026_5_18),
        basis: Basis::Code,
        citation: "observed on 2026.9.6; read from 2026.5.18 on",
    },
];

/// The plaintext gate of `version`.
#[must_use]
pub(crate) fn plaintext(version: Option<Version>) -> &'static PlaintextRule {
    PLAINTEXT.iter().find(|rule| rule.versions.holds_for(version)).unwrap_or(&PLAINTEXT[3])
}

/// What a non-loopback gateway does when no browser origin is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origins {
    /// No origin check yet.
    Unchecked,
    /// It admits an origin that equals the Host header of the request.
    HostHeader,
    /// It refuses to start.
    Required,
    /// It admits `http://localhost:PORT` and `http://127.0.0.1:PORT` with its own, internal port.
    Seeded,
}

/// One row of [`ORIGINS`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct OriginRule {
    /// What happens.
    pub(crate) origins: Origins,
    /// For which releases.
    pub(crate) versions: Versions,
    /// How that range is known.
    #[allow(dead_code, reason = "for those who read the table")]
    pub(crate) basis: Basis,
    /// Where it was seen.
    pub(crate) citation: &'static str,
}

/// Browser origins when none is configured.
pub(crate) const ORIGINS: [OriginRule; 4] = [
    OriginRule {
        origins: Origins::Unchecked,
        versions: Versions::before(V2026_2_2),
        basis: Basis::Code,
        citation: "read in 2026.1.29 to 2026.2.1",
    },
    OriginRule {
        origins: Origins::HostHeader,
        versions: Versions::between(V2026_2_2, V2026_2_23),
        basis: Basis::Code,
        citation: "read in 2026.2.2 to 2026.2.22",
    },
    OriginRule {
        origins: Origins::Required,
        versions: Versions::between(V2026_2_23, V2026_3_1),
        basis: Basis::Code,
        citation: "read in 2026.2.23 to 2026.2.26",
    },
    OriginRule {
        origins: Origins::Seeded,
        versions: Versions::since(V2026_3_1),
        basis: Basis::Code,
        citation: "observed on 2026.9.6; read from 2026.3.1 on (up to 2026.5.7 they are written into openclaw.json, too)",
    },
];

/// The origin rule of `version`.
#[must_use]
pub(crate) fn origins(version: Option<Version>) -> &'static OriginRule {
    ORIGINS.iter().find(|rule| rule.versions.holds_for(version)).unwrap_or(&ORIGINS[3])
}

/// Whether `*` in the list of origins admits every one (read in 2026.2.26 and 2026.3.1).
#[must_use]
pub(crate) fn any_origin(version: Option<Version>) -> bool {
    Versions::since(V2026_3_1).holds_for(version)
}

/// Whether a page on a private address, a `*.local` or a tailnet name is admitted if its origin equals the Host header of the
/// request, listed or not (read in 2026.5.12 and 2026.5.18).
#[must_use]
pub(crate) fn private_same_origin(version: Option<Version>) -> bool {
    Versions::since(V2026_5_18).holds_for(version)
}

/// Whether a page whose own address is a loopback one counts as local where the Host header is a loopback one, too: later only
/// the peer counts (read in 2026.3.28 and 2026.3.31).
#[must_use]
pub(crate) fn local_by_host(version: Option<Version>) -> bool {
    Versions::before(V2026_3_31).holds_for(version)
}

/// Whether forwarding headers from an untrusted peer are refused (read in 2026.7.1 and 2026.8.1, observed on 2026.9.6).
#[must_use]
pub(crate) fn proxy_attribution_required(version: Option<Version>) -> bool {
    Versions::since(V2026_8_1).holds_for(version)
}
