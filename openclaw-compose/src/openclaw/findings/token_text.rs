//! Tokens that are not what was written, or stand where they show.

use std::collections::BTreeSet;

use crate::edit::layout;
use crate::finding::{Code, Remedy, Severity};
use crate::openclaw::model::config::SecretForm;
use crate::openclaw::model::processes::Process;
use crate::openclaw::rules;
use crate::openclaw::verdict::Verdicts;
use crate::source::Span;

use super::Findings;
use super::remedies::{edits, words};

/// Everything about how a token is written.
pub(crate) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    let mut told: BTreeSet<Span> = BTreeSet::new();
    for process in verdicts.model.processes.iter().filter(|process| process.is_openclaw()) {
        lexed(process, verdicts, &mut told, out);
        command_line(process, verdicts, out);
    }
    unused_secrets(verdicts, out);
}

/// What the readers between file and process did to the value.
fn lexed(process: &Process<'_>, verdicts: &Verdicts<'_>, told: &mut BTreeSet<Span>, out: &mut Findings) {
    let names = |meaning| rules::names(meaning, process.version, process.side());
    for rule in names(rules::Meaning::Token).chain(names(rules::Meaning::Password)) {
        let Some(variable) = process.service.environment.get(rule.name) else { continue };
        let Some(value) = variable.value else { continue };
        let origin = verdicts.model.origin(variable.span);
        let Some((what, certain)) = mangled(value.expose(), verdicts.model.sources.expose(origin)) else {
            continue;
        };
        if !told.insert(origin) {
            continue;
        }
        let summary = format!("{} of {}: {what}", rule.name, process.service.name);
        let mut finding =
            verdicts.finding(Code::TokenMangled, summary, Some(origin)).about(process.subject());
        if !certain {
            finding.severity = Severity::Info;
        }
        finding.remedy = unmangle(value.expose(), origin, verdicts);
        out.push(finding);
    }
}

/// What happened to a value, and whether it changes what is compared (both sides trim).
fn mangled(value: &str, written: &str) -> Option<(&'static str, bool)> {
    let trimmed = value.trim();
    let quoted = |quote: char| trimmed.len() > 1 && trimmed.starts_with(quote) && trimmed.ends_with(quote);
    if quoted('"') || quoted('\'') {
        return Some(("the quotes are part of the value, as an item of a list keeps them", true));
    }
    if value.contains('\u{feff}') {
        return Some(("a byte order mark is part of the value", true));
    }
    if trimmed.contains(['\r', '\n']) {
        return Some(("a line break is inside the value", true));
    }
    if written.contains('$')
        && !written.trim_start().starts_with('\'')
        && !value.contains('$')
        && !written.contains("${")
        && !written.contains("$$")
    {
        return Some(("a `$` in the file was taken for a variable: part of the value is gone", true));
    }
    if value.ends_with('\r') || value.ends_with('\n') {
        return Some(("it ends in a line break, which both sides cut off", false));
    }
    if value != trimmed {
        return Some(("blanks around the value are cut off by both sides", false));
    }
    None
}

/// Takes quotes out of a value that kept them.
fn unmangle(value: &str, origin: Span, verdicts: &Verdicts<'_>) -> Option<Remedy> {
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

/// A token on the command line shows in `docker inspect` and in the process list.
fn command_line(process: &Process<'_>, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let Some(flag) = process.invocation.flag("token") else { return };
    let name = process.service.name;
    let literal = flag.value.as_ref().is_some_and(|value| !value.starts_with("$"));
    if !literal {
        return;
    }
    let summary =
        format!("the token of {name} stands in its command: docker inspect and the process list show it");
    let mut finding =
        verdicts.finding(Code::TokenInCommand, summary, Some(flag.span)).about(process.subject());
    finding.remedy = Some(words(format!("hand it in as {} and drop --token", rules::TOKEN)));
    out.push(finding);
}

/// Docker secrets with a token's name that no key of `openclaw.json` refers to.
fn unused_secrets(verdicts: &Verdicts<'_>, out: &mut Findings) {
    for gateway in verdicts.gateways {
        let process = gateway.process;
        for secret in &process.service.secrets {
            let named = secret.source.to_ascii_lowercase();
            let about_token =
                named.contains("gateway") && (named.contains("token") || named.contains("password"));
            let referred = ["auth", "remote"].iter().any(|section| {
                ["token", "password"].iter().any(|key| {
                    process
                        .config()
                        .and_then(|config| config.secret(&["gateway", section, key]))
                        .is_some_and(|form| matches!(form, SecretForm::Ref { .. }))
                })
            });
            let read_by_command = process
                .service
                .entrypoint
                .iter()
                .chain(&process.service.command)
                .flatten()
                .any(|word| word.value.contains(&secret.target));
            let unseen = read_by_command || process.invocation.through_script;
            if about_token && !referred && !unseen && process.config().is_some() {
                let summary = format!(
                    "{} mounts the secret {} and nothing reads {}",
                    process.service.name, secret.source, secret.target
                );
                let mut finding = verdicts
                    .finding(Code::TokenFileNotRead, summary, Some(secret.span))
                    .about(process.subject());
                finding.evidence.push(
                    "a Docker secret becomes a token only through a file SecretRef in openclaw.json"
                        .to_owned(),
                );
                finding.remedy =
                    Some(words("refer to it from gateway.auth.token with {source: \"file\", ...}"));
                out.push(finding);
            }
        }
    }
}
