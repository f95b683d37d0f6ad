//! The end of a log that looks like an error, whoever wrote it.

use super::each_line;
use crate::clean;

/// The end of a log that looks like an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWords {
    /// Line in the log, from 1.
    pub line: usize,
    /// What it says, behind time and place.
    pub text: String,
    /// Whether nothing but its own explanation follows it.
    pub is_last: bool,
}

/// The most lines at the end of a log that are searched.
const LAST: usize = 60;

/// Lines that explain an error, or advise, and are not what ended the process.
const BESIDE: &[&str] =
    &["at ", "Node.js v", "^", "throw ", "node:", "If the ", "Run ", "- pid", "Then ", "code:", "}"];

/// What systemd says of a job that ended: after the job's own words, and nothing of why.
const SYSTEMD: &[&str] = &[
    ": Main process exited, code=",
    ": Control process exited, code=",
    ": Failed with result '",
    ": Scheduled restart job, restart counter",
    ": Start request repeated too quickly",
    ": Consumed ",
];

/// What a log ends with, if that looks like an error: the first line of it.
pub(super) fn last_words(log: &str) -> Option<LastWords> {
    // A line end behind the last line ends no other.
    let ends = log.trim_end_matches('\n').rmatch_indices('\n');
    let from = ends.map(|(at, _)| at + 1).nth(LAST - 1).unwrap_or_default();
    let (before, end) = log.split_at(from);
    let first = before.matches('\n').count() + 1;
    let mut said = Vec::new();
    each_line(end, |_, text| said.push(clean::line(text).trim().to_owned()));
    let mut found: Option<LastWords> = None;
    let mut is_last = true;
    for (back, text) in said.into_iter().enumerate().rev() {
        let is_beside = BESIDE.iter().any(|beside| text.starts_with(beside))
            || SYSTEMD.iter().any(|words| text.contains(words));
        if text.is_empty() || is_beside {
            continue;
        }
        if looks_like_an_error(&text) {
            found = Some(LastWords { line: first + back, text, is_last });
        } else if found.is_some() || text.contains("[gateway] ready") {
            break;
        } else {
            is_last = false;
        }
    }
    found
}

/// What an error looks like in a line of whatever program: at its beginning, behind time and place.
const ERROR_STARTS: &[&str] = &[
    "Error:",
    "error:",
    "FATAL",
    "fatal:",
    "Fatal",
    "panic:",
    "Uncaught",
    "Unhandled",
    "exec ",
    "Traceback",
];

/// And anywhere in it.
const ERROR_PARTS: &[&str] = &[
    "Error: ",
    "[emerg]",
    "[crit]",
    "[fatal]",
    "[FATAL]",
    "[error]",
    "[ERROR]",
    " ERROR ",
    " FATAL ",
    "FATAL ERROR",
    ": not found",
    ": Permission denied",
    ": permission denied",
    ": No such file or directory",
    "Segmentation fault",
    "Cannot find module",
    "exec format error",
    "failed to start",
    "Failed to start",
    "cannot start",
    "could not start",
    "refusing to start",
    "Refusing to start",
    "did not become ready",
    "timed out waiting for",
    "giving up",
];

/// Words in brackets behind which the program itself speaks. Behind any other, a part of a gateway does that ends nothing.
const SPEAKERS: &[&str] =
    &["emerg", "crit", "fatal", "FATAL", "error", "ERROR", "openclaw", "gateway", "entrypoint", "startup"];

/// Whether a line looks like the report of an error that ends a process, whoever wrote it. `npm` warns of much that stops
/// nothing.
fn looks_like_an_error(said: &str) -> bool {
    let part = said.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(part, _)| part);
    let is_by_the_way = said.starts_with("npm ")
        || said.contains("warn")
        || part.is_some_and(|part| !SPEAKERS.contains(&part));
    !is_by_the_way
        && (ERROR_STARTS.iter().any(|start| said.starts_with(start))
            || ERROR_PARTS.iter().any(|part| said.contains(part)))
}

#[cfg(test)]
mod tests {
    use super::super::lifecycle;

    #[test]
    fn the_last_words_are_the_first_line_of_the_last_errors() {
        let log = "[entrypoint] starting nginx\n\
             2026/07/02 02:56:28 [emerg] 132#132: host not found in upstream \"browser\"\n\
             nginx: [emerg] host not found in upstream \"browser\"\n";
        let words = lifecycle(log).last_words.unwrap();
        assert_eq!((words.line, words.is_last), (2, true));
        assert_eq!(words.text, "[emerg] 132#132: host not found in upstream \"browser\"");
        let node = "x\n  throw err;\n\nError: Cannot find module '/app/a.js'\n    at Module._load\nNode.js v24.1.0\n";
        assert_eq!(lifecycle(node).last_words.unwrap().line, 4);
        assert_eq!(lifecycle("Error: x\nall is well\n").last_words.map(|words| words.is_last), Some(false));
        assert_eq!(lifecycle("all is well\n").last_words, None);
        let journal = "Mar 04 09:12:02 box claw[2210]: Error: open /home/a/.env: permission denied\n\
             Mar 04 09:12:02 box systemd[1500]: claw.service: Main process exited, code=exited, status=125/n/a\n\
             Mar 04 09:12:02 box systemd[1500]: claw.service: Failed with result 'exit-code'.\n";
        let words = lifecycle(journal).last_words.unwrap();
        assert_eq!((words.line, words.is_last), (1, true));
    }
}
