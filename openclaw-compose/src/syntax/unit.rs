//! Units as systemd reads them, and as `systemctl cat` prints them: sections, `Name=value`, values that go on behind a
//! backslash, and words in quotes; the files of one unit follow each other, each below a comment with its path.

use std::ops::Range;

/// A setting of a unit.
pub(crate) struct Setting<'t> {
    /// The section it stands in; empty before the first one.
    pub(crate) section: &'t str,
    pub(crate) name: &'t str,
    /// The bytes of its value, a line each.
    lines: Vec<Range<usize>>,
    text: &'t str,
}

/// A word of a value: as it is meant, and the bytes that spell it without the quotes around it.
pub(crate) type Word = (String, Range<usize>);

/// The settings of a unit, in order.
pub(crate) fn settings(text: &str) -> Vec<Setting<'_>> {
    let mut out: Vec<Setting<'_>> = Vec::new();
    let (mut section, mut goes_on, mut at) = ("", false, 0);
    for line in text.split_inclusive('\n') {
        let begins = at;
        at += line.len();
        let lead = line.len() - line.trim_start().len();
        let trimmed = line.trim();
        // A comment may stand between the lines of one value.
        if trimmed.starts_with(['#', ';']) || trimmed.is_empty() {
            goes_on &= !trimmed.is_empty();
            continue;
        }
        let from = begins + lead;
        let (shown, more) = match trimmed.strip_suffix('\\') {
            Some(shown) => (shown.trim_end(), true),
            None => (trimmed, false),
        };
        if std::mem::replace(&mut goes_on, more) {
            if let Some(setting) = out.last_mut() {
                setting.lines.push(from..from + shown.len());
            }
        } else if let Some(name) = shown.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((name, value)) = shown.split_once('=') {
            let value = from + shown.len() - value.trim_start().len();
            let first = value..from + shown.len();
            out.push(Setting { section, name: name.trim(), lines: Vec::from([first]), text });
        } else {
            goes_on = false;
        }
    }
    out
}

/// The paths of the files that a unit was printed from, as `systemctl cat` says them.
pub(crate) fn paths(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let path = line.strip_prefix("# /")?;
        let is_unit = !path.contains(' ') && path.rsplit('.').next().is_some_and(|end| ENDS.contains(&end));
        is_unit.then(|| &line[2..])
    })
}

const ENDS: [&str; 3] = ["service", "conf", "container"];

impl<'t> Setting<'t> {
    /// The value as one text.
    pub(crate) fn value(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().filter_map(|line| self.text.get(line.clone())).collect();
        lines.join(" ")
    }

    /// The words of the value, quotes taken off.
    pub(crate) fn words(&self) -> Vec<Word> {
        let lines = self.lines.iter().filter_map(|line| Some((line.start, self.text.get(line.clone())?)));
        lines.flat_map(|(at, line)| words(line, at)).collect()
    }

    /// The bytes of the value's first line.
    pub(crate) fn range(&self) -> Range<usize> {
        self.lines.first().cloned().unwrap_or_default()
    }
}

fn words(line: &str, at: usize) -> Vec<Word> {
    let mut out = Vec::new();
    let mut letters = line.char_indices().peekable();
    while let Some((start, first)) = letters.next() {
        if first.is_whitespace() {
            continue;
        }
        let (mut word, mut quote, mut end) = (String::new(), None, line.len());
        let mut next = Some((start, first));
        while let Some((place, letter)) = next {
            match (letter, quote) {
                ('\\', _) => word.extend(letters.next().map(|(_, letter)| unescaped(letter))),
                ('"' | '\'', None) => quote = Some(letter),
                (letter, Some(open)) if letter == open => quote = None,
                (letter, None) if letter.is_whitespace() => {
                    end = place;
                    break;
                }
                (letter, _) => word.push(letter),
            }
            next = letters.next();
        }
        let spelt = &line[start..end];
        // `"A=b c"` is spelt without its quotes.
        let quoted =
            ['"', '\''].into_iter().any(|q| spelt.len() > 1 && spelt.starts_with(q) && spelt.ends_with(q));
        let inner = if quoted { start + 1..end - 1 } else { start..end };
        out.push((word, at + inner.start..at + inner.end));
    }
    out
}

fn unescaped(letter: char) -> char {
    match letter {
        'n' => '\n',
        't' => '\t',
        's' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_read_as_systemctl_prints_it() {
        let text = "# /home/a/.config/systemd/user/x.service\n[Unit]\nDescription=A b\n\n[Service]\n\
            ExecStart=/bin/x \\\n# why\n  --port \"18 789\"\nEnvironment=\"A=b c\" D='e' F=g\n\
            # /etc/systemd/system/x.service.d/o.conf\n[Service]\nEnvironment=Z=1\n";
        let settings = settings(text);
        let named: Vec<_> = settings.iter().map(|setting| (setting.section, setting.name)).collect();
        let service = "Service";
        assert_eq!(
            named,
            [
                ("Unit", "Description"),
                (service, "ExecStart"),
                (service, "Environment"),
                (service, "Environment")
            ]
        );
        let words: Vec<String> = settings[1].words().into_iter().map(|(word, _)| word).collect();
        assert_eq!(words, ["/bin/x", "--port", "18 789"]);
        let spelt: Vec<&str> = settings[2].words().iter().map(|(_, range)| &text[range.clone()]).collect();
        assert_eq!(spelt, ["A=b c", "D='e'", "F=g"]);
        assert_eq!(settings[0].value(), "A b");
        assert_eq!(paths(text).count(), 2);
    }
}
