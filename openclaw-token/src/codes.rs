#![allow(
    clippy::exhaustive_enums,
    reason = "a program that acts on codes must not compile without a new one"
)]
#![doc = include_str!("../CODES.md")]

use std::fmt;

use serde::{Serialize, Serializer};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Works now, and may not tomorrow.
    Warning,
    /// Does not work, or must not be frozen.
    Error,
}

macro_rules! codes {
    ($($variant:ident $code:literal $name:literal $severity:ident $doc:literal;)*) => {
        /// A finding's code. Codes are never renumbered or reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = concat!($code, " `", $name, "`: ", $doc)] $variant,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as people cite it.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// Its kebab name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The severity of its findings.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// One line on what it means.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

// 1xx one token, 2xx several occurrences, 3xx the record, 4xx the ledger.
codes! {
    EmptyToken "OC-T101" "empty-token" Error "the token is empty or only white space";
    UndefinedLiteral "OC-T102" "undefined-literal" Error "the token is the literal text of a missing value, such as undefined or null";
    PlaceholderToken "OC-T103" "placeholder-token" Error "the token is a published example or an obvious placeholder";
    RedactionMarker "OC-T104" "redaction-marker" Error "the token is what a redacting command prints instead of a secret";
    UnexpandedVariable "OC-T105" "unexpanded-variable" Error "the token is a variable or command that nobody expanded";
    ByteOrderMark "OC-T110" "byte-order-mark" Error "the token begins with a byte order mark";
    WrappingQuotes "OC-T111" "wrapping-quotes" Error "the token is wrapped in quotes, which the gateway compares too";
    InnerWhitespace "OC-T112" "inner-whitespace" Error "the token has white space inside";
    ControlCharacter "OC-T113" "control-character" Error "the token holds a control character";
    OverlongToken "OC-T114" "overlong-token" Error "the token is longer than 4096 bytes";
    TrailingCarriageReturn "OC-T115" "trailing-carriage-return" Warning "the token ends in a carriage return: the file has Windows line ends";
    EdgeWhitespace "OC-T116" "edge-whitespace" Warning "the token has white space at an end, which OpenClaw trims and others do not";
    NonAscii "OC-T117" "non-ascii" Warning "the token has characters outside ASCII";
    HazardousCharacter "OC-T118" "hazardous-character" Warning "the token has a character that dotenv files, Compose or shells may change";
    ShortToken "OC-T120" "short-token" Warning "the token has fewer than 24 characters";
    WeakToken "OC-T121" "weak-token" Error "the token can be guessed: it is below the strength floor of 112 bits";
    NoToken "OC-T200" "no-token" Error "no place holds a token";
    TokensDiffer "OC-T201" "tokens-differ" Error "places hold different tokens";
    DiffersByWhitespace "OC-T202" "differs-by-whitespace" Warning "two tokens differ only by white space at the ends";
    DiffersByQuotes "OC-T203" "differs-by-quotes" Error "two tokens differ only by wrapping quotes";
    DiffersByCase "OC-T204" "differs-by-case" Error "two tokens differ only by upper and lower case";
    DiffersByByteOrderMark "OC-T205" "differs-by-byte-order-mark" Error "two tokens differ only by a byte order mark";
    NotFrozen "OC-T300" "not-frozen" Warning "the token is not frozen: there is no record";
    TokenDrift "OC-T301" "token-drift" Error "a place holds another token than the frozen one";
    FrozenTokenLost "OC-T302" "frozen-token-lost" Error "no place holds the frozen token";
    PlaceMissing "OC-T303" "place-missing" Warning "a place of the record no longer holds a token";
    PlaceUnrecorded "OC-T304" "place-unrecorded" Info "a place holds the frozen token and is not in the record";
    ImageDrift "OC-T310" "image-drift" Warning "a service runs another image than the one recorded with the token";
    AuthModelRollback "OC-T311" "auth-model-rollback" Error "an older release than the recorded one runs: its rules of who wins may differ";
    ImageUnpinned "OC-T312" "image-unpinned" Warning "a service has no image digest to compare with the record";
    ClockBackwards "OC-T320" "clock-backwards" Warning "the clock is behind the record: times in the trail cannot be trusted";
    KeyUnknown "OC-T321" "key-unknown" Warning "the record's fingerprint is keyed and its key was not given";
    LedgerEdited "OC-T401" "ledger-edited" Error "a line of the ledger was changed after it was written";
    LedgerBroken "OC-T402" "ledger-broken" Error "lines of the ledger are missing, added or in another order";
    LedgerTruncated "OC-T403" "ledger-truncated" Error "the ledger ends before the anchor";
    LedgerTorn "OC-T404" "ledger-torn" Warning "the last line of the ledger is incomplete: a writer died before it was acknowledged";
    LedgerNewer "OC-T405" "ledger-newer" Warning "the ledger was written by a newer release and was not checked";
    RecordWithoutEntry "OC-T406" "record-without-entry" Error "a record has no entry in the ledger: its writer died, or the ledger was cut";
    EntryWithoutRecord "OC-T407" "entry-without-record" Error "an entry of the ledger tells of a record that is not in the store";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_unique_and_documented() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].id() < pair[1].id(), "{} before {}", pair[0], pair[1]);
        }
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.id().starts_with("OC-T") && code.id().len() == 7, "{code}");
            assert!(!code.meaning().is_empty() && !code.meaning().ends_with('.'), "{code}");
        }
    }

    /// `UPDATE_EXPECT=1 cargo test` writes the page anew.
    #[test]
    fn the_page_lists_every_code() {
        let mut page = String::from(
            "# Codes\n\nWhat a finding is about. A code is never renumbered, never reused and never changes its meaning.\n\n\
             | code | name | severity | meaning |\n| --- | --- | --- | --- |\n",
        );
        for code in Code::ALL {
            let severity = format!("{:?}", code.severity()).to_lowercase();
            page += &format!("| `{}` | `{}` | {severity} | {} |\n", code.id(), code.name(), code.meaning());
        }
        expect_test::expect_file!["../CODES.md"].assert_eq(&page);
    }
}
