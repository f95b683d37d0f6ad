//! The same HTTP question with the tools that images have, for containers that `runbook probe` cannot be put into.

use crate::codes::Code;
use crate::endpoint;
use crate::http::HttpAnswer;
use crate::ladder::answer;
use crate::mask::Mask;
use crate::report::{Because, Fault, Outcome, ProbeReport, RungResult};
use crate::rung::Rung;
use crate::target::Target;

/// The arguments that ask with busybox or GNU wget; `-S` prints the head. Nothing needs a shell.
#[must_use]
pub fn wget_command(target: &Target, question: Rung) -> Vec<String> {
    let url = target.http_url(path(question));
    ["wget", "-q", "-S", "-T", "5", "-O", "-", &url].map(str::to_owned).into()
}

/// The arguments that ask with Node, as every gateway image has it. It prints one line of JSON, always.
#[must_use]
pub fn node_command(target: &Target, question: Rung) -> Vec<String> {
    const SCRIPT: &str = "const u=process.argv[1];const say=o=>{console.log(JSON.stringify(o));process.exit(0)};\
        const r=require(u.startsWith('https')?'https':'http').get(u,{agent:false,timeout:5000},s=>{let b='';\
        s.on('data',c=>{if((b+=c).length>65536)s.destroy()});s.on('close',()=>say({status:s.statusCode,\
        contentType:s.headers['content-type'],date:s.headers.date,body:b.slice(0,65536)}))});\
        r.on('timeout',()=>say({error:'ETIMEDOUT'}));r.on('error',e=>say({error:e.code||String(e.message)}))";
    let url = target.http_url(path(question));
    ["node", "-e", SCRIPT, &url].map(str::to_owned).into()
}

/// The report of what [`wget_command`] printed: standard output, standard error and exit code.
#[must_use]
pub fn read_wget(target: &Target, question: Rung, stdout: &[u8], stderr: &str, exit: i32) -> ProbeReport {
    match wget_head(stderr) {
        // wget keeps the body of an error back; the gateway's own 503 then says no more than "not now".
        Some(answer) if answer.status == 503 && answer.is_json() && stdout.is_empty() => {
            let why = "HTTP 503; wget keeps the body back, so starting, draining and not ready look alike";
            report(target, question, Err(Fault::new(Code::NotReady, why)))
        }
        Some(mut answer) => {
            answer.body = stdout.to_vec();
            report(target, question, Ok(answer))
        }
        None if exit == 0 => report(target, question, Ok(bare_answer(stdout))),
        None => report(target, question, Err(error_of(stderr))),
    }
}

/// The report of the line that [`node_command`] printed.
#[must_use]
pub fn read_node(target: &Target, question: Rung, stdout: &str) -> ProbeReport {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line {
        status: Option<u16>,
        content_type: Option<String>,
        date: Option<String>,
        #[serde(default)]
        body: String,
        error: Option<String>,
    }
    let Some(line) = stdout.lines().rev().find_map(|line| serde_json::from_str::<Line>(line).ok()) else {
        let why = format!("node said nothing readable: {}", Mask::default().quoted(stdout.trim(), 80));
        return report(target, question, Err(Fault::new(Code::NetworkFailure, why)));
    };
    match (line.status, line.error) {
        (Some(status), _) => {
            let (content_type, date, body) = (line.content_type, line.date, line.body.into_bytes());
            report(target, question, Ok(HttpAnswer { status, content_type, location: None, date, body }))
        }
        (None, error) => report(target, question, Err(error_of(error.as_deref().unwrap_or("no words")))),
    }
}

fn path(question: Rung) -> &'static str {
    endpoint::of(question).map_or("/healthz", |endpoint| endpoint.path)
}

/// The last response head among wget's lines.
fn wget_head(stderr: &str) -> Option<HttpAnswer> {
    let mut answer: Option<HttpAnswer> = None;
    for line in stderr.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("HTTP/") {
            let status = rest.split(' ').nth(1)?.parse().ok()?;
            answer = Some(HttpAnswer { status, ..HttpAnswer::default() });
        } else if let (Some(answer), Some((name, value))) = (answer.as_mut(), line.split_once(": ")) {
            match name.to_ascii_lowercase().as_str() {
                "content-type" => answer.content_type = Some(value.to_owned()),
                "location" => answer.location = Some(value.to_owned()),
                "date" => answer.date = Some(value.to_owned()),
                _ => {}
            }
        }
    }
    answer
}

/// A wget that prints no head but succeeded: a 200, whose type is told by its first byte.
fn bare_answer(stdout: &[u8]) -> HttpAnswer {
    let json = stdout.trim_ascii_start().starts_with(b"{");
    let content_type = if json { "application/json" } else { "text/html" };
    HttpAnswer {
        status: 200,
        content_type: Some(content_type.to_owned()),
        body: stdout.to_vec(),
        ..HttpAnswer::default()
    }
}

/// What tools say when there is no answer; the first that occurs decides.
const WORDS: &[(&str, Code)] = &[
    ("ECONNREFUSED", Code::ConnectionRefused),
    ("Connection refused", Code::ConnectionRefused),
    ("ENOTFOUND", Code::NameNotFound),
    ("EAI_AGAIN", Code::NameLookupTimeout),
    ("bad address", Code::NameNotFound),
    ("unable to resolve", Code::NameNotFound),
    ("ECONNRESET", Code::ConnectionReset),
    ("Connection reset", Code::ConnectionReset),
    ("socket hang up", Code::ClosedWithoutAnswer),
    ("error getting response", Code::ClosedWithoutAnswer),
    ("No data received", Code::ClosedWithoutAnswer),
    ("HPE_", Code::NotHttp),
    ("EHOSTUNREACH", Code::HostUnreachable),
    ("ENETUNREACH", Code::HostUnreachable),
    ("No route to host", Code::HostUnreachable),
    ("unreachable", Code::HostUnreachable),
    ("ETIMEDOUT", Code::HttpTimeout),
    ("timed out", Code::HttpTimeout),
    ("CERT_HAS_EXPIRED", Code::CertificateExpired),
    ("ERR_TLS_CERT_ALTNAME_INVALID", Code::CertificateNameMismatch),
    ("UNABLE_TO_VERIFY_LEAF_SIGNATURE", Code::CertificateUnknownIssuer),
    ("SELF_SIGNED_CERT", Code::CertificateUnknownIssuer),
];

fn error_of(words: &str) -> Fault {
    let code =
        WORDS.iter().find(|(part, _)| words.contains(part)).map_or(Code::NetworkFailure, |(_, code)| *code);
    Fault::new(code, Mask::default().line(words.trim(), 160))
}

/// The rung at which a transport fault shows; the rungs below it were passed on the way.
const fn rung_of(code: Code, question: Rung) -> Rung {
    match code {
        Code::NameNotFound | Code::NameLookupTimeout => Rung::Resolve,
        Code::ConnectionRefused | Code::ConnectTimeout | Code::HostUnreachable => Rung::Tcp,
        Code::CertificateExpired | Code::CertificateNameMismatch | Code::CertificateUnknownIssuer => {
            Rung::Tls
        }
        _ => question,
    }
}

fn report(target: &Target, question: Rung, answer: Result<HttpAnswer, Fault>) -> ProbeReport {
    let mut report = ProbeReport::new(target, question);
    let (decisive, outcome, evidence) = match answer {
        Ok(answer) => {
            let judgement = answer::judge(question, &answer, false, &Mask::default());
            report.facts.version = judgement.version;
            (question, judgement.outcome, judgement.evidence)
        }
        Err(fault) => (rung_of(fault.code, question), Outcome::Failed(fault), Vec::new()),
    };
    let mut outcome = Some((outcome, evidence));
    for rung in Rung::ALL.iter().copied().filter(|rung| *rung <= question) {
        let (outcome, evidence) = if rung == decisive {
            outcome.take().unwrap_or((Outcome::Passed, Vec::new()))
        } else if rung > decisive {
            (Outcome::Skipped { because: Because::LowerRungFailed }, Vec::new())
        } else if rung == Rung::Tls && !target.is_secure() {
            (Outcome::Skipped { because: Because::PlainTarget }, Vec::new())
        } else if rung >= Rung::Liveness {
            (Outcome::Skipped { because: Because::NotAsked }, Vec::new())
        } else {
            (Outcome::Passed, Vec::new())
        };
        report.rungs.push(RungResult { rung, outcome, took: None, evidence });
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: &str = r#"{"ok":true,"status":"live"}"#;

    fn target() -> Target {
        "openclaw-gateway".parse().expect("a target")
    }

    fn node(line: &serde_json::Value) -> ProbeReport {
        read_node(&target(), Rung::Liveness, &line.to_string())
    }

    #[test]
    fn reads_what_wget_prints() {
        let busybox =
            "  HTTP/1.1 200 OK\n  Content-Type: application/json; charset=utf-8\n  Connection: close\n";
        let busy = busybox.replace("200 OK", "503 Service Unavailable");
        let starting = read_wget(&target(), Rung::Startup, b"", &busy, 1);
        assert_eq!(
            starting.first_fault().map(|(r, fault)| (r, fault.code)),
            Some((Rung::Startup, Code::NotReady))
        );
        let report = read_wget(&target(), Rung::Liveness, LIVE.as_bytes(), busybox, 0);
        assert!(report.is_good(), "{report}");
        assert!(report.to_string().contains("ok    liveness       unknown"), "wget tells no time: {report}");
        assert!(read_wget(&target(), Rung::Liveness, LIVE.as_bytes(), "", 0).is_good());
        for (stderr, rung, code) in [
            (
                "wget: can't connect to remote host (172.18.0.2): Connection refused",
                Rung::Tcp,
                Code::ConnectionRefused,
            ),
            ("wget: bad address 'openclaw-gateway:18789'", Rung::Resolve, Code::NameNotFound),
            ("wget: error getting response: Connection reset by peer", Rung::Liveness, Code::ConnectionReset),
            ("wget: error getting response", Rung::Liveness, Code::ClosedWithoutAnswer),
            ("wget: download timed out", Rung::Liveness, Code::HttpTimeout),
            (
                "  HTTP/1.1 502 Bad Gateway\nwget: server returned error: HTTP/1.1 502 Bad Gateway",
                Rung::Liveness,
                Code::BadGateway,
            ),
            ("  HTTP/1.1 200 OK\n  Content-Type: text/html", Rung::Liveness, Code::HtmlInsteadOfJson),
        ] {
            let report = read_wget(&target(), Rung::Liveness, b"<html>", stderr, 1);
            assert_eq!(
                report.first_fault().map(|(r, fault)| (r, fault.code)),
                Some((rung, code)),
                "{stderr}"
            );
        }
    }

    #[test]
    fn reads_what_node_prints() {
        let alive = serde_json::json!({ "status": 200, "contentType": "application/json", "body": LIVE });
        assert!(node(&alive).is_good());
        for (error, rung, code) in [
            ("ENOTFOUND", Rung::Resolve, Code::NameNotFound),
            ("ECONNREFUSED", Rung::Tcp, Code::ConnectionRefused),
            ("ECONNRESET", Rung::Liveness, Code::ConnectionReset),
            ("HPE_INVALID_CONSTANT", Rung::Liveness, Code::NotHttp),
        ] {
            let report = node(&serde_json::json!({ "error": error }));
            assert_eq!(report.first_fault().map(|(rung, fault)| (rung, fault.code)), Some((rung, code)));
        }
        let nothing = read_node(&target(), Rung::Liveness, "sh: node: not found");
        assert_eq!(nothing.first_fault().map(|(_, fault)| fault.code), Some(Code::NetworkFailure));
    }

    #[test]
    fn commands_need_no_shell_and_carry_no_secret() {
        let url = "http://openclaw-gateway:18789/startupz";
        assert_eq!(wget_command(&target(), Rung::Startup).last().map(String::as_str), Some(url));
        assert_eq!(node_command(&target(), Rung::Startup).last().map(String::as_str), Some(url));
    }
}
