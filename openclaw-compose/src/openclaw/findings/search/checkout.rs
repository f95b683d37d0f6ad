//! Walks a checkout for [`search`](super), behind the feature `fs`.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use crate::open;
use crate::source::Sources;

use super::{LARGEST, Search, search_text};

/// Directories that hold other people's code or none: nothing in them is a place of this stack.
const SKIPPED: [&str; 6] = [".git", "node_modules", "target", ".venv", "__pycache__", "dist"];

/// Searches every text file below `root`, in path order: hidden and ignored ones too, for `.env` is both. Binary files and
/// those above [`LARGEST`] are counted, not read. Links are not followed.
#[must_use]
pub fn search_directory(root: &Path) -> (Search, Sources) {
    let mut sources = Sources::new();
    let mut out = Search::default();
    let walk = WalkBuilder::new(root)
        .standard_filters(false)
        .filter_entry(|entry| {
            let skipped = entry.file_name().to_str().is_some_and(|name| SKIPPED.contains(&name));
            !(skipped && entry.file_type().is_some_and(|kind| kind.is_dir()))
        })
        .build();
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                files.push(entry.into_path());
            }
            Ok(_) => {}
            Err(_) => out.skipped.unreadable += 1,
        }
    }
    files.sort_unstable();
    for path in files {
        match fs::metadata(&path) {
            Ok(found) if found.len() > LARGEST => {
                out.skipped.huge += 1;
                continue;
            }
            Ok(_) => {}
            Err(_) => {
                out.skipped.unreadable += 1;
                continue;
            }
        }
        let mut bytes = Vec::new();
        let read = open::file(&path).map(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
        if !matches!(read, Ok(Ok(_))) || bytes.len() as u64 > LARGEST {
            out.skipped.unreadable += 1;
            continue;
        }
        match String::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => {
                let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                let file = sources.add(shown, text);
                search_text(&sources, file, &mut out);
            }
            _ => out.skipped.binary += 1,
        }
    }
    (out, sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test makes its own files")]
    fn ignored_files_are_searched_and_binary_and_huge_ones_counted() {
        let directory = std::env::temp_dir().join(format!("openclaw-compose-search-{}", std::process::id()));
        fs::create_dir_all(directory.join("node_modules")).expect("a directory");
        let write = |name: &str, bytes: &[u8]| fs::write(directory.join(name), bytes).expect("a file");
        write(".gitignore", b".env\n");
        write(".env", b"OPENCLAW_GATEWAY_TOKEN=canary-5521\n");
        write("setup.sh", b"OPENCLAW_GATEWAY_TOKEN=$(openssl rand -hex 32)\n");
        write("node_modules/x.js", b"OPENCLAW_GATEWAY_TOKEN\n");
        write("image.bin", b"OPENCLAW_GATEWAY_TOKEN\0");
        write("huge.txt", &vec![b'x'; usize::try_from(LARGEST).expect("fits") + 1]);
        let (found, _) = search_directory(&directory);
        fs::remove_dir_all(&directory).expect("it is ours");
        let files: Vec<&str> = found.mentions.iter().map(|mention| mention.place.file.as_str()).collect();
        assert_eq!(files, [".env", "setup.sh"]);
        assert_eq!((found.skipped.binary, found.skipped.huge), (1, 1));
        assert_eq!(found.findings.len(), 1, "the script mints");
        assert!(!format!("{found:?}").contains("canary-5521"));
    }
}
