//! What a release refuses in `openclaw.json`, in words, and the smallest edit that it takes.

use crate::finding::{Code, Remedy};
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::listener::Gateway;
use crate::openclaw::verdict::schema::{Fault, FaultKind};
use crate::source::Span;

use super::remedies::{edits, recreate_all, replace_scalar, words};

pub(crate) fn code(fault: &Fault) -> Code {
    match fault.kind {
        FaultKind::Unknown { .. } => Code::ConfigUnknownKey,
        FaultKind::Word { .. } | FaultKind::NoCustomHost | FaultKind::Kind { .. } => Code::ConfigValueRefused,
    }
}

/// Why the gateway does not start.
pub(crate) fn refused(fault: &Fault, gateway: &Gateway<'_>) -> String {
    let path = &fault.path;
    let release = gateway
        .process
        .version
        .map_or_else(|| "the newest release".to_owned(), |version| format!("release {version}"));
    let why = match &fault.kind {
        FaultKind::Unknown { since: Some(since), .. } => {
            format!("{release} does not know {path}, which came with {since}")
        }
        FaultKind::Unknown { .. } => format!("{release} does not know {path}"),
        FaultKind::Word { value, words, .. } => {
            format!("{release} does not take \"{value}\" for {path}, but {}", words.join(", "))
        }
        FaultKind::NoCustomHost => {
            format!("{path} is custom, and gateway.customBindHost does not say which address")
        }
        FaultKind::Kind { wanted } => format!("{path} is not {wanted}"),
    };
    format!("{why}: {} refuses the configuration", gateway.name())
}

pub(crate) fn remedy(fault: &Fault, gateway: &Gateway<'_>, verdicts: &Verdicts<'_>) -> Option<Remedy> {
    let path = &fault.path;
    let key = path.rsplit('.').next().unwrap_or(path);
    Some(match &fault.kind {
        FaultKind::Unknown { nearest: Some(nearest), .. } => {
            let text = format!("write {nearest} for {key}, if that is meant; else remove it");
            rewrite(fault.span, nearest, text, gateway, verdicts)?
        }
        FaultKind::Unknown { since: Some(since), .. } => {
            words(format!("remove {path}, or run release {since} or a later one"))
        }
        FaultKind::Unknown { .. } => words(format!("remove {key} from openclaw.json: nothing reads {path}")),
        FaultKind::Word { meant: Some(meant), .. } => {
            let text = format!("write {path}: \"{meant}\"");
            rewrite(fault.span, meant, text, gateway, verdicts)?
        }
        FaultKind::Word { words: taken, .. } if path.ends_with("bind") => words(format!(
            "write one of {} for {path}; an address goes into gateway.customBindHost, with bind custom",
            taken.join(", ")
        )),
        FaultKind::Word { words: taken, .. } => {
            words(format!("write one of {} for {path}", taken.join(", ")))
        }
        FaultKind::NoCustomHost => words(
            "write the IPv4 address to listen on as gateway.customBindHost, or bind lan for all of them",
        ),
        FaultKind::Kind { wanted } => words(format!("write {wanted} for {path}")),
    })
}

/// Writes another word in place of one that the gateway refuses: a guess at what was meant, for a person to say yes to.
fn rewrite(
    span: Span,
    word: &str,
    text: String,
    gateway: &Gateway<'_>,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let Some(edit) = replace_scalar(verdicts, verdicts.model.origin(span), word) else {
        return Some(words(text));
    };
    Some(edits(text, vec![edit.judgement()], Some(recreate_all(gateway.name(), verdicts))))
}
