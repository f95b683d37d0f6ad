//! A question to whoever sits at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use crate::{out, outln};

/// More than a person types for yes or no, in bytes.
const LONGEST_ANSWER: u64 = 1024;

/// Whether somebody says yes. Where nobody sits there, that is said, and is a no.
///
/// # Errors
/// When the answer cannot be read.
pub async fn says_yes(question: &str) -> io::Result<bool> {
    if !io::stdin().is_terminal() {
        outln!("  {question} Nobody is there to answer: start with --yes, or on a terminal.");
        return Ok(false);
    }
    out!("  {question} [y/N] ");
    // On a thread of its own: whoever is asked may also stop the program.
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut line).map(|_| line)
    });
    let line = line.await.map_err(io::Error::other)??;
    Ok(line.trim().eq_ignore_ascii_case("y"))
}
