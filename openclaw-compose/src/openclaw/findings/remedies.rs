//! What to do about a finding: the sentence, the command, and the edits that mend it.
//!
//! House rules: share the gateway's namespace before anything else; never bind loopback behind a bridge, never switch a
//! check off, never widen a mode; a namespace owner is never restarted without its dependants.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::edit::{Edit, Replacement};
use crate::finding::{Finding, Remedy, Safety};
use crate::openclaw::model::Model;
use crate::openclaw::model::mounts::{self, Backing};
use crate::openclaw::verdict::state;
use crate::source::Span;

use crate::edit::layout;
use crate::openclaw::model::config;
use crate::openclaw::model::names;
use crate::openclaw::model::namespaces;
use crate::openclaw::model::processes::{Process, Role};
use crate::openclaw::model::services::{At, Healthcheck, Mount, Port, Relabel, Service};
use crate::openclaw::rules::{self, NameRule};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::clients::Client;
use crate::openclaw::verdict::listener::{Gateway, RefusalKind, Scope};
use crate::openclaw::verdict::published::Publication;
use crate::openclaw::verdict::reach::Reach;
use crate::openclaw::verdict::token::{self, Candidate, Content};

/// Words only.
pub(crate) fn words(text: impl Into<String>) -> Remedy {
    Remedy::words(text)
}

/// A command that a person runs.
pub(crate) fn command(text: String, command: String) -> Remedy {
    Remedy { text, command: Some(command), edits: Vec::new(), safety: Safety::Judgement }
}

/// Edits a machine may make, or a person where any of them is left to one.
fn edits(text: impl Into<String>, edits: Vec<Edit>, restart: Option<String>) -> Remedy {
    let judgement = edits.iter().any(|edit| edit.applicability == crate::edit::Applicability::Judgement);
    let safety = if judgement { Safety::Judgement } else { Safety::Safe };
    Remedy { text: text.into(), command: restart, edits: joined(edits), safety }
}

/// Insertions at one place, and before bytes that are replaced, become one edit: they are meant to stand together.
fn joined(edits: Vec<Edit>) -> Vec<Edit> {
    let mut out: Vec<Edit> = Vec::with_capacity(edits.len());
    let mut first_at = BTreeMap::new();
    for edit in edits {
        let first = *first_at.entry((edit.span.file, edit.span.start)).or_insert(out.len());
        let Some(known) = out.get_mut(first) else {
            out.push(edit);
            continue;
        };
        let inserts = |edit: &Edit| edit.span.start == edit.span.end;
        match (&known.replacement, &edit.replacement) {
            (Replacement::Text(first), Replacement::Text(second))
                if *known != edit && (inserts(known) || inserts(&edit)) =>
            {
                let (before, after) = if inserts(known) { (first, second) } else { (second, first) };
                known.replacement = Replacement::Text(format!("{before}{after}"));
                known.span.end = known.span.end.max(edit.span.end);
                known.applicability = known.applicability.max(edit.applicability);
            }
            _ if *known == edit => {}
            _ => out.push(edit),
        }
    }
    out
}

/// Finishes remedies: a rename leaves the old content in every container that mounts the file by itself, so whatever edits
/// such a file ends in new containers.
pub(crate) fn finish(findings: &mut [Finding], model: &Model<'_>) {
    let mut mounting: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for remedy in findings.iter_mut().filter_map(|finding| finding.remedy.as_mut()) {
        let mut services: Vec<&str> = Vec::new();
        for edit in &remedy.edits {
            let known = mounting.entry(edit.file.clone()).or_insert_with(|| model.mounting(&edit.file));
            services.extend(known.iter());
        }
        if !services.is_empty() {
            remedy.text +=
                "; a container that mounts the file by itself keeps the old one until it is recreated";
            remedy.command = Some(and_recreate(remedy.command.as_deref(), &services));
        }
    }
}

/// The command with these services recreated besides, whatever changed for them.
fn and_recreate(command: Option<&str>, services: &[&str]) -> String {
    let up = command.and_then(|command| command.strip_prefix(UP));
    let mut names: Vec<&str> = up
        .map(|rest| rest.split_whitespace().filter(|word| !word.starts_with('-')).collect())
        .unwrap_or_default();
    let mut known: BTreeSet<&str> = names.iter().copied().collect();
    names.extend(services.iter().copied().filter(|service| known.insert(service)));
    let recreate = format!("{UP} --force-recreate {}", names.join(" "));
    match command.filter(|_| up.is_none()) {
        Some(first) => format!("{first} && {recreate}"),
        None => recreate,
    }
}

const UP: &str = "docker compose up -d";

pub(crate) fn shell_quote(word: &str) -> String {
    // Only a NUL could not be quoted, and it is let through.
    shlex::Quoter::new().allow_nul(true).quote(word).map(Cow::into_owned).unwrap_or_default()
}

/// `docker compose up -d` for these services and for everyone who lives in their namespaces.
pub(crate) fn recreate(services: &[&str], verdicts: &Verdicts<'_>) -> String {
    let mut names: Vec<&str> = services.to_vec();
    for service in services {
        names.extend(verdicts.model.namespaces.stranded_by(service));
    }
    names.sort_unstable();
    names.dedup();
    // A borrower must be recreated with its owner even where its own definition is unchanged.
    let force = if names.len() > services.len() { " --force-recreate" } else { "" };
    format!("{UP}{force} {}", names.join(" "))
}

/// A client that does not reach the gateway.
pub(crate) fn reach(client: &Client<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let process = client.process?;
    let gateway = client.gateway;
    if process.role == Role::App {
        return reach_for_app(client, process, gateway, verdicts);
    }
    let inside = verdicts.model.namespaces.share(process.service.name, gateway.name());
    match client.reach {
        Reach::LoopbackBind => listen_on_all(gateway, verdicts),
        Reach::WrongPort { listens, .. } => wrong_port(client, process, listens, verdicts),
        Reach::Scheme { .. } => {
            Some(words("write ws:// for a gateway without TLS and wss:// for one with it"))
        }
        _ if inside => drop_url(client, process, gateway, verdicts),
        Reach::DisabledProfile => Some(words("activate the profile of that service, or dial one that runs")),
        _ => share_namespace(client, process, gateway, verdicts),
    }
}

/// `network_mode: "service:GATEWAY"`, and nothing of the URL that led elsewhere.
fn share_namespace(
    client: &Client<'_>,
    process: &Process<'_>,
    gateway: &Gateway<'_>,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let service = process.service;
    let owner = verdicts.model.namespace_owner(gateway.process)?;
    let name = service.name;
    let borrowers = verdicts.model.namespaces.stranded_by(name);
    if !borrowers.is_empty() {
        return fall_back(client, process, gateway, &borrowers, verdicts);
    }
    let text =
        format!("let {name} share the network namespace of {}: 127.0.0.1 is the gateway there", owner.name);
    let line = format!("network_mode: \"service:{}\"", owner.name);
    // What the command line says cannot be edited by a line.
    let by_flag = client.choice.as_ref().is_some_and(|choice| choice.carrier == rules::UrlCarrier::Flag);
    let by_config =
        client.choice.as_ref().is_some_and(|choice| choice.carrier == rules::UrlCarrier::RemoteUrl);
    let mut out = Vec::new();
    match &service.network_mode {
        Some(mode) => out.push(replace_scalar(verdicts, mode.span, &format!("service:{}", owner.name))?),
        None => out.push(layout::insert_child(verdicts.model.sources, service.key_span, &line)?),
    }
    // Fields that Compose refuses beside a borrowed namespace.
    for field in [
        "networks",
        "ports",
        "expose",
        "links",
        "extra_hosts",
        "hostname",
        "dns",
        "dns_search",
        "mac_address",
    ] {
        let Some(entry) = service.node.as_map().and_then(|map| map.entry(field)) else { continue };
        // The default network is written nowhere.
        if verdicts.model.sources.expose(entry.key_span).trim_matches(['"', '\'']) != field {
            continue;
        }
        if matches!(field, "ports") && !service.ports.is_empty() {
            return Some(words(format!("{text}; move its ports to {} first", owner.name)));
        }
        if !layout::is_inside(verdicts.model.sources, service.key_span, entry.key_span) {
            return Some(words(format!("{text}; its `{field}` comes from elsewhere and has to go")));
        }
        out.push(layout::remove_entry(verdicts.model.sources, entry.key_span)?);
    }
    if by_flag || by_config || dials_by_config(process) {
        return Some(words(format!("{text}, and drop the URL that points elsewhere")));
    }
    out.extend(find_on_loopback(process, gateway, verdicts));
    Some(edits(text, out, Some(recreate(&[name], verdicts))))
}

/// Whether `openclaw.json` names a URL that counts as soon as no variable does.
fn dials_by_config(process: &Process<'_>) -> bool {
    process.config().is_some_and(|config| {
        config.mode().is_some_and(|(mode, _)| mode == "remote")
            && config.expose(&["gateway", "remote", "url"]).is_some()
    })
}

/// Takes out of a service what keeps its client from finding the gateway on loopback: every URL, and a port of another.
fn find_on_loopback(process: &Process<'_>, gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Vec<Edit> {
    let listens = gateway.listens_on();
    let mut names = names_of(rules::Meaning::Url);
    let told = process.meant(rules::Meaning::Port).map(|(_, value)| value.text.trimmed().parse());
    let otherwise =
        process.config().and_then(|config| config.port()).map_or(rules::DEFAULT_PORT, |(port, _)| port);
    if told.unwrap_or(Some(otherwise)) == Some(listens) {
        return arrange(process.service, &names, &[], verdicts);
    }
    if otherwise == listens {
        names.extend(names_of(rules::Meaning::Port));
        return arrange(process.service, &names, &[], verdicts);
    }
    let port = format!("\"{listens}\"");
    arrange(process.service, &names, &[("OPENCLAW_GATEWAY_PORT", &port)], verdicts)
}

/// Every variable of a meaning, whether some release reads it or none.
fn names_of(meaning: rules::Meaning) -> Vec<&'static str> {
    let mut names: Vec<&str> =
        rules::NAME_RULES.iter().filter(|rule| rule.meaning == meaning).map(|rule| rule.name).collect();
    names.dedup();
    names
}

/// Takes variables out of a service: their lines, or the whole `environment` where nothing would be left of it; where a line
/// serves others too, it is overridden with nothing.
fn unset(service: &Service<'_>, names: &[&str], verdicts: &Verdicts<'_>) -> Vec<Edit> {
    arrange(service, names, &[], verdicts)
}

/// [`unset`] with other variables set on the way; their values are written as given.
fn arrange(
    service: &Service<'_>,
    names: &[&str],
    wanted: &[(&str, &str)],
    verdicts: &Verdicts<'_>,
) -> Vec<Edit> {
    let set: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| {
            service
                .environment
                .get(name)
                .is_some_and(|variable| variable.value.is_some_and(|value| !value.is_empty()))
        })
        .collect();
    let own_line = |name: &str| {
        let key = service.environment.get(name)?.key_span?;
        layout::is_inside(verdicts.model.sources, service.key_span, key).then_some(key)
    };
    let environment = verdicts
        .model
        .environment_key(service)
        .filter(|key| layout::is_inside(verdicts.model.sources, service.key_span, *key));
    let own = service.environment.keys().filter(|name| own_line(name).is_some()).count();
    let gone = set.iter().filter(|name| own_line(name).is_some()).count();
    let hides = set.iter().any(|name| verdicts.model.hides_another(service.name, name));
    if let Some(environment) = environment
        .filter(|key| !hides && own == gone && layout::lines_below(verdicts.model.sources, *key) == own)
    {
        let rest = set.iter().filter(|name| own_line(name).is_none()).count();
        if rest == 0 && wanted.is_empty() {
            return layout::remove_entry(verdicts.model.sources, environment).into_iter().collect();
        }
    }
    let mut out: Vec<Edit> = set
        .iter()
        .filter_map(|name| Some((own_line(name)?, service.environment.get(name)?)))
        .filter_map(|(key, variable)| {
            match verdicts.model.hides_another(service.name, verdicts.model.sources.expose(key)) {
                // Without the line, what it hides would come to light.
                true => replace_whole(verdicts, variable.span, ""),
                false => layout::remove_entry(verdicts.model.sources, key),
            }
        })
        .collect();
    let mut foreign: Vec<(&str, &str)> =
        set.iter().filter(|name| own_line(name).is_none()).map(|name| (*name, "\"\"")).collect();
    for (name, value) in wanted {
        match service.environment.get(name).filter(|_| own_line(name).is_some()) {
            Some(variable) => out.extend(replace_whole(verdicts, variable.span, value.trim_matches('"'))),
            None => foreign.push((name, value)),
        }
    }
    if !foreign.is_empty() {
        let environment = verdicts.model.environment_key(service);
        out.extend(layout::set_variables(verdicts.model.sources, service.key_span, environment, &foreign));
    }
    out
}

/// Another service lives in the client's namespace, so that cannot move: the service URL, with the vendor's switch.
fn fall_back(
    client: &Client<'_>,
    process: &Process<'_>,
    gateway: &Gateway<'_>,
    borrowers: &[&str],
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let service = process.service;
    let owner = verdicts.model.namespace_owner(gateway.process)?;
    let rule = rules::plaintext(process.version);
    let text = format!(
        "{} share(s) the namespace of {}, so it cannot move into that of {}; either move all of them, or dial the service name",
        borrowers.join(", "),
        service.name,
        owner.name
    );
    if verdicts.model.unrelated_neighbours(process).iter().any(|neighbour| *neighbour != service.name) {
        return Some(words(format!(
            "{text} on a network that holds nobody else: the token would travel without TLS"
        )));
    }
    let reads_url = rules::names(rules::Meaning::Url, process.version)
        .any(|rule| rule.name == "OPENCLAW_GATEWAY_URL" && rule.reads == rules::Reads::Yes);
    let leads_there = service.network_mode.is_none()
        && names::shares_network(service, owner)
        && gateway.bind.scope == Scope::All
        && process.invocation.flag("url").is_none();
    let Some(switch) = rule.break_glass.filter(|_| reads_url && leads_there) else {
        return Some(words(text));
    };
    let url = format!("\"ws://{}:{}\"", owner.name, gateway.listens_on());
    let mut set = vec![("OPENCLAW_GATEWAY_URL", url.as_str()), (switch, "\"1\"")];
    let mut others = names_of(rules::Meaning::Url);
    others.retain(|name| *name != "OPENCLAW_GATEWAY_URL");
    let template;
    let has_token = |candidate: &Candidate| {
        candidate.carrier == rules::Carrier::Env && !matches!(candidate.content, Content::Empty)
    };
    if !client.decision.iter().flat_map(|decision| &decision.candidates).any(has_token) {
        let Some(reference) = gateway.token_template(verdicts.model) else { return Some(words(text)) };
        template = reference;
        set.push(("OPENCLAW_GATEWAY_TOKEN", &template));
    }
    let out = arrange(service, &others, &set, verdicts).into_iter().map(Edit::judgement).collect();
    let text = format!(
        "{text}. {switch}=1 is a downgrade: the token travels without TLS between the two containers"
    );
    Some(edits(text, out, Some(recreate(&[service.name], verdicts))))
}

/// A foreign program: its URL is mended where only host or port are wrong.
fn reach_for_app(
    client: &Client<'_>,
    process: &Process<'_>,
    gateway: &Gateway<'_>,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let owner = verdicts.model.namespace_owner(gateway.process)?;
    let listens = gateway.listens_on();
    let text = format!("dial {}:{listens}", owner.name);
    if client.reach == Reach::LoopbackBind {
        return listen_on_all(gateway, verdicts);
    }
    let url = client.choice.as_ref()?.url.as_ref()?;
    let variable = verdicts.model.origin(client.choice.as_ref()?.span?);
    let written = verdicts.model.sources.expose(variable);
    let shares = names::shares_network(process.service, owner);
    let from = written.find(&url.host)?;
    if !shares || gateway.bind.scope != Scope::All {
        return Some(words(format!("{text}, on a network both are on")));
    }
    let host = variable.part(from..from + url.host.len());
    let mut out = vec![Edit::text(verdicts.model.sources, host, owner.name)];
    if url.port != listens {
        let port = url.port.to_string();
        let at = from + url.host.len() + written.get(from + url.host.len()..)?.find(&port)?;
        out.push(Edit::text(verdicts.model.sources, variable.part(at..at + port.len()), listens.to_string()));
    }
    if url.host == owner.name {
        out.remove(0);
    }
    Some(edits(text, out, Some(recreate(&[process.service.name], verdicts))))
}

/// Inside the gateway's namespace no URL is needed.
fn drop_url(
    client: &Client<'_>,
    process: &Process<'_>,
    gateway: &Gateway<'_>,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let choice = client.choice.as_ref()?;
    let by = &choice.by;
    let out = find_on_loopback(process, gateway, verdicts);
    if out.is_empty() || choice.carrier != rules::UrlCarrier::Env || dials_by_config(process) {
        return Some(words(format!("drop {by}")));
    }
    let text = format!(
        "drop {by}: in the gateway's namespace the CLI finds it on loopback, with the token of openclaw.json"
    );
    Some(edits(text, out, Some(recreate(&[process.service.name], verdicts))))
}

fn wrong_port(
    client: &Client<'_>,
    process: &Process<'_>,
    listens: u16,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let choice = client.choice.as_ref()?;
    let text = format!("use the gateway's own port {listens}");
    let Some(span) = choice.span else {
        let service = process.service;
        let Some(port) = service.environment.get("OPENCLAW_GATEWAY_PORT") else { return Some(words(text)) };
        // The variable may serve the published port as well: only this service's own line is changed.
        let own =
            port.key_span.filter(|key| layout::is_inside(verdicts.model.sources, service.key_span, *key));
        let edit = match own {
            Some(_) => replace_whole(verdicts, port.span, &listens.to_string()),
            None => layout::set_variables(
                verdicts.model.sources,
                service.key_span,
                verdicts.model.environment_key(service),
                &[("OPENCLAW_GATEWAY_PORT", &format!("\"{listens}\""))],
            ),
        };
        return Some(match edit {
            Some(edit) => edits(text, vec![edit], Some(recreate(&[service.name], verdicts))),
            None => words(text),
        });
    };
    let span = verdicts.model.origin(span);
    let wrong = format!(":{}", choice.url.as_ref()?.port);
    let written = verdicts.model.sources.expose(span);
    let Some(at) = written.rfind(&wrong) else { return Some(words(text)) };
    let edit = Edit::text(verdicts.model.sources, span.part(at + 1..at + wrong.len()), listens.to_string());
    Some(edits(text, vec![edit], Some(recreate(&[process.service.name], verdicts))))
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
        ("--bind", Some(span)) => {
            let span = verdicts.model.origin(span);
            let written = verdicts.model.sources.expose(span);
            let at = written.find("loopback")?;
            Edit::text(verdicts.model.sources, span.part(at..at + "loopback".len()), "lan")
        }
        ("gateway.bind", Some(span)) => replace_scalar(verdicts, span, "lan")?,
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
        let Some(origins) = allow_origin(gateway, verdicts) else {
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

/// A change of the listener needs a new process, and everyone in its namespace with it.
fn recreate_all(name: &str, verdicts: &Verdicts<'_>) -> String {
    let dependants = verdicts.model.namespaces.stranded_by(name);
    let names: Vec<&str> = std::iter::once(name).chain(dependants).collect();
    format!("{UP} --force-recreate {}", names.join(" "))
}

/// Writes the bind that counts today, so that it counts everywhere.
pub(crate) fn write_bind(gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let bind = if gateway.bind.scope == Scope::Loopback { "loopback" } else { "lan" };
    let text = format!("write gateway.bind: \"{bind}\"");
    let bridged = verdicts
        .model
        .namespaces
        .of
        .get(gateway.name())
        .is_some_and(|n| matches!(n, namespaces::Namespace::Service(_)));
    // Loopback is never written behind a bridge.
    if bind == "loopback" && bridged {
        return listen_on_all(gateway, verdicts);
    }
    let config = gateway.process.config()?;
    let object = config.at(&["gateway"])?;
    let edit = layout::insert_member(verdicts.model.sources, object, &format!("bind: \"{bind}\""))?;
    Some(edits(text, vec![edit], None))
}

/// What keeps the gateway from starting.
pub(crate) fn start(why: &RefusalKind, gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let process = gateway.process;
    let name = process.service.name;
    Some(match why {
        RefusalKind::ConfigMissing => command(
            "make a configuration; nothing below can work without one".to_owned(),
            format!("docker compose run --rm --no-deps {name} openclaw setup"),
        ),
        RefusalKind::ConfigSyntax(_) | RefusalKind::ConfigInclude(_) => {
            words("mend the file at that place; the gateway's own message names another cause")
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
        RefusalKind::NoSecret | RefusalKind::AuthNone => words(
            "freeze one token and write it to .env; do not bind loopback instead: nobody outside the container could connect",
        ),
        RefusalKind::Ambiguous => {
            let auth = process.config()?.at(&["gateway", "auth"])?;
            let edit = layout::insert_member(verdicts.model.sources, auth, "mode: \"token\"")?.judgement();
            edits("say which one counts: gateway.auth.mode", vec![edit], Some(recreate_all(name, verdicts)))
        }
        RefusalKind::ProxyAndToken => {
            words("remove the token, from openclaw.json and from the environment, or use mode token")
        }
        RefusalKind::RefMissing(id) => return hand_in(process, id, verdicts),
        RefusalKind::RefusedText => words("freeze a real token and write it to every place"),
        RefusalKind::OriginsRequired => return allow_origin(gateway, verdicts),
    })
}

/// Adds the published localhost origins to the list.
pub(crate) fn allow_origin(gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let owner = verdicts.model.namespace_owner(gateway.process)?;
    let port = owner
        .ports
        .iter()
        .find(|port| Some(port.target) == gateway.port.number)
        .and_then(|port| port.published)?;
    list_origins(&[format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")], gateway, verdicts)
}

/// Adds origins to the list of those admitted.
pub(crate) fn list_origins(
    wanted: &[String],
    gateway: &Gateway<'_>,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let config = gateway.process.config()?;
    let list = wanted.iter().map(|origin| format!("\"{origin}\"")).collect::<Vec<_>>().join(", ");
    let text = format!("admit the origin people open: {}", wanted.first()?);
    let edit = if let Some(node) = config.at(&["gateway", "controlUi", "allowedOrigins"]) {
        let at = node.span.start + 1;
        let comma = if node.items().is_empty() { "" } else { ", " };
        Edit::text(verdicts.model.sources, Span::new(node.span.file, at, at), format!("{list}{comma}"))
    } else if let Some(ui) = config.at(&["gateway", "controlUi"]) {
        layout::insert_member(verdicts.model.sources, ui, &format!("allowedOrigins: [{list}]"))?
    } else {
        let gateway = config.at(&["gateway"])?;
        layout::insert_member(
            verdicts.model.sources,
            gateway,
            &format!("controlUi: {{ allowedOrigins: [{list}] }}"),
        )?
    };
    Some(edits(text, vec![edit], None))
}

/// Every loser gets the value the server enforces: no connected client notices.
pub(crate) fn align(
    value: &str,
    losers: &[&Candidate],
    gateway: &Gateway<'_>,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let name = gateway.name();
    let server = gateway.decision.winner()?;
    let mut out: Vec<Edit> = Vec::new();
    let mut written = BTreeSet::new();
    let mut elsewhere = Vec::new();
    let handed_out = gateway.handed_out(verdicts.model).filter(|other| other.expose().trim() != value);
    let extra = handed_out.and_then(|_| gateway.handed_out_span(verdicts.model));
    for span in losers.iter().map(|loser| loser.source).chain(extra) {
        let origin = verdicts.model.origin(span);
        match layout::write_secret(verdicts.model.sources, origin, value) {
            // One value at one place is one edit.
            Some(edit) if written.insert(edit.span) => out.push(edit),
            Some(_) => {}
            None => elsewhere.push(verdicts.model.sources.location(origin).to_string()),
        }
    }
    let text = format!(
        "write the value that {name} enforces ({}) to the other places; the gateway's own value stays",
        server.label
    );
    if !elsewhere.is_empty() {
        elsewhere.dedup();
        return Some(words(format!("{text}. Not a file: {}", elsewhere.join(", "))));
    }
    if out.is_empty() {
        return None;
    }
    Some(edits(text, out, Some(recreate_all(name, verdicts))))
}

/// The hidden `.env` gets the winner's value, too.
pub(crate) fn align_state_dotenv(
    gateway: &Gateway<'_>,
    hidden: &config::StateVariable,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let value = gateway.decision.value()?;
    if value.is_same(&hidden.value) {
        return Some(words("move it to the project's .env, and hand it in through `environment`"));
    }
    let edit = layout::write_secret(verdicts.model.sources, hidden.span, value.expose())?;
    Some(edits("write the value in use there, too, or remove the line", vec![edit], None))
}

/// Hands a variable of the project into the container.
pub(crate) fn hand_in(process: &Process<'_>, variable: &str, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let service = process.service;
    let text = format!("hand {variable} into {}", service.name);
    if !verdicts.model.project_has(variable) || service.environment.contains_key(variable) {
        return Some(words(format!(
            "{text}: set it in .env, and write {variable}: ${{{variable}:?not set}} under environment"
        )));
    }
    let value = format!("${{{variable}:?not set}}");
    // Whoever reads the same openclaw.json is asked for the same variable.
    let readers: Vec<&Service<'_>> = verdicts
        .model
        .processes
        .iter()
        .filter(|other| other.is_openclaw() && other.state == process.state && other.env(variable).is_none())
        .map(|other| other.service)
        .filter(|other| other.name == service.name || !other.environment.contains_key(variable))
        .collect();
    let set = |reader: &&Service<'_>| {
        let environment = verdicts.model.environment_key(reader);
        layout::set_variables(verdicts.model.sources, reader.key_span, environment, &[(variable, &value)])
    };
    let out = readers.iter().map(set).collect::<Option<Vec<Edit>>>()?;
    let names: Vec<&str> = readers.iter().map(|reader| reader.name).collect();
    let text = format!("hand {variable} into {}", names.join(" and "));
    Some(edits(text, out, Some(recreate(&names, verdicts))))
}

/// A client without a token gets the reference that the gateway has.
pub(crate) fn token_beside_url(
    client: &Client<'_>,
    gateway: &Gateway<'_>,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let process = client.process?;
    let service = process.service;
    let text = format!("hand the token into {} as it is handed into {}", service.name, gateway.name());
    let Some(template) = gateway.token_template(verdicts.model).filter(|_| {
        // Beside --url only --token counts.
        client.choice.as_ref().is_none_or(|choice| choice.carrier != rules::UrlCarrier::Flag)
            && gateway.secret == token::Secret::Token
            && !service.environment.contains_key("OPENCLAW_GATEWAY_TOKEN")
    }) else {
        return Some(words(text));
    };
    let edit = layout::set_variables(
        verdicts.model.sources,
        service.key_span,
        verdicts.model.environment_key(service),
        &[("OPENCLAW_GATEWAY_TOKEN", &template)],
    )?;
    Some(edits(text, vec![edit], Some(recreate(&[service.name], verdicts))))
}

/// A variable that nothing reads: a URL goes with the namespace; the rest is renamed where that changes nothing else.
pub(crate) fn unread_variable(
    process: &Process<'_>,
    rule: &NameRule,
    reached: bool,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let service = process.service;
    let key = service.environment.get(rule.name)?.key_span;
    let inside = key.filter(|key| layout::is_inside(verdicts.model.sources, service.key_span, *key));
    match rule.meaning {
        rules::Meaning::Url if reached => {
            inside?;
            let out = unset(service, &[rule.name], verdicts);
            Some(edits(
                format!("drop {}: nothing reads it, and the gateway is reached without it", rule.name),
                out,
                None,
            ))
        }
        // The remedy of the unreached client takes it out.
        rules::Meaning::Url => Some(words(format!(
            "drop {}, and let the client reach the gateway as its own finding says",
            rule.name
        ))),
        _ if rule.name.ends_with("_FILE") => Some(words(
            "refer to the file with a SecretRef in openclaw.json, or hand the value in as OPENCLAW_GATEWAY_TOKEN",
        )),
        meaning => {
            if meaning != rules::Meaning::Port && has_secret(process, verdicts) {
                inside?;
                return Some(edits(
                    format!("drop {}: nothing reads it, and another place counts", rule.name),
                    unset(service, &[rule.name], verdicts),
                    None,
                ));
            }
            let wanted =
                rules::names(meaning, process.version).find(|rule| rule.reads == rules::Reads::Yes)?.name;
            if service.environment.contains_key(wanted) {
                inside?;
                return Some(edits(
                    format!("drop {}: {wanted} is there and counts", rule.name),
                    unset(service, &[rule.name], verdicts),
                    None,
                ));
            }
            let edit = Edit::text(verdicts.model.sources, inside?, wanted).judgement();
            Some(edits(
                format!("rename it to {wanted}"),
                vec![edit],
                Some(recreate(&[service.name], verdicts)),
            ))
        }
    }
}

/// Whether some place gives the process a secret already.
fn has_secret(process: &Process<'_>, verdicts: &Verdicts<'_>) -> bool {
    match verdicts.gateway_in(process) {
        Some(gateway) => gateway.decision.winner().is_some(),
        None => verdicts.sent_by(process).is_some_and(|decision| decision.winner().is_some()),
    }
}

/// A switch that weakens something.
pub(crate) fn switch_off(span: Span, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let edit = Edit::text(verdicts.model.sources, span, "false").judgement();
    Some(edits("switch it off and pair the browser instead", vec![edit], None))
}

/// Publishes on the host's loopback only. A person decides: somebody may come in from elsewhere.
pub(crate) fn publish_on_loopback(port: &Port<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
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

/// Leads the published port to the port that is listened on.
pub(crate) fn publish_right_port(
    published: &Publication,
    listens: u16,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let text = format!("lead the host port to {listens}");
    let written = verdicts.model.sources.expose(published.span);
    let wrong = format!(":{}", published.target);
    let bare = written.trim_end_matches(['"', '\'']).trim_end_matches("/tcp");
    if !bare.ends_with(&wrong) {
        return Some(words(text));
    }
    let span = published.span.part(bare.len() - wrong.len() + 1..bare.len());
    Some(edits(text, vec![Edit::text(verdicts.model.sources, span, listens.to_string())], None))
}

/// Leads a proxy to the port that is listened on.
pub(crate) fn replace_port(span: Span, wrong: u16, listens: u16, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let text = format!("lead the proxy to {listens}");
    let span = verdicts.model.origin(span);
    let wrong = wrong.to_string();
    let Some(at) = verdicts.model.sources.expose(span).rfind(&wrong) else { return Some(words(text)) };
    let edit = Edit::text(verdicts.model.sources, span.part(at..at + wrong.len()), listens.to_string());
    Some(edits(text, vec![edit], None))
}

/// Takes quotes out of a value that kept them.
pub(crate) fn unmangle(value: &str, origin: Span, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let bare = value.trim().trim_matches(['"', '\'', '\u{feff}']);
    let quoted = value.trim().len() != bare.len() && !value.contains('\u{feff}');
    if !quoted || bare.contains(['$', '"', '\'']) {
        return Some(words(
            "write the value so that it arrives as it is: in .env within single quotes, in a list without quotes",
        ));
    }
    let edit = layout::write_secret(verdicts.model.sources, origin, bare)?;
    Some(edits("take the quotes out of the value", vec![edit], None))
}

/// Five attempts show a refusal as well as for ever does.
pub(crate) fn bounded_restart(restart: &At<&str>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let edit = replace_scalar(verdicts, restart.span, "on-failure:5")?.judgement();
    Some(edits(
        "bound the attempts; a reboot of the host then needs `docker compose up -d`",
        vec![edit],
        None,
    ))
}

/// The health check asks the port that is listened on.
pub(crate) fn healthcheck_port(
    check: &Healthcheck<'_>,
    wrong: u16,
    listens: u16,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let written = verdicts.model.sources.expose(check.span);
    let wrong = format!(":{wrong}");
    let at = written.find(&wrong)?;
    let edit =
        Edit::text(verdicts.model.sources, check.span.part(at + 1..at + wrong.len()), listens.to_string());
    Some(edits(format!("ask port {listens}"), vec![edit], None))
}

/// Time to drain.
pub(crate) fn stop_grace(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let budget = format!("{}s", rules::stop_budget_seconds(process.version));
    let edit = match &process.service.stop_grace {
        Some(grace) => replace_scalar(verdicts, grace.span, &budget)?,
        None => layout::insert_child(
            verdicts.model.sources,
            process.service.key_span,
            &format!("stop_grace_period: {budget}"),
        )?,
    };
    Some(edits(
        format!("stop_grace_period: {budget}; an idle gateway still stops within a second"),
        vec![edit],
        None,
    ))
}

/// A directory variable that came from the host's `.env`.
pub(crate) fn pin_directory(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let service = process.service;
    let usual = format!("{}/{}", rules::IMAGE_HOME, rules::STATE_DIR_NAME);
    let state =
        state::mounted_state(process).map_or(usual.as_str(), |(target, _)| target.trim_end_matches('/'));
    let home = state.rsplit_once('/').map_or(rules::IMAGE_HOME, |(home, _)| home);
    let right = |name: &str| -> Option<String> {
        Some(match name {
            "HOME" | "OPENCLAW_HOME" => home.to_owned(),
            "OPENCLAW_STATE_DIR" | "OPENCLAW_CONFIG_DIR" => state.to_owned(),
            "OPENCLAW_CONFIG_PATH" => format!("{state}/{}", rules::CONFIG_NAME),
            "OPENCLAW_WORKSPACE_DIR" => format!("{state}/workspace"),
            "OPENCLAW_AUTH_PROFILE_SECRET_DIR" => format!("{home}/.config/openclaw"),
            _ => return None,
        })
    };
    let leaked = state::leaked_directories(process);
    let mut set: Vec<(&str, String)> = Vec::new();
    let mut out = Vec::new();
    for name in leaked {
        let value = right(name)?;
        let variable = service.environment.get(name)?;
        match variable
            .key_span
            .filter(|key| layout::is_inside(verdicts.model.sources, service.key_span, *key))
        {
            Some(_) => out.push(replace_scalar(verdicts, variable.span, &value)?),
            None => set.push((name, value)),
        }
    }
    if !set.is_empty() {
        let set: Vec<(&str, &str)> = set.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let environment = verdicts.model.environment_key(service);
        out.push(layout::set_variables(verdicts.model.sources, service.key_span, environment, &set)?);
    }
    let text = "pin the directories as the container sees them; the host's paths are for the volumes only";
    Some(edits(text, out, Some(recreate(&[service.name], verdicts))))
}

/// Moves a mount to where the process looks.
pub(crate) fn move_mount(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let mount = process.service.mounts.iter().find(|mount| mount.target.contains("/."))?;
    let text = format!("mount it at {}", process.state_dir);
    if !mount.target.trim_end_matches('/').ends_with(rules::STATE_DIR_NAME) {
        return Some(words(format!("{text}; its configuration is called {} there", rules::CONFIG_NAME)));
    }
    let span = mount.span;
    let written = verdicts.model.sources.expose(span);
    let Some(at) = written.rfind(mount.target).filter(|_| matches!(process.state, Backing::Layer)) else {
        return Some(words(text));
    };
    let edit =
        Edit::text(verdicts.model.sources, span.part(at..at + mount.target.len()), process.state_dir.clone())
            .judgement();
    Some(edits(text, vec![edit], Some(recreate(&[process.service.name], verdicts))))
}

/// A look from inside, where every mapping of owners is already done.
pub(crate) fn look_inside(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Remedy {
    let (name, directory) = (process.service.name, shell_quote(&process.state_dir));
    let text = if verdicts.model.listing.is_copy {
        "look where the stack runs, from inside the container"
    } else {
        "look from inside, where the mapping is already done"
    };
    command(
        text.to_owned(),
        format!(
            "docker compose exec {name} sh -c 'id; ls -ldn {directory}; touch {directory}/.probe && rm {directory}/.probe'"
        ),
    )
}

/// The state given to the process by root inside a container, whatever its ids are outside.
pub(crate) fn own_inside(process: &Process<'_>, uid: u32, group: u32) -> Remedy {
    let (name, directory) = (process.service.name, shell_quote(&process.state_dir));
    command(
        format!("give {directory} to the process from inside a container, whose ids are the ones that count"),
        format!(
            "docker compose run --rm --no-deps --user 0 --entrypoint chown {name} -R {uid}:{group} {directory}"
        ),
    )
}

/// `:z` on the mount, and on every mount of the directory that has `:Z`: the engine labels it for all containers.
pub(crate) fn relabel(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let mount = mounts::mount_over(process.service, &process.state_dir)?;
    let text = format!("let the engine label {} for all containers", mount.source.unwrap_or_default());
    let by_hand = || Some(words(format!("{text}: `bind: {{ selinux: z }}` under its mounts")));
    let mut out = Vec::new();
    let mut services = vec![process.service.name];
    for service in &verdicts.model.services.list {
        let same = |other: &&Mount<'_>| other.source == mount.source && other.relabel == Relabel::Private;
        for private in service.mounts.iter().filter(same) {
            let written = verdicts.model.sources.expose(private.span).trim_end_matches(['"', '\'']);
            let Some(at) = written.strip_suffix('Z').map(str::len) else { return by_hand() };
            out.push(Edit::text(verdicts.model.sources, private.span.part(at..at + 1), "z").judgement());
            services.push(service.name);
        }
    }
    if out.is_empty() {
        let written = verdicts.model.sources.expose(mount.span).trim_end_matches(['"', '\'']);
        let target = mount.target.trim_end_matches('/');
        // Only the short form ends in the target or its options.
        let joint = match written.rsplit_once(':') {
            Some((_, last)) if last.trim_end_matches('/') == target => ":z",
            Some((before, options))
                if before.trim_end_matches('/').ends_with(target) && !options.contains(['/', ' ', '}']) =>
            {
                ",z"
            }
            _ => return by_hand(),
        };
        let end = mount.span.part(written.len()..written.len());
        out.push(Edit::text(verdicts.model.sources, end, joint).judgement());
    }
    services.sort_unstable();
    services.dedup();
    Some(edits(text, out, Some(recreate(&services, verdicts))))
}

/// One user for both.
pub(crate) fn same_user(
    gateway: &Process<'_>,
    other: &Process<'_>,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let (uid, gid) = (gateway.uid.number()?, gateway.uid.group()?);
    let text = format!("run {} as uid {uid}, as {} runs", other.service.name, gateway.service.name);
    let user = format!("{uid}:{gid}");
    let edit = match &other.service.user {
        Some(written) => replace_scalar(verdicts, written.span, &user)?,
        None => layout::insert_child(
            verdicts.model.sources,
            other.service.key_span,
            &format!("user: \"{user}\""),
        )?,
    };
    Some(edits(text, vec![edit], Some(recreate(&[other.service.name], verdicts))))
}

/// Replaces a scalar of YAML, JSON5 or dotenv, in the quotes it has.
fn replace_scalar(verdicts: &Verdicts<'_>, span: Span, value: &str) -> Option<Edit> {
    let written = verdicts.model.sources.expose(span);
    if !verdicts.model.is_written(span) || written.contains('\n') || written.contains('$') {
        return None;
    }
    let quote = written.chars().next().filter(|c| matches!(c, '"' | '\''));
    let text = match quote {
        Some(quote) => format!("{quote}{value}{quote}"),
        None if value.contains(':') && !value.contains("://") && !value.starts_with("on-failure") => {
            format!("\"{value}\"")
        }
        None => value.to_owned(),
    };
    Some(Edit::text(verdicts.model.sources, span, text))
}

/// Replaces a scalar, template or not, by a quoted value.
fn replace_whole(verdicts: &Verdicts<'_>, span: Span, value: &str) -> Option<Edit> {
    let written = verdicts.model.sources.expose(span);
    if !verdicts.model.is_written(span) || written.contains('\n') {
        return None;
    }
    // Behind `KEY=` of a list item the value is a part of a scalar.
    let before = verdicts.model.sources.expose_file(span.file).get(..span.start as usize)?;
    let text = if before.ends_with('=') { value.to_owned() } else { format!("\"{value}\"") };
    Some(Edit::text(verdicts.model.sources, span, text))
}
