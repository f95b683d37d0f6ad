//! Caddyfiles: sites, and the upstreams behind them. Caddy passes upgrades on and says by itself who its clients are.

use std::collections::BTreeMap;

use super::blocks::{Ends, Statement, Word, parse};
use super::{Forwards, Passed, Route, Site, SitePort, Source, Upgrade, upstream};

/// Snippets import each other no deeper than this.
const DEEPEST: usize = 8;

pub(super) fn routes(sources: &[Source<'_>]) -> Vec<Route> {
    sources.iter().flat_map(routes_in).collect()
}

fn routes_in(source: &Source<'_>) -> Vec<Route> {
    let statements = parse(source.text, Ends::Line);
    let is_snippet = |statement: &&Statement| statement.name().starts_with('(');
    let snippets: BTreeMap<&str, &[Statement]> = statements
        .iter()
        .filter(is_snippet)
        .map(|statement| (statement.name().trim_matches(['(', ')']), statement.children()))
        .collect();
    let mut routes = Vec::new();
    // One site alone needs no braces: its addresses are the first line.
    let is_bare = statements.first().is_some_and(|first| first.block.is_none());
    if let Some((first, rest)) = statements.split_first().filter(|_| is_bare) {
        let sites = sites(&first.words, source);
        collect(rest, &Scope { sites: &sites, path: None }, &snippets, source, 0, &mut routes);
        return routes;
    }
    for site in statements.iter().filter(|site| !site.words.is_empty() && !is_snippet(site)) {
        let sites = sites(&site.words, source);
        collect(site.children(), &Scope { sites: &sites, path: None }, &snippets, source, 0, &mut routes);
    }
    routes
}

/// Where a statement stands.
#[derive(Clone)]
struct Scope<'s> {
    sites: &'s [Site],
    /// The path that leads here and is passed on.
    path: Option<Passed>,
}

impl Scope<'_> {
    /// The same behind a matcher of a path, such as `/claw/*`.
    fn behind(&self, statement: &Statement, source: &Source<'_>) -> Self {
        let matcher = statement.arguments().first().filter(|word| word.text.starts_with('/'));
        let path = matcher.and_then(|word| Passed::of(&word.text, source.span(word.range.clone())));
        Self { sites: self.sites, path: path.or_else(|| self.path.clone()) }
    }
}

fn collect(
    statements: &[Statement],
    scope: &Scope<'_>,
    snippets: &BTreeMap<&str, &[Statement]>,
    source: &Source<'_>,
    depth: usize,
    routes: &mut Vec<Route>,
) {
    // `uri strip_prefix /claw` takes off what the matcher matched.
    let strips = statements.iter().any(|statement| {
        statement.name() == "uri"
            && statement.arguments().first().is_some_and(|word| word.text == "strip_prefix")
    });
    let scope = &if strips { Scope { path: None, ..scope.clone() } } else { scope.clone() };
    for statement in statements {
        if routes.len() >= super::MOST {
            return;
        }
        match statement.name() {
            "reverse_proxy" => routes.extend(route(statement, &scope.behind(statement, source), source)),
            "handle_path" => {
                let inside = Scope { path: None, ..scope.clone() };
                collect(statement.children(), &inside, snippets, source, depth, routes);
            }
            "handle" | "route" => {
                let inside = scope.behind(statement, source);
                collect(statement.children(), &inside, snippets, source, depth, routes);
            }
            "import" if depth < DEEPEST => {
                let name = statement.arguments().first().map_or("", |word| word.text.as_str());
                if let Some(snippet) = snippets.get(name) {
                    collect(snippet, scope, snippets, source, depth + 1, routes);
                }
            }
            _ => collect(statement.children(), scope, snippets, source, depth, routes),
        }
    }
}

fn route(statement: &Statement, scope: &Scope<'_>, source: &Source<'_>) -> Option<Route> {
    let is_matcher = |word: &&Word| word.text.starts_with(['/', '@', '*']);
    let inline = statement.arguments().iter().find(|word| !is_matcher(word));
    let to = || statement.children().iter().find(|child| child.name() == "to")?.arguments().first();
    let word = inline.or_else(to)?;
    let (host, port) = upstream(&substituted(&word.text, source))?;
    Some(Route {
        host,
        port: port.or(Some(80)),
        span: source.span(word.range.clone()),
        sites: scope.sites.to_vec(),
        path: scope.path.clone(),
        forwards: Forwards::Client,
        upgrade: Upgrade::Passed,
    })
}

/// `{$NAME}` and `{$NAME:default}`, by the container's environment.
fn substituted(text: &str, source: &Source<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{$") {
        let Some((variable, behind)) = after.split_once('}') else { break };
        let (name, default) = variable.split_once(':').unwrap_or((variable, ""));
        out.push_str(before);
        out.push_str(source.variable(name).unwrap_or(default));
        rest = behind;
    }
    out + rest
}

fn sites(words: &[Word], source: &Source<'_>) -> Vec<Site> {
    words.iter().take(super::MOST_SITES).filter_map(|word| site(word, source)).collect()
}

/// A name alone is served with TLS, a port alone without.
fn site(word: &Word, source: &Source<'_>) -> Option<Site> {
    let text = substituted(word.text.trim_end_matches(','), source);
    let (scheme, rest) =
        text.split_once("://").map_or((None, text.as_str()), |(scheme, rest)| (Some(scheme), rest));
    let authority = rest.split('/').next()?;
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    let port: Option<u16> = port.parse().ok();
    let secure = match scheme {
        Some(scheme) => scheme == "https",
        None => port != Some(80) && !host.is_empty(),
    };
    let is_host = !host.is_empty() && !host.contains(['*', '{', '$']);
    (is_host || port.is_some()).then(|| Site {
        host: is_host.then(|| host.to_owned()),
        secure,
        port: SitePort::Listens(port.unwrap_or(if secure { 443 } else { 80 })),
        span: source.span(word.range.clone()),
    })
}
