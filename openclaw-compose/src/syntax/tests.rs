//! The syntax floor against hand-made cases, properties and a canary.

mod canary;
mod dotenv;
mod interpolate;
mod properties;
mod yaml;
