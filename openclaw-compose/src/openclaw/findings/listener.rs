//! Does the gateway start, and on which interfaces: refusals, binds that contradict each other, exposure.

use crate::edit::{Edit, layout};
use crate::finding::{Code, Remedy, Severity};
use crate::openclaw::model::config;
use crate::openclaw::model::names;
use crate::openclaw::model::namespaces::Namespace;
use crate::openclaw::model::services::Port;
use crate::openclaw::rules::{self, BIND, PASSWORD, TOKEN};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::listener::{self, Auth, BindSource, Gateway, RefusalKind, Scope};
use crate::openclaw::verdict::token::Content;
use crate::openclaw::verdict::token::Secret;

use super::jobs;
use super::missing_token::{self, fill_in};
use super::origin;
use super::remedies::{command, edits, recreate_all, replace_scalar, words};
use super::schema;
use super::{Cause, Findings};

/// A start refusal as code and sentence.
pub(crate) fn describe(why: &RefusalKind, gateway: &Gateway<'_>) -> (Code, String) {
    let name = gateway.name();
    let secret = match gateway.secret {
        Secret::Token => "token",
        Secret::Password => "password",
    };
    let exit = rules::refusal_exit(gateway.process.version);
    match why {
        RefusalKind::ConfigMissing => {
            (Code::ConfigMissing, format!("{name} finds no openclaw.json and is not told to start without one (exit {exit})"))
        }
        RefusalKind::ConfigSyntax(error) => (
            Code::ConfigSyntax,
            format!("openclaw.json is not JSON5: {error}; the gateway reports that as a missing gateway.mode (exit {exit})"),
        ),
        RefusalKind::ConfigInclude(error) => (Code::ConfigInclude, format!("an $include of openclaw.json is refused: {error}")),
        RefusalKind::ModeMissing => {
            (Code::ModeMissing, format!("openclaw.json has no gateway.mode: {name} refuses to start (exit {exit})"))
        }
        RefusalKind::ModeRemote => {
            (Code::ModeMissing, format!("gateway.mode is not local: {name} refuses to be a gateway (exit {exit})"))
        }
        RefusalKind::NoSecret => {
            let empty = gateway.decision.candidates.iter().find(|candidate| matches!(candidate.content, Content::Empty));
            let detail = empty.map_or_else(
                || format!("no {secret} is configured"),
                |candidate| format!("{} is empty", candidate.label),
            );
            let refusal = if gateway.bind.scope == Scope::Loopback { "to start" } else { "to listen beyond loopback" };
            (Code::BindWithoutAuth, format!("{detail}, and {name} refuses {refusal} without one (exit {exit})"))
        }
        RefusalKind::AuthNone => {
            (Code::BindWithoutAuth, format!("gateway.auth.mode is none, and {name} refuses to listen beyond loopback so (exit {exit})"))
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
        RefusalKind::Unfilled(variable) => (
            Code::ConfigPlaceholderUnfilled,
            format!("openclaw.json names ${{{variable}}}, which {name} does not have: this release takes the file for invalid (exit {exit})"),
        ),
        RefusalKind::RefusedText => (
            Code::RefusedTokenText,
            format!("the {secret} is a placeholder that the gateway refuses: it exits 1, and a supervisor starts it again"),
        ),
        RefusalKind::Schema(fault) => (schema::code(fault), schema::refused(fault, gateway)),
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
            let span = refusal.span.or(Some(gateway.process.service.key_span));
            let mut finding = verdicts.finding(code, summary, span).about(gateway.process.subject());
            match &refusal.why {
                RefusalKind::OriginsRequired => {
                    finding.versions = Some(rules::origins(gateway.process.version).versions.to_string());
                    finding.remedy = origin::allow_origin(gateway, verdicts);
                }
                RefusalKind::Schema(fault) => finding.remedy = schema::remedy(fault, gateway, verdicts),
                RefusalKind::RefMissing(id) => {
                    jobs::lacking(gateway.process, id, verdicts, &mut finding);
                    finding.remedy = missing_token::hand_in(gateway.process, id, verdicts);
                }
                why => finding.remedy = start(why, gateway, verdicts),
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
    let class = |text: &str| match (listener::scope(text, process), text.trim()) {
        // Of these each is what it is called.
        (Scope::Address(_) | Scope::Tailnet | Scope::Unknown, other) => other.to_owned(),
        (scope, _) => scope.to_string(),
    };
    if let (Some(flag), Some((text, span))) = (process.invocation.flag("bind"), configured) {
        let given = process.shell_expand(&flag.value.clone().unwrap_or_default());
        let given = given.expose();
        if class(given) != class(text) {
            let summary = format!("--bind {given} in the command beats gateway.bind {text}");
            let mut finding =
                verdicts.finding(Code::BindConflict, summary, Some(flag.span)).about(process.subject());
            finding.places.extend(verdicts.model.place(crate::finding::PlaceRole::Shadowed, span));
            finding.remedy = Some(words("write the bind in one place"));
            out.push(finding);
        }
    } else if let Some(variable) = process.service.environment.get(BIND)
        && let Some(value) = variable.value
        && let Some((text, span)) = configured
        && !process.invocation.flags.iter().any(|flag| flag.name == "bind")
        && class(value.expose()) != class(text)
    {
        let summary = format!(
            "{BIND} says {}, which the gateway does not read; gateway.bind {text} counts",
            value.expose()
        );
        let mut finding = verdicts.finding(Code::BindConflict, summary, Some(span)).about(process.subject());
        finding.places.extend(verdicts.model.place(crate::finding::PlaceRole::Shadowed, variable.span));
        finding.evidence.push(
            "the setup script and the compose file use that variable; nothing in the container does"
                .to_owned(),
        );
        finding.remedy = Some(words("write the bind in gateway.bind alone"));
        out.push(finding);
    }
    if configured.is_none()
        && process.service.job.is_none()
        && process.invocation.flag("bind").is_none()
        && gateway.bind.span.is_none()
        && gateway.bind.scope != Scope::Unknown
        && process.config().is_some()
    {
        let rule = rules::auto_bind(process.version);
        let mut finding = verdicts.finding(
            Code::BindImplicit,
            "gateway.bind is absent: the same file means all interfaces in a container and loopback on a host",
            process.config().and_then(|config| config.at(&["gateway"])).map(|node| node.span),
        ).about(process.subject());
        finding.versions = Some(rule.versions.to_string());
        finding.evidence.push(rule.citation.to_owned());
        finding.remedy = write_bind(gateway, verdicts);
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
        finding.remedy = publish_on_loopback(port, verdicts);
        out.push(finding);
    }
}

/// What keeps the gateway from starting.
fn start(why: &RefusalKind, gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let process = gateway.process;
    let name = process.service.name;
    Some(match why {
        RefusalKind::ConfigMissing => command(
            "make a configuration; nothing below can work without one".to_owned(),
            format!("docker compose run --rm --no-deps {name} openclaw setup"),
        ),
        RefusalKind::ConfigSyntax(_) | RefusalKind::ConfigInclude(_) => {
            words("mend openclaw.json at that place; the gateway's own message names another cause")
        }
        RefusalKind::ModeMissing => {
            let config = process.config()?;
            let edit = match config.at(&["gateway"]) {
                Some(gateway) => layout::insert_member(verdicts.model.sources, gateway, "mode: \"local\"")?,
                None => layout::insert_member(
                    verdicts.model.sources,
                    config.at(&[])?,
                    "gateway: { mode: \"local\" }",
                )?,
            };
            edits("write gateway.mode: \"local\"", vec![edit], Some(recreate_all(name, verdicts)))
        }
        RefusalKind::ModeRemote => {
            words("a gateway and a remote client need an openclaw.json each; the gateway's says mode local")
        }
        RefusalKind::NoSecret | RefusalKind::AuthNone if process.service.job.is_some() => words(format!(
            "freeze one token and write it to gateway.auth.token, or as {TOKEN} to {}; then load {name} again",
            process.state_dotenv()
        )),
        RefusalKind::NoSecret if gateway.secret == Secret::Password => {
            return missing_token::hand_in(process, PASSWORD, verdicts);
        }
        RefusalKind::NoSecret => {
            return fill_in(process, verdicts).or_else(|| missing_token::hand_in(process, TOKEN, verdicts));
        }
        RefusalKind::AuthNone => words(format!(
            "set gateway.auth.mode to \"token\", and {TOKEN} in .env and under environment of {name}"
        )),
        RefusalKind::Ambiguous => {
            let auth = process.config()?.at(&["gateway", "auth"])?;
            let edit = layout::insert_member(verdicts.model.sources, auth, "mode: \"token\"")?.judgement();
            edits("say which one counts: gateway.auth.mode", vec![edit], Some(recreate_all(name, verdicts)))
        }
        RefusalKind::ProxyAndToken => words(format!(
            "remove the shared token, gateway.auth.token in openclaw.json and {TOKEN} in the environment, or use mode token"
        )),
        RefusalKind::Unfilled(name) => return missing_token::hand_in(process, name, verdicts),
        RefusalKind::RefusedText => words("freeze a real token and write it to every place"),
        RefusalKind::OriginsRequired => return origin::allow_origin(gateway, verdicts),
        // Told with the schema, or where the variable is looked for.
        RefusalKind::Schema(_) | RefusalKind::RefMissing(_) => return None,
    })
}

/// Behind a bridge the gateway has to listen on the container's interfaces. Only with a secret in place.
pub(crate) fn listen_on_all(gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let text = "let the gateway listen on the container's interfaces (bind lan); who may come in is the published port's business";
    if gateway.decision.winner().is_none() {
        return Some(words(format!("{text}, after a token is configured")));
    }
    let name = gateway.name();
    // On the host's own network nothing stands between that listener and the LAN.
    let Some(owner) = verdicts.model.namespace_owner(gateway.process) else {
        return Some(words(
            "let the client use the host's network as the gateway does: loopback is shared there",
        ));
    };
    let exposed = owner.ports.iter().any(|port| {
        Some(port.target) == gateway.port.number
            && !port.host_ip.is_some_and(|ip| names::is_loopback(ip) && !matches!(ip, "0.0.0.0" | "::"))
    });
    let edit = match (gateway.bind.by, gateway.bind.span) {
        (BindSource::Flag, Some(span)) => {
            let span = verdicts.model.origin(span);
            let written = verdicts.model.sources.expose(span);
            let at = written.find("loopback")?;
            Edit::text(verdicts.model.sources, span.part(at..at + "loopback".len()), "lan")
        }
        (BindSource::Config, Some(span)) => replace_scalar(verdicts, span, "lan")?,
        (by, Some(_)) => return Some(words(format!("{text}; {by} forces loopback"))),
        (_, None) => {
            let config = gateway.process.config()?;
            layout::insert_member(verdicts.model.sources, config.at(&["gateway"])?, "bind: \"lan\"")?
        }
    };
    let mut out = vec![edit];
    let mut text = text.to_owned();
    // Beyond loopback, some releases refuse to start without a list of origins.
    if gateway.needs_origins() {
        let Some(origins) = origin::allow_origin(gateway, verdicts) else {
            return Some(words(format!(
                "{text}, and list the origins that browsers open in gateway.controlUi.allowedOrigins"
            )));
        };
        text = format!("{text}; {}", origins.text);
        out.extend(origins.edits);
    }
    if exposed {
        text = format!("{text}. It is published on every address of the host: publish it on 127.0.0.1 first");
        out = out.into_iter().map(Edit::judgement).collect();
    }
    Some(edits(text, out, Some(recreate_all(name, verdicts))))
}

/// Writes the bind that counts today, so that it counts everywhere.
fn write_bind(gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let bind = if gateway.bind.scope == Scope::Loopback { "loopback" } else { "lan" };
    let text = format!("write gateway.bind: \"{bind}\"");
    let bridged =
        verdicts.model.namespaces.of.get(gateway.name()).is_some_and(|n| matches!(n, Namespace::Service(_)));
    // Loopback is never written behind a bridge.
    if bind == "loopback" && bridged {
        return listen_on_all(gateway, verdicts);
    }
    let config = gateway.process.config()?;
    let object = config.at(&["gateway"])?;
    let edit = layout::insert_member(verdicts.model.sources, object, &format!("bind: \"{bind}\""))?;
    Some(edits(text, vec![edit], None))
}

/// Publishes on the host's loopback only. A person decides: somebody may come in from elsewhere.
fn publish_on_loopback(port: &Port<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let text = "publish it on 127.0.0.1, and let others come through ssh, a tailnet or a proxy with TLS";
    // A client of the stack that comes through the host needs it as it is.
    if port.published.is_some_and(|port| verdicts.dialled.contains(&port)) {
        return Some(words(text));
    }
    let written = verdicts.model.sources.expose(port.span);
    let bare = written.trim_matches(['"', '\'']);
    let short = bare.split('/').next().unwrap_or_default();
    if port.published.is_none()
        || short.is_empty()
        || !short.contains(':')
        || short.contains("127.0.0.1")
        || written.contains('\n')
    {
        return Some(words(text));
    }
    let without_ip = bare.strip_prefix("0.0.0.0:").unwrap_or(bare);
    let edit =
        Edit::text(verdicts.model.sources, port.span, format!("\"127.0.0.1:{without_ip}\"")).judgement();
    Some(edits(text, vec![edit], None))
}
