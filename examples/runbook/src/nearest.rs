//! The name that somebody meant, where there is none as it was written.

/// Two names that are less alike than this are two names. As clap has it for its own.
const ALIKE: f64 = 0.7;

/// The name that is most like the one that was written; none where none is like it.
pub fn nearest<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let alike = names.into_iter().map(|name| (strsim::jaro(written, name), name));
    let alike = alike.filter(|(how_much, _)| *how_much > ALIKE);
    alike.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, name)| name)
}

/// `; did you mean NAME?`, or nothing.
pub fn did_you_mean<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    nearest(written, names).map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_leads_to_the_name_and_another_word_to_none() {
        let names = ["openclaw-cli", "openclaw-gateway", "proxy"];
        assert_eq!(nearest("openclaw-gatway", names), Some("openclaw-gateway"));
        assert_eq!(did_you_mean("prxy", names), "; did you mean proxy?");
        assert_eq!(did_you_mean("database", names), "");
    }
}
