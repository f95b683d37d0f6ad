//! Where a stack runs is what was recorded of it, or what the caller says; tickets differ only where the stack's home does.

use crate::support::{root, runbook, stdout};

const STACKS: [&str; 5] = ["healthy", "loopback-bind", "pairing-deadlock", "silent-override", "own-loopback"];

fn ticket(stack: &str, host: &[&str]) -> (i32, String) {
    let path = root().join("examples/stacks").join(stack).display().to_string();
    let output = runbook(&[&[path.as_str(), "--format", "json"], host].concat());
    (output.status.code().expect("it ended"), stdout(&output))
}

#[test]
fn a_stack_without_owners_is_the_same_on_every_host() {
    for stack in STACKS {
        let linux = ticket(stack, &["--host", "linux"]);
        let mac = ticket(stack, &["--host", "mac"]);
        let (home, of_a_mac) = (ticket(stack, &[]), ["which on a Mac", "OC-C418"]);
        assert_eq!(home, linux, "{stack}");
        assert_eq!(mac.0, linux.0, "{stack}");
        let is_of_a_mac = of_a_mac.iter().any(|words| mac.1.contains(words) && !linux.1.contains(words));
        assert!(linux == mac || is_of_a_mac, "{stack}:\n{}\n{}", linux.1, mac.1);
    }
}

#[test]
fn on_a_mac_no_step_changes_owners_on_the_host() {
    let (code, linux) = ticket("uid-drift", &["--host", "linux"]);
    assert!(code == 1 && linux.contains("sudo chown"), "{linux}");
    let (code, mac) = ticket("uid-drift", &["--host", "mac"]);
    assert!(code == 1 && !mac.contains("sudo chown"), "{mac}");
    assert!(mac.contains("from inside"), "{mac}");
    let (code, _) = ticket("uid-drift", &["--host", "windows"]);
    assert_eq!(code, 2);
}
