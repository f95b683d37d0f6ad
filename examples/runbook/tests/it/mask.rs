//! `runbook mask`: what it copies, what it leaves out, and that a masked stack still has its first cause.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]
#![expect(clippy::disallowed_methods, reason = "tests prepare their own files and run the binary")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{RUNBOOK, STACKS, copy, runbook, status, stderr, stdout};

const SECRET: &str = "Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC";

fn mask(stack: &Path, to: &Path) -> Output {
    Command::new(RUNBOOK).arg("mask").args([stack, to]).output().expect("the binary starts")
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Every file below a directory, with its text.
fn files(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found.sort();
    found
}

/// Masks a stack of one file; gives back the exit status, what was said and what was copied, names included.
fn masked(name: &str, text: &str) -> (i32, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let (stack, to) = (dir.path().join("stack"), dir.path().join("copy"));
    write(&stack.join(name), text);
    let output = mask(&stack, &to);
    let copied = if to.exists() { files(&to) } else { Vec::new() };
    (status(&output), stdout(&output) + &stderr(&output), format!("{copied:?}"))
}

#[test]
fn a_secret_goes_wherever_it_stands() {
    // One that looks drawn, and two that only their place gives away.
    for secret in [SECRET, "hunter2", "correct-horse"] {
        for (name, text) in [
            (".env", "OPENAI_API_KEY=@\n"),
            (".env", "DB_PASSWD='@'\n"),
            (".env", "SMTP_PASS=\"a\n@\nb\"\n"),
            (".env", "COOKIE=@ # @\n"),
            (".env", "# was @\nANYTHING: @\n"),
            (".env.production", "export X_PRIVATE_KEY=@\n"),
            ("compose.yaml", "environment:\n  OPENCLAW_GATEWAY_TOKEN: |\n    @\n    @\n"),
            ("compose.yaml", "environment:\n  OPENCLAW_GATEWAY_TOKEN: >-\n    a\n\n    @\n"),
            ("compose.yaml", "environment:\n  OPENCLAW_GATEWAY_TOKEN:\n    @\n"),
            ("compose.yaml", "environment:\n  A: one\n    @\n  B: 'one\n    @'\n"),
            ("compose.yaml", "environment: [A=@, \"B=@\"]\n"),
            ("compose.yaml", "command:\n  - --token\n  - @\n  - --password=@\n"),
            ("compose.yaml", "command: openclaw gateway --token @\n"),
            ("compose.yaml", "command: [sh, -c, \"X=@ openclaw gateway\"]\n"),
            ("compose.yaml", "test: \"curl -H 'Authorization: Bearer @' http://h/\"\n"),
            ("compose.yaml", "OPENCLAW_GATEWAY_URL: ws://user:@@gw:1/?token=@#@\n"),
            ("compose.yaml", "build: {args: {A: @}, context: .}\nlabels: {a: @}\nx-note: [@]\n"),
            ("compose.yaml", "A: ${B:-@}${C:?@}\n# @\nD: &a @ # @\n"),
            ("captured/launchd/a.plist", "<dict><key>TOKEN</key> <string>@</string><!-- @ --></dict>\n"),
            ("captured/launchd/a.plist", "<array><string>--token</string><string>@</string></array>\n"),
            (
                "captured/systemd/a.service",
                "[Service]\nEnvironment=A=@ \"B=@\"\nExecStart=/x --token @\n# @\n",
            ),
            ("captured/logs/g.log", "gateway url: ws://u:@@h/?token=@\ntoken=@ x=@ password: @\nBearer @\n"),
            (
                "captured/logs/g.log",
                "password is @\nlogin with pass @ ok\nX-Api-Key @\nsaid @\npw @\n{\"msg\":\"@\"}\n",
            ),
            (".env", "TZ=@\nHOME=@\nNODE_ENV=@\n"),
            ("openclaw.json", "{gateway:{auth:{token:\n\"@\"}}, // @\n channels:{a:{botToken:'@',b:['@']}}}"),
            (
                "captured/inspect.json",
                "[{\"Config\":{\"Env\":[\"A=@\"],\"Labels\":{\"a\":\"@\"},\"Cmd\":[\"--token\",\"@\"]}}]",
            ),
            (
                "captured/devices/g.json",
                "{\"paired\":[{\"displayName\":\"@\",\"tokens\":[{\"token\":\"@\"}]}]}",
            ),
        ] {
            let (status, said, copied) = masked(
                name,
                &text.replace('@', secret).replace(&format!("{secret}{secret}"), &format!("{secret}@")),
            );
            assert_eq!((status, said.as_str()), (0, ""), "{name}: {text}");
            assert!(!copied.contains(secret), "{name}: {text}\n{copied}");
        }
    }
}

#[test]
fn what_one_file_declares_secret_shows_in_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (stack, to) = (dir.path().join("stack"), dir.path().join("copy"));
    let secret = "correct-horse";
    write(&stack.join(".env"), &format!("OPENCLAW_GATEWAY_TOKEN={secret}\n"));
    write(
        &stack.join("compose.yaml"),
        &format!("name: {secret}\nservices: {{{secret}: {{image: {secret}}}}}\n"),
    );
    write(
        &stack.join(format!("captured/logs/{secret}.log")),
        &format!("closed {secret} Y29ycmVjdC1ob3JzZQ==\n"),
    );
    assert_eq!(status(&mask(&stack, &to)), 0);
    let copied = files(&to);
    assert!(!format!("{copied:?}").contains(secret), "{copied:?}");
    assert!(!format!("{copied:?}").contains("Y29ycmVjdC1ob3JzZ"), "{copied:?}");
    assert_eq!(
        fs::read_to_string(to.join("compose.yaml")).unwrap(),
        "name: test-token-masked-1\nservices: {test-token-masked-1: {image: test-token-masked-1}}\n"
    );
    assert!(to.join("captured/logs/test-token-masked-1.log").exists());
}

#[test]
fn what_is_not_understood_is_left_out_and_named() {
    for (name, text, why) in [
        ("id.pem", SECRET, "not of a kind that can be masked"),
        ("notes.txt", SECRET, "not of a kind that can be masked"),
        ("state/openclaw.sqlite", "\0", "not of a kind that can be masked"),
        ("state/a.json", "{\"a\":\"\0\"}", "not text: it holds NUL bytes"),
        (".git/config.json", "{}", "not of the stack itself"),
    ] {
        let (status, said, copied) = masked(name, text);
        assert_eq!(status, 1, "{name}");
        assert!(said.contains(why) && !said.contains(SECRET), "{name}: {said}");
        assert_eq!(copied, "[]", "{name}");
    }
    // Where a file can be read only in part, the rest of it is masked, and said.
    let (status, said, copied) =
        masked("compose.yaml", &format!("mode: x\na: \"never closed\nmode: {SECRET}\n"));
    assert_eq!(
        (status, said.as_str()),
        (1, "runbook mask: compose.yaml: line 2 is not understood; what was not is masked\n")
    );
    assert!(copied.contains("mode: x") && !copied.contains(SECRET), "{copied}");
    // A name that looks like a secret is not said either.
    let (_, said, _) = masked(&format!("{SECRET}.pem"), "x");
    assert!(said.contains(".pem: ") && !said.contains(SECRET), "{said}");
}

#[cfg(unix)]
#[test]
fn no_link_is_followed_on_either_side() {
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().unwrap();
    let (stack, outside) = (dir.path().join("stack"), dir.path().join("outside"));
    write(&outside.join("private.json"), "{\"mode\": \"private\"}");
    write(&stack.join("compose.yaml"), "services: {}\n");
    symlink(outside.join("private.json"), stack.join("a.json")).unwrap();
    symlink(&outside, stack.join("state")).unwrap();
    symlink("compose.yaml", stack.join("b.yaml")).unwrap();
    let to = dir.path().join("copy");
    let output = mask(&stack, &to);
    assert_eq!(status(&output), 1);
    assert_eq!(stderr(&output).matches("a link, and none is followed").count(), 3, "{}", stderr(&output));
    assert_eq!(files(&to).len(), 1);

    // TO is a link, or holds one.
    let linked = dir.path().join("linked");
    symlink(&outside, &linked).unwrap();
    let holding = dir.path().join("holding");
    fs::create_dir(&holding).unwrap();
    symlink(outside.join("private.json"), holding.join("compose.yaml")).unwrap();
    for to in [&linked, &holding] {
        let output = mask(&stack, to);
        assert_eq!(status(&output), 78);
        assert!(stderr(&output).contains("not an empty directory"), "{}", stderr(&output));
    }
    assert_eq!(fs::read_to_string(outside.join("private.json")).unwrap(), "{\"mode\": \"private\"}");
    assert_eq!(files(&outside).len(), 1);
    // A link above TO is the caller's own: where it leads counts.
    let above = dir.path().join("above");
    symlink(&stack, &above).unwrap();
    assert_eq!(status(&mask(&stack, &above.join("copy"))), 78);
}

#[test]
fn the_copy_and_the_stack_do_not_lie_in_one_another() {
    let dir = tempfile::tempdir().unwrap();
    let stack = dir.path().join("a/stack");
    let token = format!("OPENCLAW_GATEWAY_TOKEN={SECRET}\n");
    write(&stack.join(".env"), &token);
    fs::create_dir(stack.join("empty")).unwrap();
    for to in [
        stack.clone(),
        stack.join("copy"),
        stack.join("empty"),
        stack.join("empty/../copy"),
        dir.path().join("a"),
    ] {
        let output = mask(&stack, &to);
        assert_eq!(status(&output), 78, "{}", to.display());
        assert!(stderr(&output).contains("lie in one another"), "{}", stderr(&output));
    }
    assert_eq!(files(dir.path()), [(stack.join(".env"), token)]);
    // What is there is not written over.
    let to = dir.path().join("b");
    write(&to.join("keep"), "kept");
    assert_eq!(status(&mask(&stack, &to)), 78);
    assert_eq!(files(&to), [(to.join("keep"), "kept".to_owned())]);
}

/// The verdict of a ticket, and its first cause: gate, clients, code, and the lines that it points at.
fn cause(stack: &Path) -> serde_json::Value {
    let output = runbook(&[stack.to_str().unwrap(), "--format", "json", "--at", "2026-11-22T06:30:00Z"]);
    let ticket: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let cause = &ticket["first_cause"];
    let finding =
        cause["finding"].as_u64().map(|number| &ticket["findings"][usize::try_from(number).unwrap()]);
    let places = finding.map(|finding| {
        let place =
            |place: &serde_json::Value| format!("{} {} {}", place["role"], place["file"], place["line"]);
        finding["places"].as_array().unwrap().iter().map(place).collect::<Vec<_>>()
    });
    let code = finding.map(|finding| finding["code"].as_str().unwrap().to_owned());
    serde_json::json!([status(&output), ticket["verdict"], cause["gate"], cause["clients"], code, places])
}

#[test]
fn a_masked_stack_has_the_same_first_cause() {
    let live = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openclaw-compose/tests/live");
    let rows = fs::read_dir(live).unwrap().map(|row| row.unwrap().path());
    let bundled: Vec<_> = STACKS.iter().map(|stack| (copy(stack), *stack)).collect();
    let mut compared = 0;
    for stack in bundled.iter().map(|(dir, stack)| dir.path().join(stack)).chain(rows) {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("copy");
        let said = stderr(&mask(&stack, &to));
        let known = |line: &&str| !line.contains(" README.md: ") && !line.contains(" cause: ");
        assert_eq!(said.lines().find(known), None, "{}", stack.display());
        let before = cause(&stack);
        assert_eq!(cause(&to), before, "{}", stack.display());
        compared += usize::from(before[4].is_string() && before[5].is_array());
    }
    assert!(compared > STACKS.len(), "only {compared} stacks had a cause to compare");
}
