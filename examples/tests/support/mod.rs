//! Running the runbook as its users do: the binary, from the root of the workspace.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its files has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The stacks that come with the project.
pub(crate) const STACKS: [&str; 6] =
    ["healthy", "silent-override", "own-loopback", "pairing-deadlock", "loopback-bind", "uid-drift"];

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Runs `runbook` with these arguments from the root of the workspace, with an empty environment.
#[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
pub(crate) fn runbook(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_runbook"))
        .args(arguments)
        .current_dir(root())
        .env_clear()
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
#[expect(clippy::disallowed_methods, reason = "tests prepare their own files")]
pub(crate) fn copy(stack: &str) -> tempfile::TempDir {
    fn folder(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folder(&entry.path(), &target);
            } else {
                std::fs::write(&target, std::fs::read(entry.path()).unwrap()).unwrap();
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    folder(&root().join("examples/stacks").join(stack), &dir.path().join(stack));
    dir
}
