//! A token that stands anywhere in what a program reads leaves no program: not as it is, not cut, not encoded.
//!
//! A stack has something in every field of every format. A token of its own is planted in one place of it: under a key, as
//! a key, in a comment, a template or a name, a line above or below what is edited. It is also the gateway's token in
//! `.env`, or nothing else says that it is one. Then some programs are run over it in some of their formats, and all that
//! they print, and write where the stack is not, is searched.
//!
//! `OPENCLAW_CANARY_RUNS` says how many calls are made, `OPENCLAW_CANARY_SEED` which, and `OPENCLAW_PROGRAMS` in which
//! directory other programs lie than those that were built with the test.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]
#![expect(clippy::disallowed_methods, reason = "the test runs programs with files of its own")]
#![expect(clippy::print_stdout, reason = "the number of runs is what is asked of it")]

mod calls;
mod peer;
mod places;
mod token;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use calls::{CALLS, Planted, World};
use openclaw_compose::source::is_hidden;
use peer::ECHOES;
use places::{Files, PlantedLine};
use token::Numbers;

/// How many calls are made over one stack.
const CALLS_A_STACK: usize = 8;

#[test]
fn a_token_anywhere_leaves_no_program() {
    holds("showed the token", 240, |numbers, found| {
        let mut known = numbers.below(2) == 0;
        let token = token::token(known, numbers);
        let mut files = places::stack(numbers);
        let place = PlantedLine::choose(&files, &token, numbers);
        known |= place.is_a_name();
        if known {
            let line = format!("OPENCLAW_GATEWAY_TOKEN='{token}'\n");
            let dotenv = files.get_mut(".env").unwrap();
            *dotenv =
                dotenv.replace("OPENCLAW_GATEWAY_TOKEN=test-token-laptop-4h7j2k9m3n6p8q1r5s0t\n", &line);
        }
        place.plant(&mut files, &token);
        let how = if known { "known" } else { "not known" };
        run(numbers, &files, &token, &place, known, |call, said| {
            if let Some((form, line)) = said.iter().find_map(|said| token::find(&token, said)) {
                found(format!("{call} | {how} | {place:?}"), format!("{form}: {line}"));
            }
        });
    });
}

/// What moves a cursor, sets a title, hides or reorders a line.
const HOSTILE: &str = "a\u{1b}]0;owned\u{7}\u{1b}[2K\u{1b}[1A\u{9b}8m\u{202e}b\u{2066}\u{200b}\u{feff}\u{e0041}\rc\u{85}\u{7f}\u{8}d";

#[test]
fn nothing_that_was_read_acts_on_a_terminal() {
    holds("acted on the terminal", 80, |numbers, found| {
        let mut files = places::stack(numbers);
        let place = PlantedLine::choose(&files, HOSTILE, numbers);
        place.plant(&mut files, HOSTILE);
        run(numbers, &files, HOSTILE, &place, false, |call, [said, _]| {
            let acts = |line: &&str| line.chars().any(|c| is_hidden(c) && c != '\t');
            if let Some(line) = said.split('\n').find(acts) {
                found(format!("{call} | {place:?}"), format!("{line:?}"));
            }
        });
    });
}

/// The exporter answers over HTTP what the others print.
#[test]
fn what_an_exporter_is_told_it_does_not_tell() {
    let token = token::token(true, &mut Numbers::new(1));
    let directory = tempfile::tempdir().unwrap();
    let peers: Vec<String> = ECHOES.iter().map(|echo| format!("ws://{}", peer::start(*echo))).collect();
    let list = directory.path().join("targets.json");
    std::fs::write(&list, serde_json::json!([{ "targets": peers }]).to_string()).unwrap();
    let mut exporter = Command::new(calls::program())
        .arg("export")
        .args(["--listen", "127.0.0.1:0", "--timeout", "2", "--scope", "operator.read", "--targets"])
        .arg(&list)
        .env_clear()
        .env("RUNBOOK_HOST_FILES", "1")
        .env("OPENCLAW_GATEWAY_TOKEN", &token)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(exporter.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    let address = said.trim().rsplit('/').next().unwrap().to_owned();
    for peer in &peers {
        for module in ["liveness", "startup", "readiness", "challenge", "hello", "scope", &token, HOSTILE] {
            let path = format!("/probe?target={peer}&module={module}")
                .replace(|c: char| !c.is_ascii_graphic(), "%1b");
            let mut stream = TcpStream::connect(&address).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
            assert_eq!(token::find(&token, &answer), None, "{module} of {peer}");
            let acts = |c: char| is_hidden(c) && !matches!(c, '\r' | '\n');
            assert!(!answer.contains(acts), "{module} of {peer}: {answer:?}");
        }
    }
    exporter.kill().unwrap();
    exporter.wait().unwrap();
}

/// Does the check on as many stacks as there are runs for, and says what was found.
fn holds(what: &str, runs: usize, check: impl Fn(&mut Numbers, &mut dyn FnMut(String, String)) + Sync) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<usize>().ok());
    let runs = number("OPENCLAW_CANARY_RUNS").unwrap_or(runs);
    let seed = number("OPENCLAW_CANARY_SEED").unwrap_or(1);
    let next = AtomicUsize::new(0);
    let shown = Mutex::new(BTreeMap::<String, String>::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number * CALLS_A_STACK >= runs {
                        break;
                    }
                    let mut numbers = Numbers::new((seed as u64) << 32 | number as u64);
                    check(&mut numbers, &mut |call, line| {
                        shown.lock().unwrap().insert(call, line.chars().take(300).collect());
                    });
                }
            });
        }
    });
    let shown = shown.into_inner().unwrap();
    for (call, line) in &shown {
        println!("{call}\n    {line}");
    }
    println!("{} runs, {} of them {what}", runs.next_multiple_of(CALLS_A_STACK), shown.len());
    assert!(shown.is_empty());
}

/// Runs some calls over a stack.
fn run(
    numbers: &mut Numbers,
    files: &Files,
    token: &str,
    place: &PlantedLine,
    given: bool,
    mut check: impl FnMut(String, [String; 2]),
) {
    static WORLD: LazyLock<World> = LazyLock::new(World::start);
    let words =
        format!("{{\"error\":{{\"message\":{}}}}} {token}", serde_json::json!(format!("bad {token}")));
    let planted = Planted { files, token, key: &place.key(), given, words: &words };
    for _ in 0..CALLS_A_STACK {
        let call = numbers.pick(CALLS);
        check(call.line(), call.run(&WORLD, &planted));
    }
}
