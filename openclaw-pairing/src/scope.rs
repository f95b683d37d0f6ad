//! Operator scopes: what a connection may do, and what approving one takes.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One operator scope of the gateway's closed set (OpenClaw 2026.9.6 observed behaviour).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scope {
    /// `operator.read`: look at status and sessions.
    Read,
    /// `operator.write`: change sessions; implies read.
    Write,
    /// `operator.admin`: everything below it, and other devices' tokens; implies read and write.
    Admin,
    /// `operator.approvals`: answer execution approvals.
    Approvals,
    /// `operator.questions`: answer questions of agents.
    Questions,
    /// `operator.pairing`: list, approve, reject and remove devices.
    Pairing,
    /// `operator.talk`: voice.
    Talk,
    /// `operator.talk.secrets`: secrets of voice providers.
    TalkSecrets,
    /// A name that this release does not know. Kept so that a set with one is never taken for a smaller set.
    Other,
}

/// Name on the wire, scope, and what it implies.
const SCOPES: &[(&str, Scope, &[Scope])] = &[
    ("operator.read", Scope::Read, &[]),
    ("operator.write", Scope::Write, &[Scope::Read]),
    ("operator.admin", Scope::Admin, &[Scope::Read, Scope::Write]),
    ("operator.approvals", Scope::Approvals, &[]),
    ("operator.questions", Scope::Questions, &[]),
    ("operator.pairing", Scope::Pairing, &[]),
    ("operator.talk", Scope::Talk, &[]),
    ("operator.talk.secrets", Scope::TalkSecrets, &[]),
];

impl Scope {
    /// The scope with this wire name; [`Scope::Other`] for a name that this release does not know.
    pub fn from_name(name: &str) -> Self {
        SCOPES.iter().find(|row| row.0 == name).map_or(Self::Other, |row| row.1)
    }

    /// The wire name; `operator.?` for [`Scope::Other`].
    pub fn name(self) -> &'static str {
        SCOPES.iter().find(|row| row.1 == self).map_or("operator.?", |row| row.0)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of operator scopes: two bytes, compared and hashed by value.
///
/// ```
/// use openclaw_pairing::{Scope, ScopeSet};
///
/// let approved = ScopeSet::from_names(["operator.admin"]);
/// let requested = ScopeSet::from([Scope::Read, Scope::Pairing]);
/// // Admin implies read but not pairing, so one scope is missing.
/// assert_eq!(requested.missing_from(approved), ScopeSet::from([Scope::Pairing]));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeSet(u16);

impl ScopeSet {
    /// The empty set: a connection that may only ask for health.
    pub const EMPTY: Self = Self(0);

    /// The set of these wire names. Unknown names collapse into [`Scope::Other`].
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().map(Scope::from_name).collect()
    }

    /// True for the empty set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True if `scope` is in the set itself, implications aside.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// True if a holder of this set may do what `scope` allows: admin implies write, write implies read.
    pub fn allows(self, scope: Scope) -> bool {
        self.implied().contains(scope)
    }

    /// The scopes of this set that a holder of `granted` lacks.
    #[must_use]
    pub fn missing_from(self, granted: Self) -> Self {
        Self(self.0 & !granted.implied().0)
    }

    /// The union.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The scopes in the order of the gateway's own list.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        SCOPES.iter().map(|row| row.1).chain([Scope::Other]).filter(move |scope| self.contains(*scope))
    }

    /// The wire names, in the order of the gateway's own list.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.iter().map(Scope::name)
    }

    fn implied(self) -> Self {
        let mut all = self.0;
        for (_, scope, implies) in SCOPES {
            if self.contains(*scope) {
                all |= implies.iter().fold(0, |bits, implied| bits | implied.bit());
            }
        }
        Self(all)
    }
}

impl<const N: usize> From<[Scope; N]> for ScopeSet {
    fn from(scopes: [Scope; N]) -> Self {
        scopes.into_iter().collect()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (index, name) in self.names().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    /// Reads names of any number and keeps none of them.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = ScopeSet;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of scopes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<ScopeSet, A::Error> {
                let mut scopes = ScopeSet::EMPTY;
                while let Some(name) = names.next_element::<String>()? {
                    scopes = scopes.union([Scope::from_name(&name)].into());
                }
                Ok(scopes)
            }
        }
        deserializer.deserialize_seq(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implications_are_one_way() {
        assert!(ScopeSet::from([Scope::Admin]).allows(Scope::Read));
        assert!(ScopeSet::from([Scope::Write]).allows(Scope::Read));
        assert!(!ScopeSet::from([Scope::Read]).allows(Scope::Write));
        assert!(!ScopeSet::from([Scope::Admin]).allows(Scope::Pairing));
    }

    #[test]
    fn an_unknown_scope_is_never_covered_by_known_ones() {
        let wanted = ScopeSet::from_names(["operator.future"]);
        assert_eq!(wanted.missing_from(ScopeSet::from([Scope::Admin])), wanted);
    }

    #[test]
    fn every_name_round_trips() {
        for (name, scope, _) in SCOPES {
            assert_eq!(Scope::from_name(name), *scope);
            assert_eq!(scope.name(), *name);
        }
    }
}
