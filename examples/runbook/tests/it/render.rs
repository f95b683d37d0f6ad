//! What a ticket looks like, and that hostile text cannot change it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]

use expect_test::expect;
use openclaw_compose::finding::Code as ComposeCode;
use openclaw_runbook::finding::{
    Code, Confidence, Finding, Place, PlaceRole, Remedy, Safety, Severity, Subject,
};
use openclaw_runbook::gates::{Claim, Client, FindingId, Gate, Kind, Says, Whom, judge};
use openclaw_runbook::ladders::Ladder;
use openclaw_runbook::render::{Colour, WIDTH, html, json, junit, markdown, picture, sarif, text};
use openclaw_runbook::ticket::{Draft, Excerpt, NextStep, Noted, Ticket, Verdict};
use openclaw_runbook::timeline::{Lane, Lanes};
use openclaw_runbook::topology::{Listens, Member, Port, PortId, Proxy, Role, Space, SpaceOf, Topology, Way};
use std::collections::BTreeSet;

fn finding(code: Code, severity: Severity, summary: &str) -> Finding {
    Finding {
        code,
        name: code.name(),
        severity,
        confidence: Confidence::Observed,
        summary: summary.into(),
        subject: Subject::Client("openclaw-cli".into()),
        places: vec![Place {
            role: PlaceRole::Decided,
            file: "state/openclaw.json".into(),
            line: 9,
            column: 14,
            span: [120, 160],
        }],
        evidence: vec!["captured/logs/openclaw-gateway.log:11 reason=token_mismatch".into()],
        remedy: Some(Remedy {
            text: "Write the token that the gateway enforces into .env, then recreate the CLI.".into(),
            command: Some("docker compose up -d --force-recreate openclaw-cli".into()),
            edits: Vec::new(),
            safety: Safety::Safe,
        }),
        versions: None,
    }
}

fn clients() -> Vec<Client> {
    vec![
        Client { kind: Kind::Service, name: "openclaw-cli".into(), url: Some("ws://127.0.0.1:18789".into()) },
        Client { kind: Kind::Browser, name: "browser".into(), url: Some("http://127.0.0.1:18789".into()) },
    ]
}

fn claim(gate: Gate, says: Says, whom: Whom) -> Claim {
    Claim { gate, whom, says, confidence: Confidence::Observed, because: "seen".into() }
}

/// A CLI and a gateway, each in a namespace of its own, and a browser that comes by a published port; or the same places with
/// another text in every one of them.
fn topology(instead: Option<&str>) -> Topology {
    let or = |text: &str| instead.unwrap_or(text).to_owned();
    let space = |service: &str, role, listens| Space {
        of: SpaceOf::Service(or(service)),
        networks: vec![or("default")],
        members: vec![Member { service: or(service), role, listens, status: instead.map(str::to_owned) }],
    };
    let listens = Listens { scope: or("all"), port: Some(18789), starts: true };
    let way = |client: &str, port, proxy| Way { client: or(client), gateway: or("gateway"), port, proxy };
    Topology {
        spaces: vec![
            space("openclaw-cli", Role::Client, None),
            space("gateway", Role::Gateway, Some(listens)),
        ],
        ports: vec![Port { host: or("127.0.0.1:18789"), service: or("gateway"), target: 18789 }],
        ways: vec![
            way("openclaw-cli", None, None),
            way("browser", Some(PortId::at(0)), instead.map(|who| Proxy::Elsewhere(who.to_owned()))),
        ],
        others: 1,
    }
}

/// A wait that a restart cut, beside the gateway that was started.
fn lanes() -> Lanes {
    let lane = |name: &str, bar: &str| Lane { name: name.to_owned(), bar: bar.to_owned() };
    let rows = vec![lane("gateway", "r    S r"), lane("aaaaaaaa01", " ?..?x  A")];
    Lanes { from_ms: 1_795_327_200_000, to_ms: 1_795_327_263_000, rows }
}

fn ticket() -> Ticket {
    let claims = [
        claim(Gate::State, Says::Pass, Whom::Everyone),
        claim(Gate::Listener, Says::Pass, Whom::Everyone),
        claim(Gate::Reach, Says::Pass, Whom::Everyone),
        claim(Gate::Liveness, Says::Pass, Whom::Everyone),
        claim(Gate::Startup, Says::Pass, Whom::Everyone),
        claim(Gate::Readiness, Says::Pass, Whom::Everyone),
        claim(Gate::Upgrade, Says::Pass, Whom::Everyone),
        claim(Gate::Auth, Says::Fail(FindingId::at(0)), Whom::Client("openclaw-cli".into())),
        claim(Gate::Pairing, Says::Fail(FindingId::at(1)), Whom::Client("openclaw-cli".into())),
    ];
    Ticket::new(Draft {
        stack: "examples/stacks/silent-override".into(),
        at: Some("2026-11-22T06:30:00Z".into()),
        host: Some("mac-vps-1".into()),
        openclaw: "2026.9.6 (image tag)".into(),
        compose: None,
        clients: clients().into_iter().map(|client| judge(client, &claims)).collect(),
        findings: vec![
            Noted {
                excerpts: vec![Excerpt { place: 0, text: "token: \"********\",".into(), from: 7, to: 17 }],
                changes: vec![".env:5".into(), "- A=********".into(), "+ A=********".into()],
                mend: Some("fix --code OC-C301 --yes".into()),
                ..Noted::new(finding(
                    Code::Compose(ComposeCode::SilentOverride),
                    Severity::Error,
                    "openclaw-cli sends A, the gateway enforces B.",
                ))
            },
            Noted::new(finding(
                Code::Pairing(openclaw_pairing::Code::PendingApproval),
                Severity::Error,
                "A device waits.",
            )),
            Noted::new(finding(
                Code::Compose(ComposeCode::ImageNotPinned),
                Severity::Warning,
                "The image is not pinned.",
            )),
        ],
        topology: topology(None),
        ladders: Vec::new(),
        evidence: vec!["compose.yaml".into(), ".env".into()],
        missing: vec!["nothing was asked of a running gateway".into()],
        unaccounted: Vec::new(),
        concerned: Vec::new(),
        through: None,
        unanswered: None,
    })
}

#[test]
fn a_terminal_reads_the_first_cause_first() {
    expect![[r#"
        RED  gateway auth is shut for openclaw-cli
        examples/stacks/silent-override  |  openclaw 2026.9.6 (image tag)  |  host mac-vps-1
        2026-11-22T06:30:00Z

        OC-C301 silent-override
          openclaw-cli sends A, the gateway enforces B.
          decided  state/openclaw.json:9:14
                   9 | token: "********",
                     |        ^^^^^^^^^^

          next     Write the token that the gateway enforces into .env, then recreate the CLI (safe)
                   $ fix --code OC-C301 --yes
                   $ (cd examples/stacks/silent-override && docker compose up -d --force-recreate openclaw-cli)

          changes  .env:5
                   - A=********
                   + A=********
          because  captured/logs/openclaw-gateway.log:11 reason=token_mismatch

          gates                   openclaw-cli  browser
          state usable            ok            ok
          listener (bind)         ok            ok
          published port          -             ?
                                  not observed; shown by the compose file
          namespace and URL       ok            ok
          liveness                ok            ok
          startup                 ok            ok
          readiness               ok            ok
          upgrade and challenge   ok            ok
          origin, secure context  -             ?
                                  not observed; shown by openclaw.json and the published ports
          gateway auth            RED           ?
                                  not observed; shown by openclaw.json, .env and the compose file
          pairing                 blocked       ?
                                  not observed; shown by a device list or the logs
          scopes                  blocked       ?
                                  not observed; shown by a device list or the logs
          authenticated session   blocked       ?
                                  not observed; shown by a device list with the device connected, or a live
                                  probe

          also shut, or next behind the first cause
          pairing  OC-P108 pending-approval  state/openclaw.json:9:14
                   A device waits.

          advisories
          warning  OC-C501 image-not-pinned  The image is not pinned.  state/openclaw.json:9:14

          read     compose.yaml, .env
          not seen nothing was asked of a running gateway
          exit     1 (a gate is red)
    "#]]
    .assert_eq(text(&ticket(), Colour::Off, WIDTH).as_str());
}

/// A ticket with nothing but these advisories.
fn advisories(codes: impl IntoIterator<Item = (ComposeCode, Severity)>) -> Ticket {
    let noted = |(at, (code, severity)): (usize, _)| Noted {
        excerpts: vec![Excerpt {
            place: 0,
            text: format!("a: ${{V{at}}}"),
            from: 3,
            to: 3 + format!("${{V{at}}}").len(),
        }],
        ..Noted::new(finding(
            Code::Compose(code),
            severity,
            &format!("sentence {at} is of some length, said of a value"),
        ))
    };
    let findings = codes.into_iter().enumerate().map(noted).collect();
    Ticket::new(Draft { findings, ..Draft::default() })
}

#[test]
fn each_code_is_one_advisory_and_the_sixth_is_counted() {
    let unset = std::iter::repeat_n((ComposeCode::UnsetVariable, Severity::Warning), 9);
    let others = [
        ComposeCode::ImageNotPinned,
        ComposeCode::OwnLoopback,
        ComposeCode::UidDrift,
        ComposeCode::FileNotFound,
        ComposeCode::YamlDialect,
        ComposeCode::DuplicateKey,
    ];
    let ticket = advisories(unset.chain(others.map(|code| (code, Severity::Info))));
    let page = text(&ticket, Colour::Off, WIDTH);
    let (_, said) = page.as_str().split_once("  advisories\n").unwrap();
    let (said, _) = said.split_once("\n\n").unwrap();
    expect![[r#"
          warning  OC-C032 unset-variable  9 times: ${V0}, ${V1}, ${V2}, ${V3}, ${V4}, ${V5}, ${V6}, ${V7},…
          info     OC-C501 image-not-pinned  sentence 9 is of some length, said of a value
          info     OC-C201 own-loopback  sentence 10 is of some length, said of a value
          info     OC-C401 uid-drift  sentence 11 is of some length, said of a value
          info     OC-C001 file-not-found  sentence 12 is of some length, said of a value
          and 2 more (--format json)"#]]
    .assert_eq(&said.trim_start().replace("\n  ", "\n"));
    let error = advisories([(ComposeCode::UidDrift, Severity::Error)]);
    assert!(
        text(&error, Colour::Off, 60).as_str().contains("sentence 0 is of some length, said of a value\n")
    );
}

#[test]
fn a_ticket_is_as_wide_as_the_terminal_and_breaks_no_command() {
    let mut ticket = ticket();
    ticket.stack = ".".to_owned();
    let command = format!("docker compose exec {}", "a ".repeat(80));
    ticket.missing = vec![format!("devices: {command}b")];
    ticket.findings[0].finding.summary = "word ".repeat(60);
    ticket.findings[0].mend = Some(format!("{command}c"));
    for (width, widest) in [(0, 60), (60, 60), (80, 80), (500, 120)] {
        let page = text(&ticket, Colour::Off, width);
        assert!(
            page.as_str().contains(&format!("$ {command}c\n"))
                && page.as_str().contains(&format!("devices: {command}b\n"))
        );
        let widths = page.as_str().lines().filter(|line| line.contains("word")).map(str::len);
        assert!(widths.max().is_some_and(|found| found <= widest && found > widest - 6), "{page:?}");
    }
}

#[test]
fn an_issue_tracker_reads_the_same() {
    expect![[r###"
        ## RED: gateway auth is shut for openclaw-cli

        stack `examples/stacks/silent-override`, openclaw `2026.9.6 (image tag)`, host `mac-vps-1`, at `2026-11-22T06:30:00Z`

        **`OC-C301 silent-override`**

        openclaw-cli sends A, the gateway enforces B.

        - decided `state/openclaw.json:9:14`

          ```
          token: "********",
          ```


        - because `captured/logs/openclaw-gateway.log:11 reason=token_mismatch`

        Next (safe): Write the token that the gateway enforces into `.env`, then recreate the CLI.

        ```diff
        .env:5
        - A=********
        + A=********
        ```

        ```sh
        fix --code OC-C301 --yes
        (cd examples/stacks/silent-override && docker compose up -d --force-recreate openclaw-cli)
        ```

        | gate | `openclaw-cli` | `browser` |
        | --- | --- | --- |
        | state usable | ok | ok |
        | listener (bind) | ok | ok |
        | published port | - | ? |
        | namespace and URL | ok | ok |
        | liveness | ok | ok |
        | startup | ok | ok |
        | readiness | ok | ok |
        | upgrade and challenge | ok | ok |
        | origin, secure context | - | ? |
        | gateway auth | **RED** | ? |
        | pairing | blocked | ? |
        | scopes | blocked | ? |
        | authenticated session | blocked | ? |

        ### Also shut, or next behind the first cause

        - pairing `OC-P108 pending-approval` at `state/openclaw.json:9:14`: A device waits.

        ### Advisories

        - warning `OC-C501 image-not-pinned` at `state/openclaw.json:9:14`: The image is not pinned.

        Read: `compose.yaml`, `.env`

        Not seen: nothing was asked of a running gateway

        Exit status 1.
    "###]].assert_eq(&markdown(&ticket()));
}

#[test]
fn a_picture_shows_who_reaches_whom_and_where_it_breaks() {
    expect![[r#"
        RED  gateway auth is shut for openclaw-cli

                ┌─ outside of the stack ───────────────────────────────────────────────┐
            ┌───│ browser  ? from published port on                                    │
            │   │   http://127.0.0.1:18789                                             │
            │   └──────────────────────────────────────────────────────────────────────┘
            │   ┌─ host ───────────────────────────────────────────────────────────────┐
        ┌───┴──>│ 127.0.0.1:18789                                                      │
        │       │   published, to 18789 of gateway                                     │
        │       └──────────────────────────────────────────────────────────────────────┘
        │       ┌─ namespace of openclaw-cli, on default ──────────────────────────────┐
        │ ┌─────│ openclaw-cli  RED at gateway auth                                    │
        │ │     │   ws://127.0.0.1:18789                                               │
        │ │     └──────────────────────────────────────────────────────────────────────┘
        │ x     ┌─ namespace of gateway, on default ───────────────────────────────────┐
        └─┴────>│ gateway                                                              │
                │   gateway, listens on 18789 (all)                                    │
                └──────────────────────────────────────────────────────────────────────┘
    "#]]
    .assert_eq(&picture(&ticket()));
}

#[test]
fn a_browser_reads_the_cause_with_its_line_underlined_and_headings_in_order() {
    let page = html(&ticket(), Some(&lanes()));
    assert!(page.contains("token: <mark>&quot;********&quot;</mark>,</pre>"), "{page}");
    assert!(
        page.contains(
            "<h1><span class=\"verdict shut\">RED</span> gateway auth is shut for openclaw-cli</h1>"
        )
    );
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    let ranks = page.split("<h").skip(1).filter_map(|rest| rest.chars().next()?.to_digit(10));
    let ranks: Vec<u32> = ranks.collect();
    assert!(ranks.windows(2).all(|pair| pair[1] <= pair[0] + 1) && ranks[0] == 1, "{ranks:?}");
    assert!(!page.contains("<th>"), "a header of a table says what it heads");
    let lane = "aaaaaaaa01: asks, asks, dropped by a restart, approved.</desc>";
    assert!(page.contains("Pairing over time</h2>") && page.contains(lane), "{page}");
    assert!(page.contains("<figcaption>2026-11-22T06:00:00.000Z to 2026-11-22T06:01:03.000Z"), "{page}");
}

#[test]
fn a_page_is_small_and_loads_nothing() {
    for stack in crate::support::STACKS {
        let stack = format!("examples/stacks/{stack}");
        let page = crate::support::stdout(&crate::support::runbook(&["--format", "html", &stack]));
        assert!(page.len() < 150_000, "{stack}: {} bytes", page.len());
        for loads in ["<script", "<link", "<img", "<iframe", " src=", "url(", "@import"] {
            assert!(!page.contains(loads), "{stack}: {loads}");
        }
        assert!(page.contains("prefers-color-scheme: dark"), "{stack}");
    }
}

#[test]
fn a_pipeline_reads_a_test_case_for_each_gate() {
    let page = junit(&ticket());
    let head = "<testsuites name=\"examples/stacks/silent-override\" tests=\"24\" failures=\"1\" errors=\"0\" skipped=\"9\"";
    assert!(page.contains(head), "{page}");
    let failure = "<failure type=\"OC-C301 silent-override\" message=\"openclaw-cli sends A, the gateway enforces B.\">";
    let case = "<testcase name=\"gateway auth\" classname=\"openclaw-cli\" time=\"0\">";
    assert!(page.contains(&format!("{case}{failure}state/openclaw.json:9:14\n")), "{page}");
}

#[test]
fn code_scanning_reads_each_finding_beside_its_line() {
    let log: serde_json::Value = serde_json::from_str(&sarif(&ticket()).unwrap()).unwrap();
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    assert_eq!(results[0]["level"], "error");
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "state/openclaw.json");
    let snippet = "token: \"********\",";
    assert_eq!(
        place["region"],
        serde_json::json!({ "startLine": 9, "startColumn": 14, "snippet": { "text": snippet } })
    );
}

#[test]
fn code_scanning_reads_each_place_of_a_finding_once() {
    let mut doubled = finding(Code::Compose(ComposeCode::SilentOverride), Severity::Error, "said");
    doubled.places.extend(doubled.places.clone());
    let ticket = Ticket::new(Draft { findings: vec![Noted::new(doubled)], ..Draft::default() });
    let log: serde_json::Value = serde_json::from_str(&sarif(&ticket).unwrap()).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["locations"].as_array().unwrap().len(), 1);
}

/// A ticket in which every foreign string is this one.
fn full_of(hostile: &str) -> Ticket {
    let mut bad = finding(Code::Compose(ComposeCode::SilentOverride), Severity::Error, hostile);
    bad.evidence = vec![hostile.into()];
    bad.places[0].file = hostile.into();
    if let Some(remedy) = &mut bad.remedy {
        remedy.text = hostile.into();
        remedy.command = Some(format!("echo '{hostile}'"));
    }
    let mut clients = clients();
    clients[0].name = hostile.into();
    let claims = [claim(Gate::Auth, Says::Fail(FindingId::at(0)), Whom::Everyone)];
    Ticket::new(Draft {
        stack: hostile.into(),
        at: Some(hostile.into()),
        host: Some(hostile.into()),
        openclaw: hostile.into(),
        compose: Some(hostile.into()),
        clients: clients.into_iter().map(|client| judge(client, &claims)).collect(),
        findings: vec![Noted {
            excerpts: vec![Excerpt { place: 0, text: hostile.into(), from: 3, to: 4000 }],
            changes: vec![hostile.into()],
            mend: Some(hostile.into()),
            steps: vec![NextStep { text: hostile.into(), command: Some(hostile.into()) }],
            ..Noted::new(bad)
        }],
        topology: topology(Some(hostile)),
        ladders: vec![Ladder {
            client: hostile.into(),
            from: openclaw_probe::Vantage::Host,
            target: Some(hostile.into()),
            up_to: None,
            fault: Some(hostile.into()),
            clock: None,
            not_climbed: None,
        }],
        evidence: vec![hostile.into()],
        missing: vec![hostile.into()],
        unaccounted: Vec::new(),
        concerned: Vec::new(),
        through: None,
        unanswered: None,
    })
}

/// The lines of Markdown that stand outside of fences; every fence must be closed.
fn outside_of_fences(page: &str) -> Vec<&str> {
    let mut fence: Option<&str> = None;
    let mut outside = Vec::new();
    for line in page.lines() {
        let ticks = line.trim_start();
        match fence {
            Some(open) if ticks == open => fence = None,
            Some(_) => {}
            // An opening fence has no backtick after its run; inline code at the start of a line does.
            None if ticks.starts_with("```") && !ticks.trim_start_matches('`').contains('`') => {
                fence = Some(ticks.trim_end_matches(char::is_alphabetic));
            }
            None => outside.push(line),
        }
    }
    assert_eq!(fence, None, "{page}");
    outside
}

/// The elements of a page that is well formed, each with the names of its attributes.
fn elements(page: &str) -> BTreeSet<String> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let page = roxmltree::Document::parse_with_options(page, options).unwrap();
    let shape = |element: roxmltree::Node<'_, '_>| {
        let attributes = element.attributes().map(|attribute| format!(" {}", attribute.name()));
        format!("{}{}", element.tag_name().name(), attributes.collect::<String>())
    };
    page.descendants().filter(roxmltree::Node::is_element).map(shape).collect()
}

fn stays_harmless(hostile: &str) {
    let ticket = full_of(hostile);
    let pages = [
        text(&ticket, Colour::Off, WIDTH).as_str().to_owned(),
        markdown(&ticket),
        json(&ticket).unwrap(),
        html(&ticket, Some(&lanes())),
        picture(&ticket),
        sarif(&ticket).unwrap(),
        junit(&ticket),
    ];
    for page in &pages {
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
        assert!(!page.contains(['\u{202e}', '\u{200b}', '\u{feff}']), "{page:?}");
    }
    let shapes = elements(&pages[3]);
    let loads = ["script", "link", "img", "iframe", "object", "a", "href", "src"];
    let words = || shapes.iter().flat_map(|shape| shape.split(' '));
    assert!(!words().any(|word| loads.contains(&word)), "{shapes:?}");
    assert!(shapes.is_subset(&elements(&html(&full_of(&"plain".repeat(20)), Some(&lanes())))), "{shapes:?}");
    let broken = elements(&junit(&ticket));
    assert!(broken.is_subset(&elements(&junit(&full_of("plain")))), "{broken:?}");
    let log: serde_json::Value = serde_json::from_str(&sarif(&ticket).unwrap()).unwrap();
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    let is_reference = |c: char| c.is_ascii_alphanumeric() || "-._~/%:".contains(c);
    assert!(place.as_str().unwrap().chars().all(is_reference), "{place}");
    let ours = ["## ", "### "];
    for line in outside_of_fences(&pages[1]) {
        let heading = line.trim_start().starts_with('#');
        assert!(!heading || ours.iter().any(|head| line.starts_with(head)), "{line}");
        assert!(!line.contains("<script") || line.contains('`'), "{line}");
    }
}

#[test]
fn hostile_text_moves_no_cursor_and_opens_no_markup() {
    stays_harmless("\u{1b}[2J\u{202e}x\u{7}``` @all\n# heading\n<script>|");
    stays_harmless("```\n# out\n````");
    stays_harmless("");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_stays_harmless(hostile in "([`#<|@~\\[\\]_* \n\t]|\\PC|\\p{Cc}|\\p{Cf}){0,60}") {
        stays_harmless(&hostile);
    }
}

#[test]
fn json_names_its_shape_and_colour_is_only_paint() {
    let ticket = ticket();
    let value: serde_json::Value = serde_json::from_str(&json(&ticket).unwrap()).unwrap();
    assert_eq!(value["schema"], "openclaw-runbook/ticket/2");
    assert_eq!(value["exit"], 1);
    assert_eq!(value["first_cause"]["gate"], "auth");
    let painted = text(&ticket, Colour::On, WIDTH);
    assert!(painted.as_str().contains("\u{1b}[1;31mRED\u{1b}[0m"));
    let plain: String =
        openclaw_runbook::clean::line(&painted.as_str().replace('\n', "\u{1}")).replace('\u{fffd}', "\n");
    assert!(plain.starts_with("RED  gateway auth is shut for openclaw-cli\n"));
}

#[test]
fn through_a_gate_asks_for_observation() {
    let green =
        [Gate::State, Gate::Listener, Gate::Reach].map(|gate| claim(gate, Says::Pass, Whom::Everyone));
    let draft =
        |through| Draft { clients: vec![judge(clients().remove(0), &green)], through, ..Draft::default() };
    assert_eq!(Ticket::new(draft(None)).verdict, Verdict::Open);
    assert_eq!(Ticket::new(draft(Some(Gate::Reach))).verdict, Verdict::Green);
    assert_eq!(Ticket::new(draft(Some(Gate::Liveness))).verdict, Verdict::Open);
    assert_eq!(Ticket::new(Draft { through: Some(Gate::State), ..Draft::default() }).exit, 3);
}

#[test]
fn an_advisory_never_outranks_a_red_gate_and_stands_worst_first() {
    let ticket = ticket();
    assert_eq!(
        ticket.first_cause.as_ref().map(|cause| (cause.gate, cause.finding)),
        Some((Gate::Auth, FindingId::at(0)))
    );
    assert_eq!(ticket.advisories, [FindingId::at(2)]);
    assert_eq!(ticket.findings[1].gate, Some(Gate::Pairing));
}

#[test]
fn an_error_that_no_gate_accounts_for_is_no_green_ticket() {
    let green: Vec<Claim> = Gate::all().map(|gate| claim(gate, Says::Pass, Whom::Everyone)).collect();
    let draft = |unaccounted| Draft {
        clients: vec![judge(clients().remove(0), &green)],
        findings: vec![Noted::new(finding(
            Code::Token(openclaw_token::Code::WeakToken),
            Severity::Error,
            "It can be guessed.",
        ))],
        unaccounted,
        ..Draft::default()
    };
    assert_eq!(Ticket::new(draft(Vec::new())).verdict, Verdict::Green);
    let beside = Ticket::new(draft(vec![FindingId::at(0)]));
    assert_eq!((beside.verdict, beside.exit), (Verdict::Open, 3));
    assert!(
        text(&beside, Colour::Off, WIDTH)
            .as_str()
            .contains("OPEN  no gate is red, but an error stands beside them")
    );
    assert!(json(&beside).unwrap().contains("\"unaccounted\""));
}
