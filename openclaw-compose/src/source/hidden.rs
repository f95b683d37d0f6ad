//! Characters of which a reader sees nothing, or something else than what is there.

/// Whether a terminal acts upon this character, or nobody sees it: controls, line breaks and tabs among them, and what
/// reorders, joins or hides text.
///
/// ```
/// use openclaw_compose::source::is_hidden;
///
/// assert!(['\u{1b}', '\u{9b}', '\r', '\u{202e}', '\u{200b}', '\u{feff}'].into_iter().all(is_hidden));
/// assert!(!"e\u{301} \u{1f980} \u{2764}\u{fe0f}".chars().any(is_hidden));
/// ```
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Unicode's formatting characters (Cf), its line and paragraph separators, and the fillers and selectors that are shown as
/// nothing (`Default_Ignorable_Code_Point`), but for the two that say whether a sign is drawn as a picture.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}'
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
