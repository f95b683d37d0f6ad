//! Any files give a resolution, twice the same, and everything that prints it prints.
//!
//! An input holds several files: lines `=====NAME` begin one, what stands before the first is `compose.yaml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openclaw_compose::project::{self, Format, Inputs, Resolution, Reveal, Texts};

fuzz_target!(|bytes: &[u8]| {
    let files = files(bytes);
    let inputs = Inputs::new("/srv").variable("SHELL", "from-shell").variable("EMPTY", "").profile("cli");
    let resolution = project::resolve(&inputs, &files);
    let printed = print(&resolution);
    assert_eq!(printed, print(&project::resolve(&inputs, &files)), "the same files resolve in the same way");
    for service in resolution.services() {
        for entry in service.environment() {
            let _ = service.explain_variable(&entry.key);
        }
    }
});

fn files(bytes: &[u8]) -> Texts {
    const NAMES: [&str; 4] = ["compose.override.yml", ".env", "base.yaml", "a.env"];
    let mut files = Texts::new();
    let (mut name, mut text) = ("compose.yaml", Vec::new());
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let next = line.strip_prefix(b"=====").map(|rest| rest.first().copied().unwrap_or(0) as usize);
        if let Some(next) = next {
            files.insert(format!("/srv/{name}"), std::mem::take(&mut text));
            name = NAMES[next % NAMES.len()];
        } else {
            text.extend_from_slice(line);
        }
    }
    files.insert(format!("/srv/{name}"), text);
    files
}

fn print(resolution: &Resolution) -> String {
    let mut out = resolution.config(Format::Json, Reveal::Secrets);
    out += &format!("{resolution:?}{:?}{:?}", resolution.findings(), resolution.compose_would_refuse());
    out
}
