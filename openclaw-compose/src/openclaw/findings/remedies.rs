//! What the families share of remedies: sentences, commands, and edits of services.
//!
//! House rules: share the gateway's namespace before anything else; never bind loopback behind a bridge, never switch a
//! check off, never widen a mode; a namespace owner is never restarted without its dependants.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::edit::{Edit, Replacement, layout};
use crate::finding::{Finding, Remedy, Run, Safety, Severity};
use crate::openclaw::model::Model;
use crate::openclaw::model::services::Service;
use crate::openclaw::rules;
use crate::openclaw::verdict::Verdicts;
use crate::source::{FileId, Span};

/// Words only.
pub(crate) fn words(text: impl Into<String>) -> Remedy {
    Remedy::words(text)
}

/// A command that a person runs.
pub(crate) fn command(text: String, run: impl Into<Run>) -> Remedy {
    let mut remedy = words(text);
    remedy.run(run.into());
    remedy.safety = Safety::Judgement;
    remedy
}

/// Edits a machine may make, or a person where any of them is left to one.
pub(crate) fn edits(text: impl Into<String>, edits: Vec<Edit>, run: Option<Run>) -> Remedy {
    let judgement = edits.iter().any(|edit| edit.applicability == crate::edit::Applicability::Judgement);
    let mut remedy = words(text);
    if let Some(run) = run {
        remedy.run(run);
    }
    remedy.edits = joined(edits);
    remedy.safety = if judgement { Safety::Judgement } else { Safety::Safe };
    remedy
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

/// Finishes remedies: what edits the definition of a service ends in a new container of it, and so does what edits a file
/// that a container mounts by itself, for a rename leaves the old content there.
pub(crate) fn finish(findings: &mut [Finding], model: &Model<'_>) {
    let mut mounting: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let definitions = Definitions::of(model);
    for finding in findings {
        let Some(remedy) = &mut finding.remedy else { continue };
        let mut run = remedy.run.take();
        let changed: BTreeSet<&str> =
            remedy.edits.iter().flat_map(|edit| definitions.changed_by(edit.span)).collect();
        // Advice may wait for the next `up`.
        let is_now = finding.severity == Severity::Error || run.is_some();
        if !changed.is_empty() && is_now {
            let stranded = changed.iter().flat_map(|name| model.namespaces.stranded_by(name));
            let stranded: Vec<&str> = stranded.filter(|name| !changed.contains(name)).collect();
            let services: Vec<&str> = changed.iter().copied().chain(stranded.iter().copied()).collect();
            run = Some(and_recreate(run, &services, !stranded.is_empty()));
        }
        let mut services: Vec<&str> = Vec::new();
        for edit in &remedy.edits {
            let known = mounting.entry(edit.file.clone()).or_insert_with(|| model.mounting(&edit.file));
            services.extend(known.iter());
        }
        if !services.is_empty() {
            remedy.text +=
                "; a container that mounts the file by itself keeps the old one until it is recreated";
            run = Some(and_recreate(run, &services, true));
        }
        remedy.command = run.as_ref().map(Run::to_string);
    }
}

fn and_recreate(run: Option<Run>, services: &[&str], forced: bool) -> Run {
    run.unwrap_or_else(|| Run::recreate(&[], false)).and_recreate(services, forced)
}

/// A service, and its block once it was asked for.
type Block<'m, 'a> = (&'m Service<'a>, OnceCell<Option<Span>>);

/// Where the definitions of the services stand.
struct Definitions<'m, 'a> {
    model: &'m Model<'a>,
    /// Each service by where its block begins.
    blocks: BTreeMap<(FileId, u32), Block<'m, 'a>>,
    /// The services whose variables come from a place, by where it begins.
    variables: BTreeMap<(FileId, u32), BTreeSet<&'a str>>,
}

impl<'m, 'a> Definitions<'m, 'a> {
    fn of(model: &'m Model<'a>) -> Self {
        let key = |span: Span| (span.file, span.start);
        let services = model.services.list.iter().filter(|service| model.is_written(service.key_span));
        let mut variables: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
        for service in &model.services.list {
            for variable in service.environment.values() {
                let origin = model.origin(variable.span);
                if origin != variable.span {
                    variables.entry(key(origin)).or_default().insert(service.name);
                }
            }
        }
        let blocks = services.map(|service| (key(service.key_span), (service, OnceCell::new())));
        Self { model, blocks: blocks.collect(), variables }
    }

    /// The services that an edit of these bytes defines anew.
    fn changed_by(&self, span: Span) -> BTreeSet<&'a str> {
        let from = self.variables.range((span.file, span.start)..=(span.file, span.end));
        let mut out: BTreeSet<&str> = from.flat_map(|(_, services)| services.iter().copied()).collect();
        if let Some((_, (service, body))) = self.blocks.range(..=(span.file, span.start)).next_back() {
            let body = body.get_or_init(|| layout::body(self.model.sources, service.key_span));
            out.extend(body.filter(|body| body.contains(span)).map(|_| service.name));
        }
        out
    }
}

pub(crate) fn shell_quote(word: &str) -> String {
    // Only a NUL could not be quoted, and it is let through.
    shlex::Quoter::new().allow_nul(true).quote(word).map(Cow::into_owned).unwrap_or_default()
}

/// `docker compose up -d` for these services and for everyone who lives in their namespaces.
pub(crate) fn recreate(services: &[&str], verdicts: &Verdicts<'_>) -> Run {
    if let Some(reload) = reload(services, verdicts) {
        return reload;
    }
    let mut names: Vec<&str> = services.to_vec();
    for service in services {
        names.extend(verdicts.model.namespaces.stranded_by(service));
    }
    names.sort_unstable();
    names.dedup();
    // A borrower must be recreated with its owner even where its own definition is unchanged.
    Run::recreate(&names, names.len() > services.len())
}

/// Loads jobs of the host anew, where these are such.
fn reload(services: &[&str], verdicts: &Verdicts<'_>) -> Option<Run> {
    let job = |name: &&str| verdicts.model.services.named(name)?.job;
    let jobs = services.iter().filter_map(job).collect::<Vec<_>>();
    let reload: Vec<String> = jobs.iter().filter_map(|job| Some(job.manager?.reload(&job.name))).collect();
    (!jobs.is_empty()).then(|| Run::Line(reload.join("\n")))
}

/// A program in a container of the service that is made for it and goes away again: there need be none that runs.
pub(crate) fn run(service: &str, program: &str, arguments: &str) -> String {
    format!("docker compose run --rm --no-deps -T --entrypoint {program} {service} {arguments}")
}

/// Every variable of a meaning, whether some release reads it or none.
pub(crate) fn names_of(meaning: rules::Meaning) -> Vec<&'static str> {
    let mut names: Vec<&str> =
        rules::NAME_RULES.iter().filter(|rule| rule.meaning == meaning).map(|rule| rule.name).collect();
    names.dedup();
    names
}

/// Takes variables out of a service: their lines, or the whole `environment` where nothing would be left of it; where a line
/// serves others too, it is overridden with nothing.
pub(crate) fn unset(service: &Service<'_>, names: &[&str], verdicts: &Verdicts<'_>) -> Vec<Edit> {
    arrange(service, names, &[], verdicts)
}

/// [`unset`] with other variables set on the way; their values are written as given.
pub(crate) fn arrange(
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
    let body = layout::body(verdicts.model.sources, service.key_span);
    let is_inside = |key: Span| body.is_some_and(|body| body.contains(key));
    let own_line = |name: &str| service.environment.get(name)?.key_span.filter(|key| is_inside(*key));
    let environment = verdicts.model.environment_key(service).filter(|key| is_inside(*key));
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

/// A change of the listener needs a new process, and everyone in its namespace with it.
pub(crate) fn recreate_all(name: &str, verdicts: &Verdicts<'_>) -> Run {
    if let Some(reload) = reload(&[name], verdicts) {
        return reload;
    }
    let dependants = verdicts.model.namespaces.stranded_by(name);
    let names: Vec<&str> = std::iter::once(name).chain(dependants).collect();
    Run::recreate(&names, true)
}

/// Replaces a scalar of YAML, JSON5 or dotenv, in the quotes it has.
pub(crate) fn replace_scalar(verdicts: &Verdicts<'_>, span: Span, value: &str) -> Option<Edit> {
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
pub(crate) fn replace_whole(verdicts: &Verdicts<'_>, span: Span, value: &str) -> Option<Edit> {
    let written = verdicts.model.sources.expose(span);
    if !verdicts.model.is_written(span) || written.contains('\n') {
        return None;
    }
    // Behind `KEY=` of a list item the value is a part of a scalar.
    let before = verdicts.model.sources.expose_file(span.file).get(..span.start as usize)?;
    let text = if before.ends_with('=') { value.to_owned() } else { format!("\"{value}\"") };
    Some(Edit::text(verdicts.model.sources, span, text))
}
