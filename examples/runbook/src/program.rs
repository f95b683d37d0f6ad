//! How a program begins: what it must never show, its command line, and what it says when it breaks.
#![expect(clippy::disallowed_methods, reason = "a program's environment and arguments")]

use std::env;
use std::ffi::OsString;
use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;

use clap::Parser;
use openclaw_compose::project::looks_secret;
use secrecy::SecretString;

use crate::errln;
use crate::output::{self, Stream, print};

/// Runs a program with its command line. Where that cannot be read, says why as clap does: exit status 2.
pub fn start<A: Parser>(work: impl FnOnce(A) -> ExitCode) -> ExitCode {
    let status = match arguments() {
        Ok(arguments) => work(arguments),
        Err(error) => {
            print_usage(&error);
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    };
    output::status(status)
}

/// The command line, for a program with exit statuses of its own.
///
/// # Errors
/// What clap says: a wrong command line, or help that was asked for. [`print_usage`] prints it.
pub fn arguments<A: Parser>() -> Result<A, clap::Error> {
    panic::set_hook(Box::new(broken));
    let named = |(name, _): &(OsString, OsString)| name.to_str().is_some_and(looks_secret);
    let values = env::vars_os().filter(named).filter_map(|(_, value)| value.into_string().ok());
    output::hide(values.map(SecretString::from));
    // Nobody should give a token as an argument, and who did should not see it again in an error.
    output::hide_in([words().join("\n").as_str()]);
    A::try_parse()
}

/// The first word of the command line: the subcommand, where there is one.
#[must_use]
pub fn first_word() -> Option<String> {
    env::args_os().nth(1)?.into_string().ok()
}

/// The command line behind the program's name, where it is text.
#[must_use]
pub fn words() -> Vec<String> {
    env::args_os().skip(1).filter_map(|word| word.into_string().ok()).collect()
}

/// The number of the user who runs this program, where the system has numbers for them.
#[must_use]
pub fn uid() -> Option<u32> {
    #[cfg(unix)]
    return Some(rustix::process::getuid().as_raw());
    #[cfg(not(unix))]
    None
}

/// Prints what clap says, where clap would.
pub fn print_usage(error: &clap::Error) {
    let stream = if error.use_stderr() { Stream::Err } else { Stream::Out };
    print(stream, format_args!("{error}"));
}

/// What a panic says: where, and what, unless the words were made at run time and may quote what was read.
fn broken(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let words = panic.payload().downcast_ref::<&'static str>();
    errln!(
        "this is a bug{place}: {}",
        words.unwrap_or(&"its words are left out, for they may hold a secret")
    );
}
