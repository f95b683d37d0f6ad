//! The project floor from outside: every rule row, every code, properties, and a canary.

#![allow(clippy::panic, reason = "a failing test says so")]

mod codes;
mod explanations;
mod limits;
mod odd;
mod properties;
mod rules;
mod spelling;

use openclaw_compose::project::{self, Format, Inputs, Resolution, Reveal, Texts};
use serde_json::Value;

/// A project in `/p`: files below it, and `NAME=value` of the shell.
fn resolve(files: &[(&str, &str)], shell: &[(&str, &str)]) -> Resolution {
    project::resolve(&inputs(shell), &texts(files))
}

fn inputs(shell: &[(&str, &str)]) -> Inputs {
    shell.iter().fold(Inputs::new("/p").variable("HOME", "/home/u"), |inputs, (name, value)| {
        inputs.variable(*name, *value)
    })
}

fn texts(files: &[(&str, &str)]) -> Texts {
    files.iter().fold(Texts::new(), |texts, (path, text)| texts.file(format!("/p/{path}"), text))
}

/// What `docker compose config --format json` would print.
fn config(resolution: &Resolution) -> Value {
    if let Some(refusal) = resolution.compose_would_refuse() {
        panic!("refused: {}", refusal.finding);
    }
    serde_json::from_str(&resolution.config(Format::Json, Reveal::Secrets)).expect("JSON")
}

/// One field of service `a` of a stack.
fn field(stack: &str, field: &str) -> Value {
    config(&resolve(&[("compose.yaml", stack)], &[]))["services"]["a"][field].clone()
}
