//! The source floor: places, and what a quote shows.

mod hostile;
mod masking;
mod places;
