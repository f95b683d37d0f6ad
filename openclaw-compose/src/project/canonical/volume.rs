//! The short form of a volume mount: `[SOURCE:]TARGET[:MODE,...]`.

use thiserror::Error;

/// A short form taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) read_only: bool,
    pub(crate) nocopy: bool,
    pub(crate) propagation: Option<String>,
    pub(crate) selinux: Option<String>,
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
/// a volume with a one-letter name becomes part of the target.
pub(crate) fn parse(spec: &str) -> Result<Volume, VolumeProblem> {
    let mut volume = Volume::default();
    if spec.is_empty() {
        return Err(VolumeProblem::Empty);
    }
    if spec.len() <= 2 {
        spec.clone_into(&mut volume.target);
        volume.bare = true;
        return Ok(volume);
    }
    let mut section = String::new();
    for c in spec.chars() {
        if c == ':' && !is_drive(&section) {
            volume.section(&section, false)?;
            section.clear();
        } else {
            section.push(c);
        }
    }
    volume.section(&section, true)?;
    volume.bind = is_path(&volume.source);
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

impl Volume {
    fn section(&mut self, section: &str, last: bool) -> Result<(), VolumeProblem> {
        if section.is_empty() {
            return Err(VolumeProblem::EmptySection);
        }
        if self.source.is_empty() {
            if last { &mut self.target } else { &mut self.source }.push_str(section);
            return Ok(());
        }
        if self.target.is_empty() {
            self.target.push_str(section);
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
                "z" | "Z" => self.selinux = Some(option.to_owned()),
                _ if PROPAGATIONS.contains(&option) => self.propagation = Some(option.to_owned()),
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

    fn read(spec: &str) -> (String, String, bool) {
        let volume = parse(spec).expect(spec);
        (volume.source, volume.target, volume.bind)
    }

    #[test]
    fn sources_are_told_apart() {
        let own = |source: &str, target: &str, bind| (source.to_owned(), target.to_owned(), bind);
        assert_eq!(read("data:/d"), own("data", "/d", false));
        assert_eq!(read("./data:/d"), own("./data", "/d", true));
        assert_eq!(read("~/data:/d:ro"), own("~/data", "/d", true));
        assert_eq!(read("/d"), own("", "/d", false));
        assert_eq!(read("C:\\d:/d"), own("C:\\d", "/d", true));
        assert_eq!(read("v:/v"), own("", "v:/v", false), "a one-letter name is a drive");
        assert_eq!(read("é:/v"), own("", "é:/v", false));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert_eq!(parse(""), Err(VolumeProblem::Empty));
        assert_eq!(parse(":/x"), Err(VolumeProblem::EmptySection));
        assert_eq!(parse("data:/x:"), Err(VolumeProblem::EmptySection));
        assert_eq!(parse("data:/x:ro:rw"), Err(VolumeProblem::TooManyColons));
    }

    #[test]
    fn modes() {
        let volume = parse("data:/x:ro,nocopy,z,rshared,nonsense").expect("spec");
        assert!(volume.read_only && volume.nocopy);
        assert_eq!((volume.selinux.as_deref(), volume.propagation.as_deref()), (Some("z"), Some("rshared")));
    }
}
