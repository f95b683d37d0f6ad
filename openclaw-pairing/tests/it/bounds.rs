//! Evidence of any size: what is beyond a bound is left out and said, and no bound hides what still holds.
#![allow(clippy::unwrap_used, reason = "a failing test says so")]

use openclaw_pairing::plan::{Action, Topology};
use openclaw_pairing::{Code, DeviceList, Evidence, Symptom, Timeline, Vantage, diagnose};

/// A gateway's line about a client that is told to wait, each a second after the one before.
fn asked(number: usize, device: usize) -> String {
    format!(
        "2026-11-{:02}T{:02}:{:02}:{:02}.000+00:00 [ws] closed before connect conn=1 remote=10.{}.{}.2 code=1008 \
         cause=pairing-required deviceId={device:064x} requestId=r-{number} reason=not-paired\n",
        1 + number / 86_400,
        number / 3600 % 24,
        number / 60 % 60,
        number % 60,
        device / 256 % 256,
        device % 256
    )
}

fn log(text: &str) -> Timeline {
    Timeline::parse(Vantage::Gateway, "log", text)
}

#[test]
fn of_each_symptom_the_newest_lines_are_kept() {
    let text = String::from("[gateway] device pairing rejected device=d-00000001\n")
        + &(0..10_000).map(|number| asked(number, 1)).collect::<String>();
    let timeline = log(&text);
    assert_eq!((timeline.left_out.bytes, timeline.left_out.marks), (0, 10_000 - 4096));
    let (first, rest) = timeline.marks.split_first().unwrap();
    assert_eq!((first.symptom, first.line), (Symptom::RejectedByPerson, 1), "no other symptom crowds it out");
    assert_eq!((rest.len(), rest[0].line, rest[4095].line), (4096, 10_001 - 4095, 10_001));
    for mark in &timeline.marks {
        assert_eq!(text.get(mark.span[0]..mark.span[1]), Some(mark.words.as_str()));
    }
    assert_eq!(serde_json::to_value(&timeline).unwrap()["left_out"]["marks"], 10_000 - 4096);
    let diagnosis = diagnose(&Evidence::new(Topology::default()).timeline(timeline));
    assert_eq!(diagnosis.cause, Code::RequestRejected);
    let said = diagnosis.findings.iter().find(|finding| finding.code == Code::EvidenceLeftOut).unwrap();
    assert_eq!(said.evidence, ["log: 5904 lines that later lines repeat were left out"]);
}

#[test]
fn of_a_long_text_the_end_is_read_and_its_lines_keep_their_numbers() {
    let filler = format!("{}\n", "quiet ".repeat(200_000)).repeat(20);
    let text = format!("pairing required\n{filler}missing scope: operator.pairing\n");
    let timeline = log(&text).after(7);
    let [mark] = &timeline.marks[..] else { panic!("{:?}", timeline.marks.len()) };
    assert_eq!((mark.symptom, mark.line), (Symptom::MissingScope, 22));
    assert_eq!(text.get(mark.span[0]..mark.span[1]), Some("missing scope: operator.pairing"));
    let bytes = usize::try_from(timeline.left_out.bytes - 7).unwrap();
    assert!(text.len() - bytes <= 16 << 20 && text[..bytes].ends_with('\n'), "{bytes}");
    assert!(log("pairing required\nall is quiet").left_out.is_nothing());
}

#[test]
fn a_line_of_any_length_is_read_up_to_a_point() {
    let text = format!("pairing required {}", "x".repeat(17 << 20));
    assert_eq!(log(&text).marks.len(), 1);
    let far = format!("{} pairing required", "x".repeat(17 << 10));
    assert_eq!(log(&far).marks.len(), 0);
}

#[test]
fn a_list_keeps_so_many_rows_and_says_how_many_there_were() {
    let rows = vec!["{}"; 10_001].join(",");
    let list = DeviceList::from_json(&format!(r#"{{"pending":[{rows}],"paired":[{rows}]}}"#)).unwrap();
    assert_eq!((list.pending.len(), list.paired.len(), list.left_out), (10_000, 10_000, 2));
    assert_eq!(serde_json::to_value(&list).unwrap()["left_out"], 2);
    let diagnosis = diagnose(&Evidence::new(Topology::default()).devices(Vantage::Gateway, "list", list));
    let said = diagnosis.findings.iter().find(|finding| finding.code == Code::EvidenceLeftOut).unwrap();
    assert_eq!(said.evidence, ["list: 2 rows were left out"]);
    let roles = vec![r#""operator""#; 1000].join(",");
    let tokens = vec!["{}"; 1000].join(",");
    let list = format!(r#"{{"paired":[{{"roles":[{roles}],"scopes":[{roles}],"tokens":[{tokens}]}}]}}"#);
    let device = DeviceList::from_json(&list).unwrap().paired.remove(0);
    assert_eq!((device.roles.len(), device.tokens.len()), (64, 64));
}

/// Everything at once, as many as there can be: a verdict that a person can read, with the client's own device first.
#[test]
fn however_much_is_seen_the_verdict_stays_short() {
    let row = |device: usize| {
        format!(
            r#"{{"requestId":"r-{device}","deviceId":"{device:064x}","clientId":"cli","clientMode":"cli","platform":"linux",
            "scopes":["operator.read"],"remoteIp":"172.18.0.3","ts":1,"approvedAtMs":1}}"#
        )
    };
    let rows = |from: usize| (from..from + 10_000).map(row).collect::<Vec<_>>().join(",");
    let list = |pending: usize, paired: usize| {
        format!(r#"{{"pending":[{}],"paired":[{}]}}"#, rows(pending), rows(paired))
    };
    // Each line is of another device, and none of the approvals is of one that asks.
    let many: String = (0..32_000)
        .map(|number| match number % 4 {
            0 => asked(number, number),
            1 => asked(number, number).replace("not-paired", "scope-upgrade"),
            2 => {
                format!("{}[gateway] device pairing approved device={number:064x}\n", &asked(number, 0)[..30])
            }
            _ => format!("{}[gateway] loading configuration\n", &asked(number, 0)[..30]),
        })
        .collect();
    let own = format!("{:064x}", 9_999);
    let evidence = Evidence::new(Topology::default())
        .now_ms(u64::MAX)
        .own_device(&own)
        .log(Vantage::Gateway, "gateway.log", &many)
        .log(Vantage::Client, "client.log", &many)
        .device_list(Vantage::Gateway, "one", &list(0, 1_000_000))
        .unwrap()
        .device_list(Vantage::Client, "two", &list(0, 3_000_000))
        .unwrap()
        .config("openclaw.json", &"allowInsecureAuth: true\n".repeat(10_000));
    let diagnosis = diagnose(&evidence);
    let text = serde_json::to_string(&diagnosis).unwrap();
    assert!(text.len() < 128 << 10, "{} bytes", text.len());
    for finding in &diagnosis.findings {
        assert!(finding.evidence.len() <= 18 && finding.places.len() <= 16, "{finding:?}");
    }
    let bypass = diagnosis.findings.iter().find(|finding| finding.code == Code::BypassLeftBehind).unwrap();
    assert_eq!(bypass.evidence[16..], ["and 9984 more like these", "seen in 9984 more lines"]);
    let devices: Vec<_> = diagnosis
        .plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Decide { device_id, .. } => device_id.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!((devices.len(), devices.first().copied()), (16, Some(own.as_str())));
    assert!(diagnosis.plan.to_string().contains("9984 more devices wait"), "{}", diagnosis.plan);
}
