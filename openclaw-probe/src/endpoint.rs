//! The HTTP endpoints a gateway answers probes on, and since when.

use crate::rung::Rung;

/// One probe endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// The rung that asks it.
    pub rung: Rung,
    /// The path asked.
    pub path: &'static str,
    /// Another path with the same answer.
    pub alias: &'static str,
    /// The first release that has it. Older ones answer with the web UI's page.
    pub since: &'static str,
    /// What it says when all is well.
    pub good: &'static str,
    /// Where the row comes from.
    pub source: &'static str,
}

/// The table, by rung.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        rung: Rung::Liveness,
        path: "/healthz",
        alias: "/health",
        since: "2026.3.1",
        good: r#"{"ok":true,"status":"live"}"#,
        source: "OpenClaw 2026.9.6 observed behaviour; read in 2026.3.1, and not in 2026.2.26",
    },
    Endpoint {
        rung: Rung::Startup,
        path: "/startupz",
        alias: "/startup",
        since: "2026.8.1",
        good: r#"{"ok":true,"status":"started"}"#,
        source: "OpenClaw 2026.9.6 observed behaviour; read in 2026.8.1, and not in 2026.7.1 to 2026.7.35, whatever their docs say",
    },
    Endpoint {
        rung: Rung::Readiness,
        path: "/readyz",
        alias: "/ready",
        since: "2026.3.1",
        good: r#"{"ready":true}"#,
        source: "OpenClaw 2026.9.6 and 2026.4.15 observed behaviour; read from 2026.3.7 on, and with a status, always ready, in 2026.3.1",
    },
];

/// The endpoint that a rung asks.
pub(crate) fn of(rung: Rung) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| endpoint.rung == rung)
}
