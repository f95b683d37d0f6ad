//! nginx and its kin: servers, locations, and which headers are set where.

use std::collections::{BTreeMap, BTreeSet};

use crate::openclaw::rules::version;

use super::blocks::{Ends, Statement, Word, parse};
use super::{Forwards, Passed, Route, Site, SitePort, Source, Upgrade, upstream};

pub(super) fn routes(sources: &[Source<'_>]) -> Vec<Route> {
    let parsed: Vec<(Source<'_>, Vec<Statement>)> =
        sources.iter().map(|source| (*source, parse(source.text, Ends::Semicolon))).collect();
    let mut groups = BTreeMap::new();
    for (source, statements) in &parsed {
        upstreams(statements, *source, &mut groups);
    }
    let mut routes = Vec::new();
    for (source, statements) in &parsed {
        let walk = Walk { source: *source, groups: &groups };
        walk.scope(statements, &Scope { http11: by_default(source), ..Scope::default() }, &mut routes);
    }
    // A page and its socket are one: where any location of the same upstream passes the upgrade on, that may be the one.
    let passing: BTreeSet<(String, Option<u16>)> = routes
        .iter()
        .filter(|route| route.upgrade == Upgrade::Passed)
        .map(|route| (route.host.clone(), route.port))
        .collect();
    for route in &mut routes {
        let is_dropped = matches!(route.upgrade, Upgrade::Dropped(_));
        if is_dropped && passing.contains(&(route.host.clone(), route.port)) {
            route.upgrade = Upgrade::Unknown;
        }
    }
    routes
}

/// The first servers of the named groups: `upstream NAME { server HOST:PORT; }`.
fn upstreams(statements: &[Statement], source: Source<'_>, groups: &mut BTreeMap<String, String>) {
    for statement in statements {
        match (statement.name(), statement.arguments()) {
            ("upstream", [name]) => {
                let server = statement.children().iter().find(|child| child.name() == "server");
                if let Some(address) = server.and_then(|server| server.arguments().first()) {
                    groups.entry(name.text.clone()).or_insert_with(|| substituted(&address.text, source));
                }
            }
            ("http", _) => upstreams(statement.children(), source, groups),
            _ => {}
        }
    }
}

/// `${NAME}` of a template, by the container's environment.
fn substituted(text: &str, source: Source<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        match source.variable(name) {
            Some(value) => out.push_str(value),
            None => out.push_str(&format!("${{{name}}}")),
        }
        rest = behind;
    }
    out + rest
}

/// HTTP/1.1 to upstreams is nginx's default from 1.29.7 on; of an image whose tag does not say as much it is not known.
fn by_default(source: &Source<'_>) -> Option<bool> {
    let image = source.service.image.as_ref()?.value;
    let tag = version::tag(image)?;
    let mut numbers = tag.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    let (major, minor) = (numbers.next()?, numbers.next()?);
    match numbers.next() {
        Some(patch) => Some((major, minor, patch) >= (1, 29, 7)),
        None if (major, minor) < (1, 29) => Some(false),
        None => (major, minor).gt(&(1, 29)).then_some(true),
    }
}

/// What a block inherits from those around it.
#[derive(Clone, Default)]
struct Scope<'s> {
    sites: Vec<Site>,
    /// The path of the location around it.
    path: Option<Passed>,
    /// It writes the path anew in some way.
    rewrites: bool,
    /// The headers that are set, unless a block sets any of its own.
    headers: Vec<(&'s Word, &'s Word)>,
    http11: Option<bool>,
    /// Something is included that may set any.
    includes: bool,
}

struct Walk<'s> {
    source: Source<'s>,
    groups: &'s BTreeMap<String, String>,
}

impl<'s> Walk<'s> {
    fn scope(&self, statements: &'s [Statement], outer: &Scope<'s>, routes: &mut Vec<Route>) {
        let mut here = outer.clone();
        let own: Vec<(&Word, &Word)> = statements
            .iter()
            .filter(|statement| statement.name() == "proxy_set_header")
            .filter_map(|statement| Some((statement.arguments().first()?, statement.arguments().get(1)?)))
            .take(MOST_HEADERS)
            .collect();
        if !own.is_empty() {
            here.headers = own;
            here.includes = false;
        }
        for statement in statements {
            match (statement.name(), statement.arguments()) {
                ("proxy_http_version", [version]) => here.http11 = Some(version.text == "1.1"),
                ("rewrite", _) => here.rewrites = true,
                ("include", [file]) => {
                    here.includes |= !HARMLESS.iter().any(|name| file.text.ends_with(name));
                }
                _ => {}
            }
        }
        if routes.len() >= super::MOST {
            return;
        }
        if let Some(passed) = statements.iter().find(|statement| statement.name() == "proxy_pass") {
            routes.extend(self.route(passed, &here));
        }
        for statement in statements {
            match statement.name() {
                "server" => {
                    let sites = self.sites(statement.children());
                    self.scope(statement.children(), &Scope { sites, ..here.clone() }, routes);
                }
                "location" => {
                    // Behind a modifier stands a pattern, or the path as it is.
                    let words = statement.arguments();
                    let path = match words {
                        [path] => Some(path),
                        [modifier, path] if matches!(modifier.text.as_str(), "=" | "^~") => Some(path),
                        _ => None,
                    };
                    let path =
                        path.and_then(|path| Passed::of(&path.text, self.source.span(path.range.clone())));
                    self.scope(statement.children(), &Scope { path, ..here.clone() }, routes);
                }
                "http" | "if" => self.scope(statement.children(), &here, routes),
                _ => {}
            }
        }
    }

    fn sites(&self, server: &[Statement]) -> Vec<Site> {
        let listens: Vec<(u16, bool)> = server
            .iter()
            .filter(|statement| statement.name() == "listen")
            .filter_map(|statement| {
                let (address, flags) = statement.arguments().split_first()?;
                let port = address.text.rsplit(':').next()?.parse().ok()?;
                Some((port, flags.iter().any(|flag| matches!(flag.text.as_str(), "ssl" | "quic"))))
            })
            .collect();
        let named = server.iter().find(|statement| statement.name() == "server_name");
        let is_host = |host: &str| {
            !host.is_empty() && !host.starts_with(['_', '~', '*', '.', '$']) && !host.contains("${")
        };
        let name = named.and_then(|named| named.arguments().first()).and_then(|word| {
            let host = substituted(&word.text, self.source);
            is_host(&host).then(|| (host, self.source.span(word.range.clone())))
        });
        let site = |(port, secure)| {
            let listen = server.iter().find(|statement| statement.name() == "listen")?;
            let (host, span) = match &name {
                Some((host, span)) => (Some(host.clone()), *span),
                None => (None, self.source.span(listen.range.clone())),
            };
            Some(Site { host, secure, port: SitePort::Listens(port), span })
        };
        listens.into_iter().take(super::MOST_SITES).filter_map(site).collect()
    }

    fn route(&self, passed: &Statement, scope: &Scope<'_>) -> Option<Route> {
        let address = passed.arguments().first()?;
        let text = substituted(&address.text, self.source);
        let (mut host, mut port) = upstream(&text)?;
        if let Some(server) = self.groups.get(&host) {
            (host, port) = upstream(server)?;
        }
        let sets = |name: &str| scope.headers.iter().find(|(known, _)| known.text.eq_ignore_ascii_case(name));
        let is_forwarding = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.starts_with("x-forwarded-") || name == "x-real-ip" || name == "forwarded"
        };
        let appended =
            scope.headers.iter().map(|(_, value)| *value).find(|value| value.text.contains(APPENDED));
        let forwards = match appended {
            Some(value) => Forwards::Appended(self.source.span(value.range.clone())),
            None if scope
                .headers
                .iter()
                .any(|(name, value)| is_forwarding(&name.text) && !value.text.is_empty()) =>
            {
                Forwards::Client
            }
            None if scope.includes => Forwards::Unknown,
            None => Forwards::Nothing,
        };
        let asks = sets("Upgrade").is_some_and(|(_, value)| !value.text.is_empty())
            && sets("Connection")
                .is_some_and(|(_, value)| value.text.to_ascii_lowercase().contains("upgrade"));
        let upgrade = match (asks, scope.http11) {
            _ if scope.includes && !(asks && scope.http11 == Some(true)) => Upgrade::Unknown,
            (true, Some(true)) => Upgrade::Passed,
            (true, None) => Upgrade::Unknown,
            (false, _) | (true, Some(false)) => Upgrade::Dropped(self.source.span(passed.range.clone())),
        };
        let span = self.source.span(address.range.clone());
        // An address with a path of its own puts that in the place of the location's.
        let own = text.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
        let path = match own {
            _ if scope.rewrites => None,
            Some(path) => Passed::of(&format!("/{path}"), span),
            None => scope.path.clone(),
        };
        Some(Route { host, port, span, sites: scope.sites.clone(), path, forwards, upgrade })
    }
}

/// The most headers of a block that are looked at.
const MOST_HEADERS: usize = 64;

/// What puts the client's address behind the ones that it names itself.
const APPENDED: &str = "$proxy_add_x_forwarded_for";

/// Included files that set no headers of requests.
const HARMLESS: [&str; 4] = ["mime.types", "fastcgi_params", "ssl-params.conf", "options-ssl-nginx.conf"];
