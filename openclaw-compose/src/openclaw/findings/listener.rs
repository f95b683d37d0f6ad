//! Does the gateway start, and on which interfaces: refusals, binds that contradict each other, exposure.

use crate::finding::{Code, Severity};
use crate::openclaw::findings::{Cause, Findings};
use crate::openclaw::model::config;
use crate::openclaw::model::names;
use crate::openclaw::rules;
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::listener::{Auth, Gateway, RefusalKind, Scope};
use crate::openclaw::verdict::token::{self, Content};

use super::remedies;

/// A start refusal as code and sentence.
pub(crate) fn describe(why: &RefusalKind, gateway: &Gateway<'_>) -> (Code, String) {
    let name = gateway.name();
    let secret = match gateway.secret {
        token::Secret::Token => "token",
        token::Secret::Password => "password",
    };
    match why {
        RefusalKind::ConfigMissing => {
            (Code::ConfigMissing, format!("{name} finds no openclaw.json and is not told to start without one (exit 78)"))
        }
        RefusalKind::ConfigSyntax(error) => (
            Code::ConfigSyntax,
            format!("openclaw.json is no JSON5: {error}; the gateway reports that as a missing gateway.mode (exit 78)"),
        ),
        RefusalKind::ConfigInclude(error) => (Code::ConfigInclude, format!("an $include of openclaw.json is refused: {error}")),
        RefusalKind::ModeMissing => {
            (Code::ModeMissing, format!("openclaw.json has no gateway.mode: {name} refuses to start (exit 78)"))
        }
        RefusalKind::ModeRemote => {
            (Code::ModeMissing, format!("gateway.mode is not local: {name} refuses to be a gateway (exit 78)"))
        }
        RefusalKind::NoSecret => {
            let empty = gateway.decision.candidates.iter().find(|candidate| matches!(candidate.content, Content::Empty));
            let detail = empty.map_or_else(
                || format!("no {secret} is configured"),
                |candidate| format!("{} is empty", candidate.label),
            );
            (Code::BindWithoutAuth, format!("{detail}, and {name} refuses to listen beyond loopback without one (exit 78)"))
        }
        RefusalKind::AuthNone => {
            (Code::BindWithoutAuth, format!("gateway.auth.mode is none, and {name} refuses to listen beyond loopback so (exit 78)"))
        }
        RefusalKind::Ambiguous => (
            Code::AuthAmbiguous,
            "a token and a password are configured and gateway.auth.mode does not choose: the gateway refuses both".to_owned(),
        ),
        RefusalKind::ProxyAndToken => (
            Code::ProxyAndToken,
            "gateway.auth.mode is trusted-proxy and a shared token is configured as well: the gateway refuses both".to_owned(),
        ),
        RefusalKind::RefMissing(id) => (
            Code::SecretRefMissing,
            format!("the secret reference needs {id}, which {name} does not have: it exits 1 after about 20 s"),
        ),
        RefusalKind::RefusedText => (
            Code::RefusedTokenText,
            format!("the {secret} is a placeholder that the gateway refuses: it exits 1, and a supervisor starts it again"),
        ),
        RefusalKind::OriginsRequired => (
            Code::OriginsRequired,
            format!("{name} listens beyond loopback without gateway.controlUi.allowedOrigins, which this release refuses"),
        ),
    }
}

/// Everything about starting and listening.
pub(crate) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    for gateway in verdicts.gateways {
        for (nth, refusal) in gateway.refusals.iter().enumerate() {
            let (code, summary) = describe(&refusal.why, gateway);
            let span = refusal.span.or_else(|| Some(gateway.process.service.key_span));
            let mut finding = verdicts.finding(code, summary, span).about(gateway.process.subject());
            match &refusal.why {
                RefusalKind::OriginsRequired => {
                    finding.versions = Some(rules::origins(gateway.process.version).versions.to_string());
                    finding.remedy = remedies::allow_origin(gateway, verdicts);
                }
                why => finding.remedy = remedies::start(why, gateway, verdicts),
            }
            // The gate tells of the first.
            out.push_for((nth == 0).then_some(Cause::Start(gateway.id)), finding);
        }
        bind_conflict(gateway, verdicts, out);
        exposure(gateway, verdicts, out);
    }
}

/// Somebody wrote a bind that does not count.
fn bind_conflict(gateway: &Gateway<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let process = gateway.process;
    let configured = process.config().and_then(config::Config::bind);
    let class = |text: &str| match text.trim() {
        "loopback" | "127.0.0.1" | "localhost" => "loopback".to_owned(),
        "lan" | "0.0.0.0" | "auto" => "lan".to_owned(),
        other => other.to_owned(),
    };
    if let (Some(flag), Some((text, span))) = (process.invocation.flag("bind"), configured) {
        let given = process.shell_expand(&flag.value.clone().unwrap_or_default());
        let given = given.expose();
        if class(given) != class(text) {
            let summary = format!("--bind {given} in the command beats gateway.bind {text}");
            let mut finding =
                verdicts.finding(Code::BindConflict, summary, Some(flag.span)).about(process.subject());
            finding.places.extend(verdicts.model.place(crate::finding::PlaceRole::Shadowed, span));
            finding.remedy = Some(remedies::words("write the bind in one place"));
            out.push(finding);
        }
    } else if let Some(variable) = process.service.environment.get("OPENCLAW_GATEWAY_BIND")
        && let Some(value) = variable.value
        && let Some((text, span)) = configured
        && !process.invocation.flags.iter().any(|flag| flag.name == "bind")
        && class(value.expose()) != class(text)
    {
        let summary = format!(
            "OPENCLAW_GATEWAY_BIND says {}, which the gateway does not read; gateway.bind {text} counts",
            value.expose()
        );
        let mut finding = verdicts.finding(Code::BindConflict, summary, Some(span)).about(process.subject());
        finding.places.extend(verdicts.model.place(crate::finding::PlaceRole::Shadowed, variable.span));
        finding.evidence.push(
            "the setup script and the compose file use that variable; nothing in the container does"
                .to_owned(),
        );
        finding.remedy = Some(remedies::words("write the bind in gateway.bind alone"));
        out.push(finding);
    }
    if configured.is_none()
        && process.invocation.flag("bind").is_none()
        && gateway.bind.span.is_none()
        && gateway.bind.scope != Scope::Unknown
        && process.config().is_some()
    {
        let rule = rules::default_bind(process.version);
        let mut finding = verdicts.finding(
            Code::BindImplicit,
            "gateway.bind is absent: the same file means all interfaces in a container and loopback on a host",
            process.config().and_then(|config| config.at(&["gateway"])).map(|node| node.span),
        ).about(process.subject());
        finding.versions = Some(rule.versions.to_string());
        finding.evidence.push(rule.citation.to_owned());
        finding.remedy = remedies::write_bind(gateway, verdicts);
        out.push(finding);
    }
}

/// Who beyond the host can reach the port.
fn exposure(gateway: &Gateway<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Some(owner) = verdicts.model.namespace_owner(gateway.process) else { return };
    for port in owner.ports.iter().filter(|port| !port.udp && Some(port.target) == gateway.port.number) {
        let ip = port.host_ip.unwrap_or("0.0.0.0");
        if names::is_loopback(ip) && !matches!(ip, "0.0.0.0" | "::") {
            continue;
        }
        let shown =
            port.published.map_or_else(|| "a port Docker picks".to_owned(), |port| format!("port {port}"));
        let summary = format!(
            "{shown} of every host address leads to the gateway, whatever the host's own firewall rules for it say"
        );
        let mut finding = verdicts
            .finding(Code::ExposedBeyondLoopback, summary, Some(port.span))
            .about(gateway.process.subject());
        if gateway.auth == Auth::None {
            finding.severity = Severity::Error;
        }
        finding.remedy = remedies::publish_on_loopback(port, verdicts);
        out.push(finding);
    }
}
