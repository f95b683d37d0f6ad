//! The ticket as a `JUnit` report, for whatever shows test results: a suite for each client, a test case for each gate.

use std::fmt::Display;

use super::markup::{Attributes, Markup};
use super::position;
use crate::gates::{ClientGates, GateStatus, State};
use crate::ticket::{Noted, Ticket};

/// Renders the ticket as XML of `JUnit`.
///
/// A red gate is a failure, one that nobody observed or that stands behind a red one is skipped. Errors that shut no gate are
/// a suite of their own.
#[must_use]
pub fn junit(ticket: &Ticket) -> String {
    let ticket = &*ticket.pasted();
    let errors: Vec<&Noted> = ticket.unaccounted.iter().filter_map(|&id| ticket.finding(id)).collect();
    let beside = Counts { tests: errors.len(), errors: errors.len(), ..Counts::default() };
    let mut all = beside;
    for client in &ticket.clients {
        let Counts { tests, failures, errors: _, skipped } = Counts::of(client);
        all.tests += tests;
        all.failures += failures;
        all.skipped += skipped;
    }
    let mut page = Markup::new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let attributes: Attributes<'_> = &[
        ("name", &ticket.stack),
        ("tests", &all.tests),
        ("failures", &all.failures),
        ("errors", &all.errors),
        ("skipped", &all.skipped),
    ];
    page.element("testsuites", attributes, |page| {
        for client in &ticket.clients {
            let name = &client.client.name;
            suite(page, ticket, name, Counts::of(client), |page| {
                client.gates.iter().for_each(|status| gate(page, ticket, name, status));
            });
        }
        if !errors.is_empty() {
            suite(page, ticket, "beside the gates", beside, |page| {
                errors.iter().for_each(|noted| error(page, noted));
            });
        }
    });
    page.finish()
}

/// How many test cases there are, and how they ended.
#[derive(Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of(client: &ClientGates) -> Self {
        let of =
            |states: &[State]| client.gates.iter().filter(|status| states.contains(&status.state)).count();
        Self {
            tests: client.gates.len(),
            failures: of(&[State::Red]),
            errors: 0,
            skipped: of(&[State::Blocked, State::Unknown]),
        }
    }
}

fn suite(
    page: &mut Markup,
    ticket: &Ticket,
    name: &str,
    Counts { tests, failures, errors, skipped }: Counts,
    inside: impl FnOnce(&mut Markup),
) {
    let mut attributes: Vec<(&'static str, &dyn Display)> = vec![
        ("name", &name),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", &errors),
        ("skipped", &skipped),
        // A verdict takes no time, and the same stack gives the same bytes.
        ("time", &0),
    ];
    attributes.extend(ticket.host.as_ref().map(|host| ("hostname", host as &dyn Display)));
    attributes.extend(ticket.at.as_ref().map(|at| ("timestamp", at as &dyn Display)));
    page.own("\n");
    page.element("testsuite", &attributes, inside);
}

fn gate(page: &mut Markup, ticket: &Ticket, client: &str, status: &GateStatus) {
    let title = status.gate.title();
    let attributes: Attributes<'_> = &[("name", &title), ("classname", &client), ("time", &0)];
    page.own("\n");
    if status.state == State::Green {
        return page.empty("testcase", attributes);
    }
    page.element("testcase", attributes, |page| match status.state {
        State::Red => {
            let found = status.findings.iter().filter_map(|&id| ticket.finding(id));
            found.for_each(|noted| broken(page, "failure", noted));
        }
        State::Blocked => page.empty("skipped", &[("message", &"behind a red gate")]),
        State::Unknown | State::Green => {
            page.empty("skipped", &[("message", &status.because.join("; "))]);
        }
    });
}

fn error(page: &mut Markup, noted: &Noted) {
    let name = noted.finding.code.to_string();
    let attributes: Attributes<'_> = &[("name", &name), ("classname", &"stack"), ("time", &0)];
    page.own("\n");
    page.element("testcase", attributes, |page| broken(page, "error", noted));
}

/// What is wrong, where, and the next step.
fn broken(page: &mut Markup, element: &'static str, noted: &Noted) {
    let finding = &noted.finding;
    let mut lines: Vec<String> = finding.places.iter().map(position).collect();
    lines.extend(finding.evidence.iter().cloned());
    if noted.steps.is_empty() {
        lines.extend(finding.remedy.iter().map(|remedy| format!("next: {}", remedy.text)));
        let commands =
            noted.mend.iter().chain(finding.remedy.iter().filter_map(|remedy| remedy.command.as_ref()));
        lines.extend(commands.map(|command| format!("$ {command}")));
    }
    for step in &noted.steps {
        lines.push(format!("next: {}", step.text));
        lines.extend(step.command.iter().map(|command| format!("$ {command}")));
    }
    let code = finding.code.to_string();
    page.words(element, &[("type", &code), ("message", &finding.summary)], &lines.join("\n"));
}
