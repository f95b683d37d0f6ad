//! A text word by word, and what a word is by its shape: for masks, which know an id when they see one.

/// What a word of this shape is, if it is new in each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// 36 characters: a request, a connection, a nonce.
    Uuid,
    /// 64 hexadecimal digits: a device, a container, an image layer.
    Digest,
    /// 32 bytes in base64url: a device token, a public key.
    Key,
}

/// The shape of a word; `None` for one that is no id.
pub fn shape(word: &str) -> Option<Shape> {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<usize> = word.split('-').map(str::len).collect();
    match word.len() {
        36 if parts == [8, 4, 4, 4, 12] && is_hex(&word.replace('-', "")) => Some(Shape::Uuid),
        64 if is_hex(word) => Some(Shape::Digest),
        43 if word.bytes().any(|byte| byte.is_ascii_uppercase()) => Some(Shape::Key),
        _ => None,
    }
}

/// Whether a word is the beginning of this UUID: a close reason has room for 123 bytes and is cut there. Fewer than the first
/// eight digits may be anything.
pub fn is_cut_from(word: &str, whole: &str) -> bool {
    (8..36).contains(&word.len()) && whole.starts_with(word) && shape(whole) == Some(Shape::Uuid)
}

/// The text with each word (letters, digits, `-`, `_`) as `replace` has it.
pub fn each_word(text: &str, mut replace: impl FnMut(&str) -> String) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (before, after) = rest.split_at(start);
        let (word, after) = after.split_at(after.find(|c| !is_word(c)).unwrap_or(after.len()));
        replaced.push_str(before);
        replaced.push_str(&replace(word));
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_known_by_shape_and_a_cut_one_by_its_beginning() {
        let id = "2dd8bc7b-05fd-4afb-a2df-c4e38a4f538a";
        assert_eq!(shape(id), Some(Shape::Uuid));
        assert_eq!(shape(&"ab".repeat(32)), Some(Shape::Digest));
        assert_eq!(shape(&"aB3".repeat(15)[..43]), Some(Shape::Key));
        assert_eq!(shape("a-sentence-of-36-characters-in-dashes"), None);
        assert!(is_cut_from("2dd8bc7b-05fd-4", id) && is_cut_from("2dd8bc7b", id));
        assert!(!is_cut_from(id, id) && !is_cut_from("2dd8bc7", id) && !is_cut_from("2dd8bc7b-0f", id));
        assert!(!is_cut_from("agent-main", "agent-main-session"), "only an id is known by its beginning");
    }

    #[test]
    fn what_is_between_words_stays() {
        let text = "id=a-b (x: c_d)\u{2026}";
        assert_eq!(each_word(text, |word| format!("<{word}>")), "<id>=<a-b> (<x>: <c_d>)\u{2026}");
    }
}
