//! What an answer over HTTP says about its rung. Bodies are judged, not only codes: the web UI answers unknown paths with
//! 200 and a page, remote callers get short bodies, old releases lack endpoints.

use std::borrow::Cow;
use std::time::SystemTime;

use serde::Deserialize;

use crate::clock::ClockSkew;
use crate::codes::Code;
use crate::endpoint;
use crate::http::HttpAnswer;
use crate::mask::Mask;
use crate::report::{Because, Fault, Outcome};
use crate::rung::Rung;

impl HttpAnswer {
    pub(crate) fn skew(&self, sent: SystemTime, received: SystemTime) -> Option<ClockSkew> {
        ClockSkew::from_date_header(self.date.as_deref()?, sent, received)
    }

    pub(crate) fn is_json(&self) -> bool {
        self.media_type().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
    }

    fn is_html(&self) -> bool {
        self.media_type().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"))
    }

    fn media_type(&self) -> Option<&str> {
        self.content_type.as_deref().and_then(|kind| kind.split(';').next()).map(str::trim)
    }

    /// Status, type and the head of the body, as evidence.
    fn in_words(&self, mask: &Mask) -> String {
        let kind = mask.line(self.media_type().unwrap_or("no content type"), 60);
        let body = mask.quoted(String::from_utf8_lossy(&self.body).trim(), 80);
        format!("HTTP {} {kind}, {body}", self.status)
    }
}

/// What an answer says about its rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) outcome: Outcome,
    pub(crate) version: Option<String>,
    pub(crate) evidence: Vec<String>,
}

impl Judgement {
    const fn bare(outcome: Outcome) -> Self {
        Self { outcome, version: None, evidence: Vec::new() }
    }

    fn failed(code: Code, detail: impl Into<String>) -> Self {
        Self::bare(Outcome::Failed(Fault::new(code, detail)))
    }
}

/// Judges the answer of a probe endpoint. `alive` says that liveness was proven, and so that this is a gateway.
pub(crate) fn judge(rung: Rung, answer: &HttpAnswer, alive: bool, mask: &Mask) -> Judgement {
    if is_the_gateways(answer) {
        return match rung {
            Rung::Liveness => judge_liveness(answer, mask),
            Rung::Startup => judge_startup(answer, mask),
            _ => judge_readiness(answer, mask),
        };
    }
    if alive && may_be_absent(rung, answer) {
        let since = endpoint::of(rung).map_or("", |endpoint| endpoint.since);
        return Judgement {
            outcome: Outcome::Skipped { because: Because::EndpointAbsent },
            version: None,
            evidence: vec![format!("{}; the endpoint exists since {since}", answer.in_words(mask))],
        };
    }
    Judgement::bare(Outcome::Failed(refusal(answer, Code::HtmlInsteadOfJson, Code::NotTheGateway, mask)))
}

/// Whether this is what a gateway older than the endpoint answers: its web UI's page, or a 404.
pub(crate) fn may_be_absent(rung: Rung, answer: &HttpAnswer) -> bool {
    rung > Rung::Liveness && (answer.status == 404 || (answer.status == 200 && answer.is_html()))
}

/// The gateway says 200 when all is well and 503 when it is not, with JSON both times.
fn is_the_gateways(answer: &HttpAnswer) -> bool {
    matches!(answer.status, 200 | 503) && answer.is_json()
}

/// An upgrade request that was answered with something else than 101.
pub(crate) fn refused_upgrade(answer: &HttpAnswer, mask: &Mask) -> Fault {
    refusal(answer, Code::UpgradeIgnored, Code::UpgradeIgnored, mask)
}

/// An answer that is not the gateway's JSON: by status, then by body.
fn refusal(answer: &HttpAnswer, page: Code, other: Code, mask: &Mask) -> Fault {
    let code = match answer.status {
        200 if answer.is_html() => page,
        200..=299 => other,
        300..=399 => {
            let to = answer
                .location
                .as_deref()
                .map_or_else(|| "no location".to_owned(), |to| mask.line(without_query(to), 120));
            return Fault::new(Code::Redirected, format!("HTTP {} to {to}", answer.status));
        }
        401 => Code::Unauthorized,
        403 if contains(&answer.body, b"proxy_attribution_required") => Code::ProxyAttributionRequired,
        403 => Code::Forbidden,
        404 => Code::PathNotFound,
        502 | 504 => Code::BadGateway,
        503 if contains(&answer.body, b"Gateway websocket admission closed") => Code::Draining,
        503 => Code::ServiceUnavailable,
        _ => Code::UnexpectedStatus,
    };
    Fault::new(code, answer.in_words(mask))
}

#[derive(Deserialize)]
struct Live<'a> {
    ok: bool,
    #[serde(borrow)]
    status: Cow<'a, str>,
}

fn judge_liveness(answer: &HttpAnswer, mask: &Mask) -> Judgement {
    match serde_json::from_slice::<Live<'_>>(&answer.body) {
        Ok(live) if live.ok && live.status == "live" && answer.status == 200 => {
            Judgement::bare(Outcome::Passed)
        }
        _ => Judgement::failed(Code::NotTheGateway, answer.in_words(mask)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Startup<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    version: Option<String>,
    uptime_ms: Option<u64>,
    #[serde(borrow)]
    pending_reason: Option<Cow<'a, str>>,
}

fn judge_startup(answer: &HttpAnswer, mask: &Mask) -> Judgement {
    let Ok(said) = serde_json::from_slice::<Startup<'_>>(&answer.body) else {
        return Judgement::failed(Code::StateUnreadable, answer.in_words(mask));
    };
    let pending = said
        .pending_reason
        .as_deref()
        .map_or_else(String::new, |why| format!(", waiting for {}", mask.line(why, 80)));
    let outcome = match (said.status.as_ref(), answer.status) {
        ("started", 200) => Outcome::Passed,
        ("starting", _) => {
            Outcome::Failed(Fault::new(Code::Starting, format!("status \"starting\"{pending}")))
        }
        ("draining", _) => Outcome::Failed(Fault::new(Code::Draining, "status \"draining\"")),
        _ => Outcome::Failed(Fault::new(Code::StateUnreadable, answer.in_words(mask))),
    };
    let evidence = said.uptime_ms.map(|ms| format!("up {} s", ms / 1000)).into_iter().collect();
    Judgement { outcome, version: said.version.map(|v| mask.line(&v, 64)), evidence }
}

/// Up to 2026.3.2 the answer is that of liveness with another word, and always this one.
fn is_ready_in_old_words(answer: &HttpAnswer) -> bool {
    let said = serde_json::from_slice::<Live<'_>>(&answer.body);
    answer.status == 200 && said.is_ok_and(|said| said.ok && said.status == "ready")
}

#[derive(Deserialize)]
struct Ready<'a> {
    ready: bool,
    #[serde(borrow)]
    failing: Option<Vec<Cow<'a, str>>>,
}

fn judge_readiness(answer: &HttpAnswer, mask: &Mask) -> Judgement {
    if is_ready_in_old_words(answer) {
        return Judgement::bare(Outcome::Passed);
    }
    let Ok(said) = serde_json::from_slice::<Ready<'_>>(&answer.body) else {
        return Judgement::failed(Code::StateUnreadable, answer.in_words(mask));
    };
    if said.ready && answer.status == 200 {
        return Judgement::bare(Outcome::Passed);
    }
    let Some(failing) = said.failing else {
        return Judgement::failed(
            Code::NotReady,
            "ready: false; the reasons are withheld from remote callers without the token",
        );
    };
    let code = if failing.iter().any(|name| name == "gateway-draining") {
        Code::Draining
    } else if failing.iter().any(|name| name == "startup-sidecars") {
        Code::Starting
    } else {
        Code::NotReady
    };
    Judgement::failed(code, format!("failing: {}", mask.line(&failing.join(", "), 160)))
}

/// A location without the part where tokens hide.
fn without_query(location: &str) -> &str {
    location.split(['?', '#']).next().unwrap_or("")
}

fn contains(body: &[u8], words: &[u8]) -> bool {
    body.windows(words.len()).any(|window| window == words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026.3.1 and 2026.3.2, and from 2026.3.7 on.
    #[test]
    fn readiness_is_read_in_the_words_of_each_release() {
        for (status, body, passes) in [
            (200, r#"{"ok":true,"status":"ready"}"#, true),
            (200, r#"{"ok":true,"status":"live"}"#, false),
            (200, r#"{"ready":true}"#, true),
            (503, r#"{"ready":false}"#, false),
        ] {
            let content_type = Some("application/json".to_owned());
            let answer = HttpAnswer { status, content_type, body: body.into(), ..HttpAnswer::default() };
            let judged = judge(Rung::Readiness, &answer, true, &Mask::default());
            assert_eq!(judged.outcome == Outcome::Passed, passes, "{body}");
        }
    }
}
