//! Two projects side by side: what was added, removed and changed, with the provenance of both sides.

use secrecy::ExposeSecret;
use serde::Serialize;

use crate::secrets::Secrets;
use crate::source::Span;

use super::explain::Explanation;
use super::model::{Map, Node, Value};
use super::resolution::Resolution;
use super::write::Reveal;

/// What two resolutions differ in, by path.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Compared {
    /// The differences, sorted by path.
    pub differences: Vec<Difference>,
}

/// One value that is not the same on both sides.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The dotted path of the value.
    pub path: String,
    /// What happened to it.
    pub change: Change,
}

/// What happened to a value, with its provenance on each side it has one.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Change {
    /// Only the right side has it.
    Added {
        /// Its provenance there.
        right: Explanation,
    },
    /// Only the left side has it.
    Removed {
        /// Its provenance there.
        left: Explanation,
    },
    /// Both have it, and differ. Secrets are said to differ, not how.
    Changed {
        /// The provenance on the left.
        left: Explanation,
        /// The provenance on the right.
        right: Explanation,
    },
    /// Both have the same value, from different places.
    Moved {
        /// The provenance on the left.
        left: Explanation,
        /// The provenance on the right.
        right: Explanation,
    },
}

/// The kinds of [`Change`], without their provenances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ChangeKind {
    /// [`Change::Added`]
    Added,
    /// [`Change::Removed`]
    Removed,
    /// [`Change::Changed`]
    Changed,
    /// [`Change::Moved`]
    Moved,
}

impl Change {
    /// The kind alone.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Added { .. } => ChangeKind::Added,
            Self::Removed { .. } => ChangeKind::Removed,
            Self::Changed { .. } => ChangeKind::Changed,
            Self::Moved { .. } => ChangeKind::Moved,
        }
    }
}

impl Change {
    fn mask(&mut self, secrets: &Secrets) {
        match self {
            Self::Added { right: told } | Self::Removed { left: told } => told.mask(secrets),
            Self::Changed { left, right } | Self::Moved { left, right } => {
                left.mask(secrets);
                right.mask(secrets);
            }
        }
    }
}

impl Compared {
    /// True where the two projects are the same, be it from different places.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.differences.iter().all(|difference| difference.change.kind() == ChangeKind::Moved)
    }
}

impl Resolution {
    /// Compares this project (left) with another (right), disabled services included.
    ///
    /// Values are compared as they are, secrets too; a report never shows one, only that it differs. A list is
    /// compared item by item.
    ///
    /// ```
    /// use openclaw_compose::project::{self, Inputs, Texts};
    ///
    /// let stack = "services: {gateway: {image: openclaw, environment: {TOKEN: '${TOKEN}'}}}";
    /// let files = Texts::new().file("/srv/compose.yaml", stack);
    /// let laptop = project::resolve(&Inputs::new("/srv").variable("TOKEN", "test-token-1"), &files);
    /// let server = project::resolve(&Inputs::new("/srv").variable("TOKEN", "test-token-2"), &files);
    ///
    /// let compared = laptop.compare(&server);
    /// assert_eq!(compared.differences.len(), 1);
    /// assert_eq!(compared.differences[0].path, "services.gateway.environment.TOKEN");
    /// ```
    #[must_use]
    pub fn compare(&self, right: &Self) -> Compared {
        let mut comparer = Comparer { left: self, right, out: Vec::new() };
        if self.project_name() != right.project_name() {
            comparer.name();
        }
        let (left_services, right_services) = (all(self), all(right));
        comparer.maps(&left_services, &right_services, "services");
        for section in ["networks", "volumes", "secrets", "configs", "models"] {
            let of = |root: &Self| root.root.get(section).and_then(Node::as_map).cloned().unwrap_or_default();
            let (left, right) = (of(self), of(right));
            comparer.maps(&left, &right, section);
        }
        let mut differences = comparer.out;
        differences.sort_by(|a, b| a.path.cmp(&b.path));
        for difference in &mut differences {
            // What is secret on one side may stand openly on the other.
            for secrets in [self.secrets(), right.secrets()] {
                secrets.mask_in(&mut difference.path);
                difference.change.mask(secrets);
            }
        }
        Compared { differences }
    }
}

fn all(resolution: &Resolution) -> Map {
    let mut map = resolution.enabled.clone();
    map.entries_mut().extend(resolution.disabled.iter().cloned());
    map
}

struct Comparer<'r> {
    left: &'r Resolution,
    right: &'r Resolution,
    out: Vec<Difference>,
}

impl Comparer<'_> {
    fn name(&mut self) {
        if let (Some(left), Some(right)) = (self.left.explain("name"), self.right.explain("name")) {
            self.out.push(Difference { path: "name".to_owned(), change: Change::Changed { left, right } });
        }
    }

    fn maps(&mut self, left: &Map, right: &Map, path: &str) {
        for entry in left {
            let path = format!("{path}.{}", entry.key);
            match right.get(&entry.key) {
                Some(other) => self.nodes(&entry.node, other, &path),
                None => self.one_sided(&path, true),
            }
        }
        for entry in right {
            if !left.contains(&entry.key) {
                self.one_sided(&format!("{path}.{}", entry.key), false);
            }
        }
    }

    fn one_sided(&mut self, path: &str, left: bool) {
        let side = if left { self.left } else { self.right };
        let Some(told) = side.explain(path) else { return };
        let change = if left { Change::Removed { left: told } } else { Change::Added { right: told } };
        self.out.push(Difference { path: path.to_owned(), change });
    }

    fn nodes(&mut self, left: &Node, right: &Node, path: &str) {
        match (&left.value, &right.value) {
            (Value::Map(a), Value::Map(b)) => self.maps(a, b, path),
            (Value::List(a), Value::List(b)) if a.len() == b.len() => {
                for (number, (a, b)) in a.iter().zip(b).enumerate() {
                    self.nodes(a, b, &format!("{path}.{number}"));
                }
            }
            (Value::List(a), Value::List(b)) => {
                for number in 0..a.len().max(b.len()) {
                    let path = format!("{path}.{number}");
                    match (a.get(number), b.get(number)) {
                        (Some(a), Some(b)) => self.nodes(a, b, &path),
                        (Some(_), None) => self.one_sided(&path, true),
                        (None, Some(_)) => self.one_sided(&path, false),
                        (None, None) => {}
                    }
                }
            }
            (a, b) => {
                let same = a == b;
                if same && self.same_place(left.span, right.span) {
                    return;
                }
                let (Some(left), Some(right)) = (self.left.explain(path), self.right.explain(path)) else {
                    return;
                };
                if same {
                    let chain = |told: &Explanation| {
                        told.steps.iter().map(|step| (step.kind, step.text.clone())).collect::<Vec<_>>()
                    };
                    if chain(&left) != chain(&right) {
                        self.out.push(Difference {
                            path: path.to_owned(),
                            change: Change::Moved { left, right },
                        });
                    }
                } else {
                    self.out
                        .push(Difference { path: path.to_owned(), change: Change::Changed { left, right } });
                }
            }
        }
    }

    /// True where two spans show the same place of the same file, so that nothing has to be told.
    fn same_place(&self, left: Span, right: Span) -> bool {
        let (a, b) = (self.left.sources(), self.right.sources());
        a.name(left.file) == b.name(right.file)
            && a.expose(left) == b.expose(right)
            && !a.expose(left).contains('$')
            && a.location(left) == b.location(right)
    }
}

impl Explanation {
    /// The value for a report, masked or not; scalars only.
    #[must_use]
    pub fn revealed(&self, reveal: Reveal) -> Option<String> {
        match reveal {
            Reveal::Masked => self.shown(),
            Reveal::Secrets => self.value.as_ref().map(|value| value.expose_secret().to_owned()),
        }
    }
}
