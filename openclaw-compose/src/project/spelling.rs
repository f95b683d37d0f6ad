//! Names that differ by case alone: on a volume that ignores case, as a Mac's usually does, they are one, and on a Linux host's
//! two. The same files make another project there.

use std::collections::HashMap;

use super::paths;

/// How the names in directories are spelled, each directory listed once.
#[derive(Default)]
pub(crate) struct Spellings(HashMap<String, HashMap<String, Vec<String>>>);

impl Spellings {
    /// What there is to say of the names that differ from that of a path by case alone, and what to do about each. `names` lists
    /// a directory.
    pub(crate) fn told(
        &mut self,
        path: &str,
        names: impl FnOnce(&str) -> Vec<String>,
        shown: impl Fn(&str) -> String,
    ) -> Vec<(String, String)> {
        let (directory, name) = (paths::directory(path), paths::base(path));
        let spelled = self.0.entry(directory.clone()).or_insert_with(|| {
            let mut spelled: HashMap<String, Vec<String>> = HashMap::new();
            for name in names(&directory) {
                spelled.entry(name.to_lowercase()).or_default().push(name);
            }
            spelled
        });
        let alike = spelled.get(&name.to_lowercase()).map(Vec::as_slice).unwrap_or_default();
        let is_there = alike.iter().any(|there| there == name);
        let told = |other: &String| {
            let other = shown(&paths::join(&directory, other));
            if is_there {
                let summary = format!(
                    "{other} and {name} differ by case alone: a volume that ignores case, as a Mac's usually does, holds one of them"
                );
                (summary, format!("keep {name}, and give the other another name"))
            } else {
                let summary = format!(
                    "{other} is found as {name} on a volume that ignores case, as a Mac's usually does, and on no other"
                );
                (summary, format!("rename it to {name}"))
            }
        };
        alike.iter().filter(|other| *other != name).map(told).collect()
    }
}
