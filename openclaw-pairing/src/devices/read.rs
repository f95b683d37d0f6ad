//! A list out of a text of any size and shape: what is beyond a bound is counted or cut, and never held.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::{DeviceList, MOST_ROWS, PairedDevice, PendingRequest};
use crate::words::{NAME, shown};

/// The most roles and tokens of one device that are kept.
pub(crate) const FEW: usize = 64;

/// What `devices list --json` prints: a list, or the CLI's error in its place.
#[derive(serde::Deserialize)]
pub(super) struct Answer {
    pub(super) error: Option<IgnoredAny>,
    pub(super) pending: Option<Rows<PendingRequest, MOST_ROWS>>,
    pub(super) paired: Option<Rows<PairedDevice, MOST_ROWS>>,
}

/// The CLI's error.
#[derive(serde::Deserialize)]
pub(super) struct Refused {
    pub(super) error: Words,
}

/// What it says.
#[derive(serde::Deserialize)]
pub(super) struct Words {
    #[serde(deserialize_with = "name")]
    pub(super) message: String,
}

impl From<Answer> for DeviceList {
    fn from(answer: Answer) -> Self {
        let (pending, paired) = (answer.pending.unwrap_or_default(), answer.paired.unwrap_or_default());
        Self { pending: pending.rows, paired: paired.rows, left_out: pending.left_out + paired.left_out }
    }
}

/// The first `MOST` elements of an array, and how many more there are.
pub(crate) struct Rows<T, const MOST: usize> {
    pub(crate) rows: Vec<T>,
    pub(crate) left_out: usize,
}

impl<T, const MOST: usize> Default for Rows<T, MOST> {
    fn default() -> Self {
        Self { rows: Vec::new(), left_out: 0 }
    }
}

impl<T, const MOST: usize> Rows<T, MOST> {
    pub(crate) fn take(&mut self, row: T) {
        if self.rows.len() < MOST { self.rows.push(row) } else { self.left_out += 1 }
    }
}

impl<'de, T: DeserializeOwned, const MOST: usize> Deserialize<'de> for Rows<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Array<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: DeserializeOwned, const MOST: usize> Visitor<'de> for Array<T, MOST> {
            type Value = Rows<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut rows = Rows::default();
                while let Some(row) = seq.next_element()? {
                    rows.take(row);
                }
                Ok(rows)
            }
        }
        from.deserialize_seq(Array(PhantomData))
    }
}

pub(super) fn few<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Rows::<T, FEW>::deserialize(from)?.rows)
}

pub(super) fn few_names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(few::<Name, D>(from)?.into_iter().map(|name| name.0).collect())
}

pub(super) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Name::deserialize(from).map(|name| name.0)
}

pub(super) fn optional_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Name>::deserialize(from)?.map(|name| name.0))
}

/// A text that someone else chose.
#[derive(Default)]
pub(crate) struct Name(pub(crate) String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Name, E> {
                Ok(Name(shown(text, NAME)))
            }
        }
        from.deserialize_str(Text)
    }
}
