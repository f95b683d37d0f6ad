//! The short form of a volume mount: `[SOURCE:]TARGET[:MODE,...]`.

use thiserror::Error;

/// A short form taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Volume<'s> {
    pub(crate) source: &'s str,
    pub(crate) target: &'s str,
    pub(crate) read_only: bool,
    pub(crate) nocopy: bool,
    pub(crate) propagation: Option<&'s str>,
    pub(crate) selinux: Option<&'s str>,
    /// True where the source is a path.
    pub(crate) bind: bool,
    /// True for one or two bytes, which Compose does not even look at.
    pub(crate) bare: bool,
}

/// Why a short form cannot be read. The spec itself is not repeated: the place shows it.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum VolumeProblem {
    #[error("an empty volume spec")]
    Empty,
    #[error("empty section between colons")]
    EmptySection,
    #[error("too many colons")]
    TooManyColons,
}

const PROPAGATIONS: [&str; 6] = ["rprivate", "private", "rshared", "shared", "rslave", "slave"];

/// Reads a short form as compose-go does: `X:` with one letter is a Windows drive wherever a section begins, so that
/// a volume with a one-letter name becomes part of the target. With `braces` a colon inside `${...}` parts nothing.
pub(crate) fn parse(spec: &str, braces: bool) -> Result<Volume<'_>, VolumeProblem> {
    let mut volume = Volume::default();
    if spec.is_empty() {
        return Err(VolumeProblem::Empty);
    }
    if spec.len() <= 2 {
        volume.target = spec;
        volume.bare = true;
        return Ok(volume);
    }
    let mut rest = spec;
    // How many `${` are open, and up to where that was counted.
    let (mut open, mut counted) = (0_usize, 0);
    for (colon, _) in spec.match_indices(':') {
        if braces {
            for (at, _) in spec.get(counted..colon).unwrap_or_default().match_indices(['$', '}']) {
                match spec.get(counted + at..) {
                    Some(rest) if rest.starts_with("${") => open += 1,
                    Some(rest) if rest.starts_with('}') => open = open.saturating_sub(1),
                    _ => {}
                }
            }
            counted = colon;
            if open > 0 {
                continue;
            }
        }
        let start = spec.len() - rest.len();
        let section = spec.get(start..colon).unwrap_or_default();
        if !is_drive(section) {
            volume.section(section, false)?;
            rest = spec.get(colon + 1..).unwrap_or_default();
        }
    }
    volume.section(rest, true)?;
    volume.bind = is_path(volume.source);
    Ok(volume)
}

/// True for the letter before the colon of a Windows drive.
fn is_drive(section: &str) -> bool {
    let mut chars = section.chars();
    matches!((chars.next(), chars.next()), (Some(letter), None) if letter.is_alphabetic())
}

fn is_path(source: &str) -> bool {
    source.starts_with(['.', '/', '~'])
        || source.starts_with(r"\\")
        || source.split_once(':').is_some_and(|(before, _)| is_drive(before))
}

impl<'s> Volume<'s> {
    fn section(&mut self, section: &'s str, last: bool) -> Result<(), VolumeProblem> {
        if section.is_empty() {
            return Err(VolumeProblem::EmptySection);
        }
        if self.source.is_empty() {
            *if last { &mut self.target } else { &mut self.source } = section;
            return Ok(());
        }
        if self.target.is_empty() {
            self.target = section;
            return Ok(());
        }
        if !last {
            return Err(VolumeProblem::TooManyColons);
        }
        for option in section.split(',') {
            match option {
                "ro" => self.read_only = true,
                "rw" => self.read_only = false,
                "nocopy" => self.nocopy = true,
                "z" | "Z" => self.selinux = Some(option),
                _ if PROPAGATIONS.contains(&option) => self.propagation = Some(option),
                // Compose ignores words it does not know.
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(spec: &str) -> (&str, &str, bool) {
        let volume = parse(spec, false).expect(spec);
        (volume.source, volume.target, volume.bind)
    }

    #[test]
    fn sources_are_told_apart() {
        assert_eq!(read("data:/d"), ("data", "/d", false));
        assert_eq!(read("./data:/d"), ("./data", "/d", true));
        assert_eq!(read("~/data:/d:ro"), ("~/data", "/d", true));
        assert_eq!(read("/d"), ("", "/d", false));
        assert_eq!(read("C:\\d:/d"), ("C:\\d", "/d", true));
        assert_eq!(read("v:/v"), ("", "v:/v", false), "a one-letter name is a drive");
        assert_eq!(read("é:/v"), ("", "é:/v", false));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert_eq!(parse("", false), Err(VolumeProblem::Empty));
        assert_eq!(parse(":/x", false), Err(VolumeProblem::EmptySection));
        assert_eq!(parse("data:/x:", false), Err(VolumeProblem::EmptySection));
        assert_eq!(parse("data:/x:ro:rw", false), Err(VolumeProblem::TooManyColons));
    }

    #[test]
    fn braces_hold_their_colons() {
        let spec = "./${A:-b}:/d:ro";
        let volume = parse(spec, true).expect("spec");
        assert_eq!((volume.source, volume.target, volume.read_only), ("./${A:-b}", "/d", true));
        assert_eq!(parse(spec, false), Err(VolumeProblem::TooManyColons));
    }

    #[test]
    fn modes() {
        let volume = parse("data:/x:ro,nocopy,z,rshared,nonsense", false).expect("spec");
        assert!(volume.read_only && volume.nocopy);
        assert_eq!((volume.selinux, volume.propagation), (Some("z"), Some("rshared")));
    }
}
