//! The JSON Schema of a ticket's JSON, so that whoever reads it knows what may be there.

use schemars::generate::SchemaSettings;

use crate::ticket::Ticket;

/// The schema of what [`json()`](super::json()) writes, as JSON Schema 2020-12.
///
/// # Errors
/// Never: what is written is made of texts and lists.
pub fn schema() -> Result<String, serde_json::Error> {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<Ticket>();
    serde_json::to_string_pretty(&schema).map(|page| page + "\n")
}
