//! Text that may be a secret, and the one verb that opens it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use secrecy::SecretString;

/// Text that came from a source and may be a secret: cheap to clone, comparable, and closed.
///
/// It has no `Deref`, `AsRef`, `Display`, `Serialize` or comparison with a `str`, and its `Debug` shows nothing, so that
/// what reads it must say so: [`Text::expose`] is the one door, and `grep expose` over the crate is the audit of every
/// place that looks at a value. What is only asked of it ([`Text::is`], [`Text::parse`], ...) is answered without opening it.
///
/// ```
/// use openclaw_compose::source::Text;
///
/// let token = Text::from("test-token-1");
/// assert_eq!(format!("{token:?}"), "Text(…)");
/// assert!(token.is("test-token-1"));
/// assert_eq!(token.expose().len(), 12);
/// ```
///
/// It is not wiped when it goes: copies share one allocation, and the file that it was read from lies beside it in the
/// [`Sources`](super::Sources) anyway. [`Text::to_secret`] gives a copy that is.
///
/// What would open it without saying so does not compile:
///
/// ```compile_fail
/// println!("{}", openclaw_compose::source::Text::from("test-token-1"));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// The text itself. The name is there to be found: what is done with it may show a secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text as a secret of its own, for reports and comparisons.
    #[must_use]
    pub fn to_secret(&self) -> SecretString {
        SecretString::from(&*self.0)
    }

    /// True where it is exactly `text`.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        &*self.0 == text
    }

    /// The same text without the blanks around it.
    #[must_use]
    pub fn trimmed(&self) -> Self {
        match self.0.trim() {
            trimmed if trimmed.len() == self.0.len() => self.clone(),
            trimmed => Self::from(trimmed),
        }
    }

    /// True where both say the same but for the blanks around it, which nobody takes for a part of a token.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.trim() == other.0.trim()
    }

    /// True where there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True where there is nothing in it but blanks.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// True where it begins with `start`.
    #[must_use]
    pub fn starts_with(&self, start: &str) -> bool {
        self.0.starts_with(start)
    }

    /// True where `part` is anywhere in it.
    #[must_use]
    pub fn contains(&self, part: &str) -> bool {
        self.0.contains(part)
    }

    /// The number, flag or address that it spells. Nothing that holds text can come out: it is `Copy`.
    #[must_use]
    pub fn parse<T: FromStr + Copy>(&self) -> Option<T> {
        self.0.parse().ok()
    }
}

/// The empty text.
impl Default for Text {
    fn default() -> Self {
        Self::from("")
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Arc::from(text))
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does not compile where `Text` has one of the traits: two implementations would then fit.
    macro_rules! lacks {
        ($($trait:path),+ $(,)?) => { $(const _: fn() = || {
            trait Ambiguous<A> {
                fn chosen() {}
            }
            struct HasIt;
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $trait> Ambiguous<HasIt> for T {}
            let _ = <Text as Ambiguous<_>>::chosen;
        };)+ };
    }

    lacks!(
        fmt::Display,
        serde::Serialize,
        std::ops::Deref,
        AsRef<str>,
        AsRef<[u8]>,
        std::borrow::Borrow<str>,
        PartialEq<str>,
        PartialEq<&'static str>,
        PartialEq<String>,
        Into<String>,
        Into<Arc<str>>,
        Into<Box<str>>,
        Into<Vec<u8>>,
    );

    #[test]
    fn nothing_of_it_is_printed() {
        let text = Text::from("test-token-1");
        assert_eq!(format!("{text:?} {text:#?} {:?}", Some(&text)), "Text(…) Text(…) Some(Text(…))");
    }

    #[test]
    fn questions_are_answered_without_opening_it() {
        let text = Text::from(" 18789\n");
        assert!(text.is_same(&Text::from("18789")) && !text.is("18789") && text.is(" 18789\n"));
        assert!(text.starts_with(" 1") && text.contains("87") && !text.is_blank() && !text.is_empty());
        assert!(Text::from(" \t").is_blank() && Text::default().is_empty());
        assert_eq!((Text::from("18789").parse(), text.parse::<u16>()), (Some(18789), None));
    }
}
