//! Running the runbook as its users do: the binary, from the root of the workspace.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its files has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The stacks that come with the project.
pub(crate) const STACKS: [&str; 6] =
    ["healthy", "silent-override", "own-loopback", "pairing-deadlock", "loopback-bind", "uid-drift"];

/// The program.
pub(crate) const RUNBOOK: &str = env!("CARGO_BIN_EXE_runbook");

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// Runs `runbook` with these arguments from the root of the workspace, with an empty environment.
#[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
pub(crate) fn runbook(arguments: &[&str]) -> Output {
    Command::new(RUNBOOK)
        .args(arguments)
        .current_dir(root())
        .env_clear()
        .env("RUNBOOK_HOST_FILES", "1")
        .output()
        .expect("the binary starts")
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is UTF-8")
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("errors are UTF-8")
}

/// The exit status.
pub(crate) fn status(output: &Output) -> i32 {
    output.status.code().expect("the process was not killed")
}

/// Copies a bundled stack to a directory of its own.
pub(crate) fn copy(stack: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&root().join("examples/stacks").join(stack), &dir.path().join(stack));
    dir
}

/// Copies a folder with all that is in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// Every file below a directory with its content, the programs' own records aside; what is not a file by its name.
#[expect(clippy::disallowed_methods, reason = "tests look at their own files")]
pub(crate) fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_dir() && !path.ends_with(".openclaw-token") {
            found.extend(contents(&path));
        }
        let content = if kind.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        if !path.ends_with(".openclaw-token") {
            found.insert(path, content);
        }
    }
    found
}

/// A way to make a file of a stack one that is there and cannot be read: what it is called, what is done, and the file that a
/// program must name.
pub(crate) type Unread = (&'static str, fn(&Path), &'static str);

/// Every way, on a stack with `.env` and `state/openclaw.json`.
#[expect(clippy::disallowed_methods, reason = "tests prepare their own files")]
pub(crate) const UNREAD: &[Unread] = &[
    (".env is a directory", |dir| make_dir(&dir.join(".env")), ".env"),
    (".env is too large", |dir| append(&dir.join(".env"), &vec![b'#'; (16 << 20) + 1]), ".env"),
    (".env is not UTF-8", |dir| append(&dir.join(".env"), b"# caf\xe9\n"), ".env"),
    (".env is a link to itself", |dir| link(".env", &dir.join(".env")), ".env"),
    (".env is a FIFO", |dir| make_fifo(&dir.join(".env")), ".env"),
    (".env has a line that is none", |dir| append(&dir.join(".env"), b"OPENCLAW GATEWAY TOKEN\n"), ".env"),
    (
        "the containers' state is a directory",
        |dir| make_dir(&dir.join("captured/inspect.json")),
        "captured/inspect.json",
    ),
    (
        "the containers' state is cut off",
        |dir| std::fs::write(dir.join("captured/inspect.json"), "[{\"Id\": \"a\", ").unwrap(),
        "captured/inspect.json",
    ),
    ("openclaw.json is a directory", |dir| make_dir(&dir.join("state/openclaw.json")), "state/openclaw.json"),
    (
        "openclaw.json is not UTF-8",
        |dir| append(&dir.join("state/openclaw.json"), b"// caf\xe9\n"),
        "state/openclaw.json",
    ),
    ("openclaw.json is a FIFO", |dir| make_fifo(&dir.join("state/openclaw.json")), "state/openclaw.json"),
    (
        "openclaw.json leads out of the stack",
        |dir| {
            let elsewhere = dir.parent().unwrap().join("elsewhere.json");
            std::fs::rename(dir.join("state/openclaw.json"), &elsewhere).unwrap();
            link("../../elsewhere.json", &dir.join("state/openclaw.json"));
        },
        "state/openclaw.json",
    ),
    (
        "openclaw.json is cut off",
        |dir| std::fs::write(dir.join("state/openclaw.json"), "{ gateway: {").unwrap(),
        "state/openclaw.json",
    ),
    (
        "openclaw.json includes what cannot be read",
        |dir| {
            make_dir(&dir.join("state/more.json"));
            let json = "{ $include: './more.json', gateway: { mode: 'local', bind: 'lan' } }";
            std::fs::write(dir.join("state/openclaw.json"), json).unwrap();
        },
        "state/more.json",
    ),
    ("the state's .env is a directory", |dir| make_dir(&dir.join("state/.env")), "state/.env"),
    (
        "an included Compose file is not YAML",
        |dir| {
            std::fs::write(dir.join("more.yaml"), "services: [a\n").unwrap();
            std::fs::write(
                dir.join("compose.override.yaml"),
                "include: [more.yaml]\nservices: {openclaw-gateway: {env_file: .env}}\n",
            )
            .unwrap();
            let named = dir.join("docker-compose.override.yml");
            if dir.join("docker-compose.yml").exists() {
                std::fs::rename(dir.join("compose.override.yaml"), named).unwrap();
            }
        },
        "more.yaml",
    ),
];

fn make_dir(path: &Path) {
    let _ = std::fs::remove_file(path);
    std::fs::create_dir(path).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "tests prepare their own files")]
fn make_fifo(path: &Path) {
    let _ = std::fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn link(to: &str, path: &Path) {
    let _ = std::fs::remove_file(path);
    std::os::unix::fs::symlink(to, path).unwrap();
}

fn append(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Who owns a tree from now on, and runs a subcommand in it: with a user who may not read everything, if this one may.
#[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
pub(crate) fn as_owner(subcommand: &str, tree: &Path) -> Command {
    use std::os::unix::fs::{MetadataExt as _, chown};
    use std::os::unix::process::CommandExt as _;
    const OWNER: u32 = 65533;
    fn give(path: &Path) {
        chown(path, Some(OWNER), Some(OWNER)).unwrap();
        if path.symlink_metadata().unwrap().is_dir() {
            for entry in std::fs::read_dir(path).unwrap() {
                give(&entry.unwrap().path());
            }
        }
    }
    let mut command = Command::new(RUNBOOK);
    command.arg(subcommand);
    if tree.metadata().unwrap().uid() == 0 {
        give(tree);
        command.uid(OWNER).gid(OWNER);
    }
    command.current_dir(tree).env_clear().env("RUNBOOK_HOST_FILES", "1");
    command
}
