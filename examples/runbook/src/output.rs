//! The one door to a terminal, a pipe or a client: whatever a program says passes here.
//!
//! Two things are done to every text. A secret that is known is masked by its value, wherever and however it is written: a
//! program gives what it comes across to [`hide`] before it says anything. And what a terminal would act upon, or nobody
//! would see, becomes visible: nothing that was read can move the cursor, hide a line or reorder one. In JSON both is done
//! inside the strings, which stay what they were. Colours are not text: a [`Styled`] page holds those of the program itself.
//!
//! Where nobody reads any more (`| head`), the words are lost and the program goes on: it does to the end what it was told
//! to do, and its exit status stays true. [`std::println!`] would end it with a panic. Where words are lost otherwise, as on a
//! full disk, somebody still waits for them: that is said on standard error, and the program ends with a [`status`] of its
//! own.
#![expect(clippy::disallowed_methods, reason = "this is where a program prints")]

mod json;
mod styled;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::{ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, PoisonError, RwLock};

use openclaw_compose::secrets::Secrets;
use secrecy::SecretString;

use crate::{clean, errln};

pub use styled::{Paint, Styled};

static KNOWN: LazyLock<RwLock<Secrets>> = LazyLock::new(RwLock::default);

/// Something of standard output is lost that somebody waits for.
static LOST: AtomicBool = AtomicBool::new(false);

/// The exit status then, as sysexits.h has it for an error of input or output.
const LOST_STATUS: u8 = 74;

/// Standard output is a document for a machine: what people are told goes beside it.
static IS_DOCUMENT: AtomicBool = AtomicBool::new(false);

/// Where words go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What was asked for.
    Out,
    /// What is said about it.
    Err,
}

impl Stream {
    /// Whether a person sits in front of it.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Out => io::stdout().is_terminal(),
            Self::Err => io::stderr().is_terminal(),
        }
    }

    /// How wide the terminal is, where it is one.
    #[must_use]
    pub fn columns(self) -> Option<usize> {
        let size = match self {
            Self::Out => terminal_size::terminal_size_of(io::stdout()),
            Self::Err => terminal_size::terminal_size_of(io::stderr()),
        };
        size.map(|(terminal_size::Width(columns), _)| usize::from(columns))
    }

    /// Where words for people go that are meant for this stream.
    fn of_people(self) -> Self {
        if IS_DOCUMENT.load(Ordering::Relaxed) { Self::Err } else { self }
    }

    fn write(self, text: &str) -> io::Result<()> {
        match self {
            Self::Out => {
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()
            }
            Self::Err => io::stderr().lock().write_all(text.as_bytes()),
        }
    }
}

/// From now on these values are masked in everything that is said.
pub fn hide(secrets: impl IntoIterator<Item = SecretString>) {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).extend(secrets);
}

/// From now on what looks like a secret in these texts, whatever they are, is masked in everything that is said.
pub fn hide_in<'t>(texts: impl IntoIterator<Item = &'t str>) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    texts.into_iter().for_each(|text| known.add_from(text));
}

/// The secrets that are known, for whoever cuts texts before they come here.
#[must_use]
pub fn known() -> Vec<SecretString> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).iter().collect()
}

/// The text without the secrets that are known, for a page that is cut, wrapped or escaped before it is printed.
#[must_use]
pub fn masked(text: &str) -> Cow<'_, str> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).mask(text)
}

/// The text as it may be shown. Its own line breaks and tabs stay.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    match masked(text) {
        Cow::Borrowed(text) => clean::text(text),
        Cow::Owned(text) => Cow::Owned(clean::text(&text).into_owned()),
    }
}

/// The JSON document as it may be shown: one still, and but for masks the same.
#[must_use]
pub fn json(document: &str) -> String {
    json::shown(document, masked)
}

/// From now on standard output holds the JSON document that is printed alone, and what people are told stands on standard
/// error: for subcommands that say what they do while they do it.
pub fn keep_for_document() {
    IS_DOCUMENT.store(true, Ordering::Relaxed);
}

/// Where what a child process says to people belongs.
#[must_use]
pub fn of_child() -> Stdio {
    match Stream::Out.of_people() {
        Stream::Out => Stdio::inherit(),
        Stream::Err => io::stderr().into(),
    }
}

/// Prints a text; for [`out!`](crate::out!) and its like.
pub fn print(stream: Stream, words: fmt::Arguments<'_>) {
    let stream = stream.of_people();
    let printed = try_print(stream, &words.to_string());
    if stream == Stream::Out {
        notice(printed);
    }
}

/// Prints a text, and says whether somebody could read it.
///
/// # Errors
/// What the system says: a full disk, a reader who has left.
pub fn try_print(stream: Stream, words: &str) -> io::Result<()> {
    stream.write(&text(words))
}

/// Prints a page with its colours on standard output.
pub fn print_page(page: &Styled) {
    notice(try_print_page(page));
}

/// Prints a page with its colours on standard output, and says whether somebody could read it.
///
/// # Errors
/// What the system says: a full disk, a reader who has left.
pub fn try_print_page(page: &Styled) -> io::Result<()> {
    Stream::Out.of_people().write(&masked(page.as_str()))
}

/// Prints a JSON document on standard output.
pub fn print_json(document: &str) {
    notice(try_print_json(document));
}

/// Prints a JSON document on standard output, and says whether somebody could read it.
///
/// # Errors
/// What the system says: a full disk, a reader who has left.
pub fn try_print_json(document: &str) -> io::Result<()> {
    Stream::Out.write(&json(document))
}

/// Prints a page on standard output without masking what is known: somebody asked for the secrets themselves.
///
/// # Errors
/// What the system says: a full disk, a reader who has left.
pub fn try_print_with_secrets(page: &Styled) -> io::Result<()> {
    Stream::Out.write(page.as_str())
}

/// Takes note of what became of words on standard output. Whoever prints by a `try_print` and goes on gives it here.
pub fn notice(printed: io::Result<()>) {
    if let Err(error) = printed
        && error.kind() != io::ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        errln!("standard output cannot be written: {error}");
    }
}

/// The exit status of a program that would end with this one: 74 where words of it are lost.
#[must_use]
pub fn status(of_work: ExitCode) -> ExitCode {
    if LOST.load(Ordering::Relaxed) { ExitCode::from(LOST_STATUS) } else { of_work }
}

/// Shows on the last line of a terminal what is waited for, in the place of what was shown there before; nothing with an empty
/// text. Where standard error is no terminal, nobody waits in front of it.
pub fn show_waits(line: &str) {
    let Some(columns) = Stream::Err.columns() else { return };
    let shown: String = clean::line(&masked(line)).chars().take(columns.saturating_sub(1)).collect();
    let _ = Stream::Err.write(&format!("\r\u{1b}[K{shown}"));
}

/// Switches a terminal to its other screen, as full-screen programs do: what is typed or echoed while it is shown, such as
/// the `^C` that ends a watch, cannot move the rows and goes away with it.
pub fn open_other_screen() {
    let _ = Stream::Err.write("\u{1b}[?1049h\u{1b}[H");
}

/// Switches it back.
pub fn close_other_screen() {
    let _ = Stream::Err.write("\u{1b}[?1049l");
}

/// As [`std::print!`], whoever reads.
#[macro_export]
macro_rules! out {
    ($($words:tt)*) => { $crate::output::print($crate::output::Stream::Out, ::std::format_args!($($words)*)) };
}

/// As [`std::println!`], whoever reads.
#[macro_export]
macro_rules! outln {
    () => { $crate::out!("\n") };
    ($($words:tt)*) => { $crate::out!("{}\n", ::std::format_args!($($words)*)) };
}

/// As [`std::eprint!`], whoever reads.
#[macro_export]
macro_rules! err {
    ($($words:tt)*) => { $crate::output::print($crate::output::Stream::Err, ::std::format_args!($($words)*)) };
}

/// As [`std::eprintln!`], whoever reads.
#[macro_export]
macro_rules! errln {
    () => { $crate::err!("\n") };
    ($($words:tt)*) => { $crate::err!("{}\n", ::std::format_args!($($words)*)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_holds_no_known_secret_and_moves_no_cursor() {
        hide([SecretString::from("test-token-of-the-door")]);
        assert_eq!(text("is test-token-of-the-door\n\u{1b}[2K"), "is ********\n\u{fffd}[2K");
        assert_eq!(json("[\"test-token-of-the-door\u{202e}\"]"), "[\"********\\u202e\"]");
        assert_eq!(masked("dGVzdC10b2tlbi1vZi10aGUtZG9vcg=="), "********g==");
    }
}
