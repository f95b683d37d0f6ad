//! The order of OpenClaw releases.

use std::cmp::Ordering;

/// Orders two release names such as `2026.2.19-2`, `v2026.9.6`, `2026.9.6-beta.1`; `None` if either is not one (`latest`).
///
/// Numbers before the dash compare as numbers; a number after it is a later build of the same release, a word an
/// earlier one.
pub(crate) fn compare(left: &str, right: &str) -> Option<Ordering> {
    Some(parse(left)?.cmp(&parse(right)?))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Version<'a> {
    numbers: Vec<u64>,
    build: Build<'a>,
}

/// In order: before the release, the release, after it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Build<'a> {
    Before(Vec<Part<'a>>),
    Release,
    After(u64),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Number(u64),
    Word(&'a str),
}

fn parse(text: &str) -> Option<Version<'_>> {
    let text = text.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    let (release, build) =
        text.split_once('-').map_or((text, None), |(release, build)| (release, Some(build)));
    let numbers = release.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
    let build = match build {
        None => Build::Release,
        Some(build) => match build.parse() {
            Ok(number) => Build::After(number),
            Err(_) => Build::Before(
                build.split('.').map(|part| part.parse().map_or(Part::Word(part), Part::Number)).collect(),
            ),
        },
    };
    Some(Version { numbers, build })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_in_order() {
        let order = [
            "2026.1.29",
            "2026.2.6-3",
            "2026.2.19-beta.1",
            "2026.2.19-beta.2",
            "2026.2.19",
            "2026.2.19-2",
            "2026.8.1",
            "2026.9.6",
            "2026.10.1",
        ];
        for (n, left) in order.iter().enumerate() {
            for (m, right) in order.iter().enumerate() {
                assert_eq!(compare(left, right), Some(n.cmp(&m)), "{left} {right}");
            }
        }
        assert_eq!(compare("v2026.9.6", "2026.9.6"), Some(Ordering::Equal));
        assert_eq!(compare("latest", "2026.9.6"), None);
        assert_eq!(compare("", ""), None);
    }
}
