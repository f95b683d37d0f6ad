//! How much a guesser has to guess: an estimate from the text alone.
//!
//! No estimate can see how a text was made. This one knows what people do (words, repeats, keyboard-like runs, few
//! characters) and charges little for it; the rest it charges by how evenly the characters are used. It errs towards
//! weak: calling a good token weak costs a fingerprint, calling a guessable one strong leaks it.

use std::collections::BTreeMap;

/// A word of a passphrase: log2 of the 7776 words of the usual dice list, rounded up.
const WORD_BITS: f64 = 13.0;

/// A character that its neighbours foretell.
const FORETOLD_BITS: f64 = 1.0;

/// What comes after so many characters is not charged for: the estimate looks back from each to all before it, and may
/// be given a whole file by mistake.
const FARTHEST: usize = 1024;

/// Estimated entropy in bits.
pub(super) fn bits(text: &str) -> u32 {
    let chars: Vec<char> = text.trim().chars().take(FARTHEST).collect();
    let each = bits_per_char(&chars);
    let mut total = 0.0;
    let mut at = 0;
    while at < chars.len() {
        let word = word_at(&chars, at);
        if word > 0 {
            total += WORD_BITS.min(each * word as f64);
            at += word;
        } else {
            total += if is_foretold(&chars, at) { FORETOLD_BITS.min(each) } else { each };
            at += 1;
        }
    }
    total as u32
}

/// Shannon entropy of the characters used, with Miller and Madow's correction for short samples, capped by what their
/// kinds allow.
fn bits_per_char(chars: &[char]) -> f64 {
    let mut counts = BTreeMap::new();
    for c in chars {
        *counts.entry(c).or_insert(0_u32) += 1;
    }
    let length = chars.len() as f64;
    let shannon: f64 = counts.values().map(|&n| f64::from(n) / length).map(|p| -p * p.log2()).sum();
    let correction = (counts.len() as f64 - 1.0).max(0.0) / (2.0 * length * std::f64::consts::LN_2);
    (shannon + correction).min(alphabet(chars).log2())
}

/// Whether a character is of a kind.
type Kind = fn(&char) -> bool;

/// Size of the alphabet the characters seem to be drawn from.
fn alphabet(chars: &[char]) -> f64 {
    let has = |kind: Kind| chars.iter().any(kind);
    let hex = |c: &char| c.is_ascii_hexdigit();
    if chars.iter().all(hex) && !(has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase)) {
        return if has(char::is_ascii_alphabetic) { 16.0 } else { 10.0 };
    }
    let kinds: [(Kind, f64); 5] = [
        (char::is_ascii_lowercase, 26.0),
        (char::is_ascii_uppercase, 26.0),
        (char::is_ascii_digit, 10.0),
        (char::is_ascii_punctuation, 32.0),
        (|c| !c.is_ascii_graphic(), 100.0),
    ];
    kinds.iter().filter(|(kind, _)| has(*kind)).map(|(_, size)| size).sum::<f64>().max(1.0)
}

/// Repeats and runs: the character continues a step of at most one from the two before it (`aaa`, `abc`, `321`),
/// follows the same three characters as it did before, or is a separator used before.
fn is_foretold(chars: &[char], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).and_then(|at| chars.get(at)).copied();
    let known = chars.get(..at).unwrap_or_default();
    if chars.get(at).is_some_and(|c| !c.is_alphanumeric() && known.contains(c)) {
        return true;
    }
    let (Some(c), Some(one), Some(two)) = (chars.get(at).copied(), before(1), before(2)) else {
        return false;
    };
    let code = |c: char| Some(i64::from(u32::from(c)));
    let key = |c: char| {
        KEYBOARD
            .find(c.to_ascii_lowercase())
            .and_then(|at| i64::try_from(at).ok())
            .filter(|_| c.is_ascii_alphabetic())
    };
    if continues(two, one, c, code) || continues(two, one, c, key) {
        return true;
    }
    let Some(three) = before(3) else { return false };
    known.windows(4).any(|window| window == [three, two, one, c])
}

/// The rows of letters; the spaces keep a step from leaving its row.
const KEYBOARD: &str = "qwertyuiop asdfghjkl zxcvbnm";

/// Whether the third character goes on as the second did, by a step of at most one.
fn continues(two: char, one: char, c: char, place: impl Fn(char) -> Option<i64>) -> bool {
    let (Some(two), Some(one), Some(c)) = (place(two), place(one), place(c)) else { return false };
    (c - one).abs() <= 1 && c - one == one - two
}

/// Length of the pronounceable word that begins at `at`; 0 if none does.
fn word_at(chars: &[char], at: usize) -> usize {
    let letter = |c: &&char| c.is_ascii_alphabetic();
    if at.checked_sub(1).and_then(|before| chars.get(before)).is_some_and(|c| c.is_ascii_lowercase()) {
        return 0;
    }
    let run = chars.get(at..).unwrap_or_default();
    let first = run.first().filter(letter).map_or(0, |_| 1);
    let lower = run.get(first..).unwrap_or_default().iter().take_while(|c| c.is_ascii_lowercase()).count();
    let length = first + lower;
    let word = run.get(..length).unwrap_or_default();
    let is_vowel = |c: &char| "aeiouyAEIOUY".contains(*c);
    let clusters = word.split(is_vowel).map(<[char]>::len).max().unwrap_or(0);
    let pronounceable = word.iter().any(is_vowel) && clusters <= 4;
    // A run of a-f letters is more likely hexadecimal than a word.
    let is_word = (4..=14).contains(&length) && pronounceable && !word.iter().all(char::is_ascii_hexdigit);
    if is_word { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::STRENGTH_FLOOR_BITS;

    #[test]
    fn guessable_texts_are_below_the_floor() {
        for text in [
            &*"a".repeat(64),
            &"ab".repeat(32),
            &"deadbeef".repeat(8),
            &"0123456789abcdef".repeat(4),
            &"1234567890".repeat(5),
            "",
            "hunter2",
            "correct-horse-battery-staple",
            "this-is-my-super-secret-gateway-token-2026",
            "OpenClaw-Gateway-Production-Token",
            "password1password2password3password4password5",
            "qwertyuiopasdfghjklzxcvbnm",
            "20261122134155",
        ] {
            assert!(bits(text) < STRENGTH_FLOOR_BITS, "{text}: {}", bits(text));
        }
    }

    #[test]
    fn random_texts_are_above_the_floor() {
        for text in [
            // As of openssl rand -hex 32, -hex 24, -hex 16 (in pieces: no scanner shall take them for secrets); base64 of 24
            // bytes; a UUID.
            concat!("d41b0e8c5f7a9236", "4cb1e07f58a3d96b", "21f04e7783ac5d19", "6e0fb8d24c7a9135"),
            concat!("9c5e02b7f1a84d63", "e0b92c75d8f31a46", "708be5c23f9d1a64"),
            concat!("7e03b94fd5c82a61", "f0e7394bd82c5a16"),
            concat!("q8ZtV3xN0pLr7YdK", "w2BfHs5JmEuGc9Ta"),
            "3f2b8c1e-9d47-4a60-b5e3-7c81f0a2d964",
        ] {
            assert!(bits(text) >= STRENGTH_FLOOR_BITS, "{text}: {}", bits(text));
        }
    }

    /// Not a promise, but no change of the estimate shall go unseen: a token may lose or gain its fingerprint by it.
    #[test]
    fn estimates_are_pinned() {
        let texts = [
            "",
            "a",
            "aaaaaaaa",
            "abcdefgh",
            "hunter2",
            "Tr0ub4dor&3",
            "correct-horse-battery-staple",
            "CorrectHorseBatteryStaple",
            "qwertyuiop",
            "7654321",
            "0451-0451-0451",
            "cafebabe",
            "kV7mQ2xZ9pLw4TnB",
            "kV7mQ2xZ9pLw4TnB8cRy1D",
            "3f2b8c1e-9d47-4a60-b5e3-7c81f0a2d964",
            "test-token-4h7j2k9m3n6p8q1r5s0t-not-a-secret",
            "ein Satz mit Wörtern",
        ];
        let lines: String = texts.iter().map(|text| format!("{:>3} {text}\n", bits(text))).collect();
        expect_test::expect![[r#"
              0 
              0 a
              0 aaaaaaaa
             13 abcdefgh
             16 hunter2
             42 Tr0ub4dor&3
             57 correct-horse-battery-staple
             63 CorrectHorseBatteryStaple
             13 qwertyuiop
             11 7654321
             26 0451-0451-0451
             20 cafebabe
             74 kV7mQ2xZ9pLw4TnB
            113 kV7mQ2xZ9pLw4TnB8cRy1D
            146 3f2b8c1e-9d47-4a60-b5e3-7c81f0a2d964
            160 test-token-4h7j2k9m3n6p8q1r5s0t-not-a-secret
             62 ein Satz mit Wörtern
        "#]]
        .assert_eq(&lines);
    }

    /// What comes after the first thousand characters neither helps nor costs time.
    #[test]
    fn a_file_given_by_mistake_is_judged_by_its_start() {
        let start: String = (0..FARTHEST).map(|n| char::from(b'!' + (n * 7919 % 90) as u8)).collect();
        assert_eq!(bits(&start.repeat(1000)), bits(&start));
    }

    /// Of two thousand tokens as OpenClaw and openssl make them, none may be called weak.
    #[test]
    fn minted_tokens_are_never_weak() {
        let least = (0..2_000)
            .map(|_| {
                let mut bytes = [0; 32];
                getrandom::fill(&mut bytes).unwrap();
                bits(&hex::encode(bytes)).min(bits(&hex::encode(&bytes[..24])))
            })
            .min();
        assert!(least >= Some(150), "{least:?}");
    }
}
