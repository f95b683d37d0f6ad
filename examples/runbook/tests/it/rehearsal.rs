//! The rehearsal ends in an authenticated session, leaves nothing behind and shows no token.

#![allow(clippy::panic, reason = "a landmark that is missing is what the test is for")]
use crate::support::{runbook, status, stderr, stdout};

#[test]
fn the_rehearsal_mends_its_stack_and_proves_a_session() {
    let output = runbook(&[]);
    let shown = stdout(&output);
    assert_eq!((status(&output), stderr(&output).as_str()), (0, ""), "{shown}");
    // In this order, each once: the red ticket, the five steps, the green ticket.
    let landmarks = [
        "== before",
        "RED  namespace and URL is shut for openclaw-cli",
        "OC-C201 own-loopback",
        "OC-H110 connection-refused",
        "OC-C301 silent-override",
        "OC-T300 not-frozen",
        "== 1 freeze, and 2 align",
        "adopted   the token that the gateway enforces; fingerprint oct1:",
        "-OPENCLAW_GATEWAY_TOKEN=********",
        "== 3 namespace",
        "+    network_mode: \"service:openclaw-gateway\"",
        "== 4 pair",
        "pairing required: device is not approved yet",
        "session   with operator.read, operator.write, operator.pairing",
        "== 5 probe",
        "ok    hello",
        "ok    scope",
        "== after",
        "GREEN  authenticated session for openclaw-cli",
        "is intact. The copy is removed.",
    ];
    let mut rest = shown.as_str();
    for landmark in landmarks {
        let at = rest.find(landmark).unwrap_or_else(|| panic!("{landmark:?} is not next in\n{rest}"));
        rest = &rest[at + landmark.len()..];
    }
    let (_, after) = shown.split_once("== after").expect("a landmark");
    assert!(!after.contains("OC-T3"), "what was frozen is still frozen\n{after}");
    // Tokens are 64 hexadecimal digits, device ids are cut to twelve: no longer run of them is shown.
    let longest = shown.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max().unwrap_or_default();
    assert!(longest < 32, "something as long as a token is shown\n{shown}");
    let copy =
        shown.lines().find_map(|line| line.trim().strip_prefix("stack     ")?.strip_suffix(", a copy"));
    let copy = copy.expect("the rehearsal says where its copy is");
    assert!(!std::path::Path::new(copy).exists(), "{copy} is left behind");
}
