//! Where a stack runs is what was recorded of it, or what the caller says; tickets differ only where the stack's home does.
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "a test that cannot prepare its stacks has failed"
)]
#![expect(clippy::disallowed_methods, reason = "the stacks are directories, and copies of them")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use openclaw_compose::openclaw::Host;
use openclaw_runbook::diagnose::{Options, diagnose};
use openclaw_runbook::project::ProjectFlags;
use openclaw_runbook::render;
use serde_json::Value;

use crate::support::{copy, root, runbook, stdout};

/// What a stack's home decides: owners behind a file sharing and what is said of a state that is usable, a database on such a
/// sharing, an engine that starts with a login, and whose loopback and network the host's are.
const OF_THE_HOME: [&str; 6] = ["OC-C401", "OC-C413", "OC-C418", "OC-C504", "OC-C229", "OC-C223"];

fn ticket(stack: &Path, host: Option<Host>) -> Value {
    let project = ProjectFlags { host, ..ProjectFlags::default() };
    let ticket = diagnose(stack, Options { project, ..Options::default() });
    // What cannot be read is so on every host.
    ticket.map_or(Value::Null, |ticket| serde_json::from_str(&render::json(&ticket).unwrap()).unwrap())
}

/// The findings that no home decides, in the order of the ticket.
fn findings(ticket: &Value) -> Vec<&Value> {
    let is_of_any = |finding: &&Value| !OF_THE_HOME.contains(&finding["code"].as_str().unwrap());
    ticket["findings"].as_array().into_iter().flatten().filter(is_of_any).collect()
}

/// What was not seen, but for owners: behind a file sharing the look from inside alone tells them.
fn missing(ticket: &Value) -> Vec<&Value> {
    let is_of_owners = |said: &&Value| !said.as_str().unwrap().starts_with("owners: ");
    ticket["missing"].as_array().into_iter().flatten().filter(is_of_owners).collect()
}

/// The state of each gate of each client, with the codes that shut it, up to the first that the home decided.
fn gates(ticket: &Value) -> BTreeMap<(String, String), (String, Vec<String>)> {
    let mut gates = BTreeMap::new();
    for client in ticket["clients"].as_array().into_iter().flatten() {
        for rung in client["rungs"].as_array().unwrap() {
            let code = |at: &Value| {
                ticket["findings"][at.as_u64().unwrap() as usize]["code"].as_str().unwrap().to_owned()
            };
            let codes = rung["findings"].as_array().into_iter().flatten().map(code).collect();
            let (client, gate) = (client["client"]["name"].to_string(), rung["gate"].to_string());
            gates.insert((client, gate), (rung["state"].to_string(), codes));
        }
    }
    gates
}

/// Says where the tickets differ although the home does not.
fn differ(stack: &Path) -> Option<String> {
    let (linux, mac) = (ticket(stack, Some(Host::Linux)), ticket(stack, Some(Host::Mac)));
    let home = ticket(stack, None);
    let name = stack.file_name().unwrap().to_string_lossy();
    if home != linux && home != mac {
        return Some(format!("{name}: at home it is like on neither host"));
    }
    if findings(&linux) != findings(&mac) {
        return Some(format!("{name}: {:#?}\n{:#?}", findings(&linux), findings(&mac)));
    }
    if missing(&linux) != missing(&mac) {
        return Some(format!("{name}: {:?} {:?}", missing(&linux), missing(&mac)));
    }
    let (on_linux, on_mac) = (gates(&linux), gates(&mac));
    let is_of_the_home = |key: &(String, String)| {
        let codes = |gates: &BTreeMap<_, (String, Vec<String>)>| {
            gates.get(key).map(|(_, codes)| codes.clone()).unwrap_or_default()
        };
        key.1 == "\"state\""
            || [codes(&on_linux), codes(&on_mac)]
                .concat()
                .iter()
                .any(|code| OF_THE_HOME.contains(&code.as_str()))
    };
    // Behind a gate that the home decided the others are blocked on one host, and judged on the other.
    let decided: BTreeSet<&String> = on_linux
        .keys()
        .filter(|key| is_of_the_home(key) && on_linux.get(*key) != on_mac.get(*key))
        .map(|(client, _)| client)
        .collect();
    let others = on_linux.keys().chain(on_mac.keys()).filter(|(client, _)| !decided.contains(client));
    others
        .into_iter()
        .find(|key| on_linux.get(*key) != on_mac.get(*key))
        .map(|key| format!("{name}: {key:?} {:?} {:?}", on_linux.get(key), on_mac.get(key)))
}

fn stacks(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

#[test]
fn every_ticket_differs_only_where_the_home_does() {
    let stacks = [stacks("examples/stacks"), stacks("examples/runbook/tests/field")].concat();
    assert!(stacks.len() > 200);
    let halves = stacks.chunks(stacks.len() / 2 + 1);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = halves
            .map(|half| scope.spawn(|| half.iter().filter_map(|stack| differ(stack)).collect::<Vec<_>>()))
            .collect();
        running.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// On a Mac all that is checked out belongs to the account: what was recorded of a stack counts, not that.
#[test]
#[cfg(unix)]
fn the_owner_of_a_checkout_says_nothing_against_what_was_recorded() {
    for stack in stacks("examples/stacks") {
        let name = stack.file_name().unwrap().to_str().unwrap();
        let dir = copy(name);
        let checkout = dir.path().join(name);
        let before = ticket(&checkout, None);
        let of_a_mac = |path: &Path| std::os::unix::fs::chown(path, Some(501), Some(20));
        let mut paths = vec![checkout.clone()];
        while let Some(path) = paths.pop() {
            if of_a_mac(&path).is_err() {
                return; // Only root may; on a Mac they belong to the account as they are.
            }
            if path.is_dir() {
                paths.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
        assert_eq!(ticket(&checkout, None), before, "{name}");
    }
}

fn printed(stack: &str, host: &str) -> (i32, String) {
    let path = root().join("examples/stacks").join(stack).display().to_string();
    let output = runbook(&[&path, "--format", "json", "--host", host]);
    (output.status.code().expect("it ended"), stdout(&output))
}

#[test]
fn on_a_mac_no_step_changes_owners_on_the_host() {
    let (code, linux) = printed("uid-drift", "linux");
    assert!(code == 1 && linux.contains("sudo chown"), "{linux}");
    let (code, mac) = printed("uid-drift", "mac");
    assert!(code == 1 && !mac.contains("sudo chown"), "{mac}");
    assert!(mac.contains("from inside"), "{mac}");
    let (code, _) = printed("uid-drift", "windows");
    assert_eq!(code, 2);
}

/// A doubt about owners has its way on, and what that records counts, beside the owners of the files themselves.
#[test]
fn where_only_a_look_from_inside_tells_its_command_is_printed_and_what_it_records_counts() {
    let dir = copy("uid-drift");
    let stack = dir.path().join("uid-drift");
    std::fs::remove_dir_all(stack.join("captured")).unwrap();
    std::fs::create_dir(stack.join("captured")).unwrap();
    let record = |owners: &str| std::fs::write(stack.join("captured/ownership.txt"), owners).unwrap();
    let text = || stdout(&runbook(&[stack.to_str().unwrap()]));
    record("501:20 755 state\n");
    let said = text();
    let stat = "stat -c \"%u:%g %a container:openclaw-gateway:%n\" /home/node/.openclaw /home/node/.openclaw/openclaw.json";
    assert!(
        said.contains("owners: ") && said.contains(stat) && said.contains(">> captured/ownership.txt"),
        "{said}"
    );
    let seen = ["gateway", "cli"]
        .map(|name| format!("1000:1000 755 container:openclaw-{name}:/home/node/.openclaw\n"));
    record(&format!("501:20 755 state\n{}", seen.concat()));
    let said = text();
    assert!(!said.contains("owners: ") && !said.contains("OC-C401"), "{said}");
    // The file need not hold more than that.
    record("0:0 755 container:openclaw-gateway:/home/node/.openclaw\n");
    let engine = "{\"OperatingSystem\":\"OrbStack\"}";
    std::fs::write(stack.join("captured/engine.json"), engine).unwrap();
    let said = text();
    assert!(said.contains("OC-C401") && !said.contains("sudo chown"), "{said}");
}

/// A client beside the gateway may keep its state in a directory of its own, and each process sees owners of its own.
#[test]
fn every_service_whose_owners_are_in_doubt_is_looked_into() {
    let dir = copy("uid-drift");
    let stack = dir.path().join("uid-drift");
    let compose = std::fs::read_to_string(stack.join("compose.yaml")).unwrap();
    let own = "    command: [\"tui\"]\n    volumes: [\"./cli-state:/home/node/.openclaw\"]\n";
    std::fs::write(stack.join("compose.yaml"), compose.replace("    command: [\"tui\"]\n", own)).unwrap();
    let owners = "0:0 755 state\n0:0 755 cli-state\n";
    std::fs::write(stack.join("captured/ownership.txt"), owners).unwrap();
    let path = stack.to_str().unwrap();
    let on_mac = stdout(&runbook(&[path, "--host", "mac"]));
    for service in ["gateway", "cli"] {
        let look = format!(
            "--entrypoint sh openclaw-{service} -c 'stat -c \"%u:%g %a container:openclaw-{service}:%n\""
        );
        assert!(on_mac.contains(&look), "{on_mac}");
    }
    let on_linux = stdout(&runbook(&[path, "--host", "linux", "--format", "json"]));
    for directory in ["state", "cli-state"] {
        assert!(on_linux.contains(&format!("\"sudo chown -R 1000:1000 {directory}\"")), "{on_linux}");
    }
}

/// No restart policy brings a container up before the engine, which on a Mac waits for a login.
#[test]
fn on_a_mac_a_restart_policy_waits_for_a_login() {
    let dir = copy("healthy");
    let stack = dir.path().join("healthy");
    let compose = std::fs::read_to_string(stack.join("compose.yaml")).unwrap();
    let restart = "    restart: on-failure:5\n";
    assert!(compose.contains(restart));
    std::fs::write(stack.join("compose.yaml"), compose.replace(restart, "")).unwrap();
    let told = |host| ticket(&stack, Some(host))["findings"].to_string();
    let (linux, mac) = (told(Host::Linux), told(Host::Mac));
    assert!(mac.contains("the engine itself starts when its user logs in"), "{mac}");
    assert!(linux.contains("OC-C504") && !linux.contains("logs in"), "{linux}");
}

/// What SQLite says of a database that a file sharing broke, with the way out.
#[test]
fn a_malformed_database_is_sent_into_a_volume() {
    let dir = copy("healthy");
    let stack = dir.path().join("healthy");
    let log = "[gateway] loading configuration\nGateway failed to start: database disk image is malformed\n";
    std::fs::write(stack.join("captured/logs/openclaw-gateway.log"), log).unwrap();
    let findings = ticket(&stack, Some(Host::Mac))["findings"].to_string();
    for said in ["OC-R211", "database disk image is malformed", "into a named volume", "OC-C418"] {
        assert!(findings.contains(said), "{said}: {findings}");
    }
}

/// What a stack's home is, is found out in one place for every subcommand: a managed account of a Mac has an id of its own, and a
/// stack may lie anywhere on it.
#[test]
fn every_subcommand_takes_a_macs_stack_for_one() {
    let dir = copy("uid-drift");
    let stack = dir.path().join("uid-drift");
    std::fs::remove_file(stack.join("captured/engine.json")).ok();
    let judge = |owners: &str, subcommand: &str| {
        std::fs::write(stack.join("captured/ownership.txt"), owners).unwrap();
        let output = runbook(&[subcommand, "--project-directory", stack.to_str().unwrap(), "--host-files"]);
        stdout(&output) + &crate::support::stderr(&output)
    };
    for subcommand in ["fix", "namespaces", "sources"] {
        let (server, mac) = (judge("0:0 755 state\n", subcommand), judge("601:20 755 state\n", subcommand));
        assert!(!mac.contains("chown"), "{subcommand}: {mac}");
        if subcommand != "sources" {
            assert!(server.contains("sudo chown"), "{subcommand}: {server}");
        }
    }
}

/// A command that failed leaves an empty file behind, such as `find -printf` on a Mac: the owners of the files count then, and the
/// ticket says what records them anywhere.
#[test]
#[cfg(unix)]
fn an_empty_listing_of_owners_is_none() {
    let dir = copy("uid-drift");
    let stack = dir.path().join("uid-drift");
    let look = || stdout(&runbook(&[stack.to_str().unwrap(), "--host", "linux", "--format", "json"]));
    std::fs::write(stack.join("captured/ownership.txt"), "").unwrap();
    let empty = look();
    assert!(empty.contains("captured/ownership.txt is empty: find . -exec ls -ldn {} +"), "{empty}");
    std::fs::remove_file(stack.join("captured/ownership.txt")).unwrap();
    let none = look();
    let drifts = |ticket: &str| ticket.matches("OC-C401").count();
    assert_eq!(drifts(&empty), drifts(&none), "{empty}");
}

/// Whoever listens on the network of a Mac's host listens on that of the virtual machine, unless the engine forwards it; a
/// question from a container there would not be the Mac's.
#[test]
fn on_a_mac_the_hosts_network_is_asked_from_the_mac() {
    let stack = root().join("examples/runbook/tests/field/healthy-32-host-network");
    let findings = ticket(&stack, Some(Host::Mac))["findings"].to_string();
    assert!(findings.contains("Enable host networking") && findings.contains("OrbStack"), "{findings}");
    let namespaces = |host: &str| {
        let arguments = ["namespaces", "--project-directory", stack.to_str().unwrap(), "--host", host];
        stdout(&runbook(&arguments))
    };
    let (linux, mac) = (namespaces("linux"), namespaces("mac"));
    assert!(linux.contains("docker run --rm --network host"), "{linux}");
    assert!(
        !mac.contains("--network host") && mac.contains("curl -fsS http://127.0.0.1:18789/healthz"),
        "{mac}"
    );
}

/// In a directory that was reached by a link the project has the link's name, as Compose has it.
#[test]
#[cfg(unix)]
fn a_linked_directory_names_the_project_by_its_link() {
    let dir = copy("healthy");
    let (stack, link) = (dir.path().join("healthy"), dir.path().join("claw"));
    let compose = std::fs::read_to_string(stack.join("compose.yaml")).unwrap();
    std::fs::write(stack.join("compose.yaml"), compose.replace("name: healthy\n", "")).unwrap();
    let inspect = std::fs::read_to_string(stack.join("captured/inspect.json")).unwrap();
    let label = "\"com.docker.compose.project\": \"healthy\"";
    assert!(inspect.contains(label));
    let inspect = inspect.replace(label, "\"com.docker.compose.project\": \"claw\"");
    std::fs::write(stack.join("captured/inspect.json"), inspect).unwrap();
    std::os::unix::fs::symlink(&stack, &link).unwrap();
    let look = |directory: &Path| {
        let mut command = std::process::Command::new(crate::support::RUNBOOK);
        command.args(["look", "--format", "json"]).current_dir(directory).env_clear().env("PWD", directory);
        stdout(&command.env("RUNBOOK_HOST_FILES", "1").output().unwrap())
    };
    let other_name = "runs-as-another-project";
    assert!(look(&stack).contains(other_name), "{}", look(&stack));
    assert!(!look(&link).contains(other_name), "{}", look(&link));
}
