//! `runbook --post`: what a webhook gets, and what is said where it does not take it.
#![allow(clippy::unwrap_used, reason = "a failing test says so")]
#![expect(clippy::disallowed_methods, reason = "this test runs the program")]

use crate::support::RUNBOOK;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::JoinHandle;
use std::time::Duration;

use openclaw_runbook::post::{PostError, Webhook};
use serde_json::Value;

/// Answers one request with each of the statuses, and returns the bodies.
fn webhook(statuses: &'static [&'static str]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hooks/secret-path-1", listener.local_addr().unwrap());
    let bodies = std::thread::spawn(move || {
        let answer = |status: &&str| {
            let mut stream = listener.accept().unwrap().0;
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            String::from_utf8(body).unwrap()
        };
        statuses.iter().map(answer).collect()
    });
    (url, bodies)
}

fn runbook(url: &str) -> Output {
    let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stacks/silent-override");
    Command::new(RUNBOOK).env("RUNBOOK_HOST_FILES", "1").arg(stack).args(["--post", url]).output().unwrap()
}

#[test]
fn a_webhook_gets_the_ticket_as_json_without_a_secret() {
    let (url, bodies) = webhook(&["204 No Content"]);
    let output = runbook(&url);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let bodies = bodies.join().unwrap();
    let ticket: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert!(ticket["schema"].is_string(), "{ticket}");
    let env =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../stacks/silent-override/.env"));
    let token =
        env.unwrap().lines().find_map(|line| Some(line.strip_prefix("OPENCLAW_GATEWAY_TOKEN=")?.to_owned()));
    assert!(!bodies[0].contains(&token.unwrap()));
}

#[test]
fn a_proxy_does_not_read_an_address_in_plaintext() {
    let (url, bodies) = webhook(&["204 No Content"]);
    let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stacks/silent-override");
    let mut command = Command::new(RUNBOOK);
    command.env("RUNBOOK_HOST_FILES", "1").env("http_proxy", "http://127.0.0.1:1").arg(stack);
    let output = command.args(["--post", &url]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(bodies.join().unwrap().len(), 1);
}

#[test]
fn a_webhook_that_refuses_is_told_without_its_address() {
    let (url, bodies) = webhook(&["404 Not Found"]);
    let output = runbook(&url);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the ticket was not posted: the webhook answered 404, 1 time(s)"), "{said}");
    assert!(!said.contains("secret-path-1"), "{said}");
    bodies.join().unwrap();
}

#[test]
fn a_wrong_address_is_not_repeated() {
    let output = runbook("ftp://example.invalid/secret-path-1");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("does not begin with http:// or https://") && !said.contains("secret-path-1"),
        "{said}"
    );
}

#[tokio::test]
async fn a_server_at_fault_is_asked_again_and_a_redirect_is_not_followed() {
    let patient = |url: String| {
        let mut webhook = Webhook::new(url.into()).unwrap();
        webhook.pause = Duration::ZERO;
        webhook
    };
    let (url, bodies) = webhook(&["503 Later", "429 Later", "200 OK"]);
    patient(url).send("{}").await.unwrap();
    assert_eq!(bodies.join().unwrap(), ["{}", "{}", "{}"]);

    let (url, bodies) = webhook(&["307 Elsewhere"]);
    let error = patient(url).send("{}").await.unwrap_err();
    assert!(matches!(error, PostError::Refused { status: 307, attempts: 1 }), "{error}");
    bodies.join().unwrap();
}
