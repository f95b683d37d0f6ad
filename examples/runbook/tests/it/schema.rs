//! The ticket's JSON is as its schema says, for every bundled stack and every case of the field.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case has failed")]

use expect_test::expect_file;
use openclaw_runbook::diagnose::{Options, diagnose};
use openclaw_runbook::render;

use crate::support::{STACKS, root, runbook, status, stdout};

#[test]
fn every_ticket_is_as_the_schema_says() {
    let output = runbook(&["schema"]);
    assert_eq!(status(&output), 0);
    let text = stdout(&output);
    expect_file!["../../ticket.schema.json"].assert_eq(&text);

    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    let schema = serde_json::from_str(&text).unwrap();
    compiler.add_resource("memory:///ticket.json", schema).unwrap();
    let schema = compiler.compile("memory:///ticket.json", &mut schemas).unwrap();

    let field = std::fs::read_dir(root().join("examples/runbook/tests/field")).unwrap();
    let field = field.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let bundled = STACKS.map(|stack| root().join("examples/stacks").join(stack));
    let mut tickets = 0;
    for path in field.chain(bundled) {
        let Ok(ticket) = diagnose(&path, Options::default()) else { continue };
        let page = serde_json::from_str(&render::json(&ticket).unwrap()).unwrap();
        let valid = schemas.validate(&page, schema);
        assert!(valid.is_ok(), "{}: {}", path.display(), valid.unwrap_err());
        tickets += 1;
    }
    assert!(tickets > 90, "{tickets}");

    let broken = serde_json::json!({ "schema": "openclaw-runbook/ticket/2", "verdict": "blue" });
    assert!(schemas.validate(&broken, schema).is_err());
}
