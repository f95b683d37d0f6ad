//! Tokens that stand nowhere else, and the search for one in what was said.

use std::fmt::Write as _;

/// Numbers that look random and are the same for the same seed (`SplitMix64`).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }

    pub(crate) fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    fn word(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(*self.pick(alphabet))).collect()
    }
}

const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const HEX: &[u8] = b"0123456789abcdef";

/// A token as people have them: minted, hex, of a provider, and where it is known one with signs that every format escapes.
/// Nothing but its place tells that such a one is a token, where nothing else does.
pub(crate) fn token(known: bool, numbers: &mut Numbers) -> String {
    match numbers.below(if known { 6 } else { 5 }) {
        0 | 1 => numbers.word(URL_SAFE, 43),
        2 => numbers.word(HEX, 64),
        3 => numbers.word(ALNUM, 36),
        4 => format!("sk-proj-{}", numbers.word(ALNUM, 32)),
        _ => {
            format!("{}/+{}=&<{}>", numbers.word(ALNUM, 12), numbers.word(ALNUM, 12), numbers.word(ALNUM, 12))
        }
    }
}

/// Where `token` stands in `said`, as it is, cut or encoded: the line that shows it.
pub(crate) fn find<'t>(token: &str, said: &'t str) -> Option<(&'static str, &'t str)> {
    let line = |form: &str| said.lines().find(|line| line.contains(form));
    forms(token).into_iter().find_map(|(name, form)| Some((name, line(&form)?)))
}

/// What must not be there. A dozen characters are a token that was cut.
fn forms(token: &str) -> Vec<(&'static str, String)> {
    let bytes = token.as_bytes();
    let mut forms = vec![
        ("its beginning", token[..12].to_owned()),
        ("its middle", token[12..24].to_owned()),
        ("its end", token[token.len() - 12..].to_owned()),
    ];
    let mut hex = String::new();
    let mut percent = String::new();
    for &byte in bytes {
        let _ = write!(hex, "{byte:02x}");
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            percent.push(char::from(byte));
        } else {
            let _ = write!(percent, "%{byte:02X}");
        }
    }
    forms.push(("percent-encoded", percent));
    forms.push(("hex", hex.clone()));
    forms.push(("HEX", hex.to_uppercase()));
    for offset in 0..3 {
        let standard = base64(&bytes[offset..]);
        forms.push(("base64url", standard.replace('+', "-").replace('/', "_")));
        forms.push(("base64", standard));
    }
    forms
}

/// Base64 of whole groups of three.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits = u32::from(chunk[0]) << 16 | u32::from(chunk[1]) << 8 | u32::from(chunk[2]);
        [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(bits >> shift & 63) as usize]))
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}
