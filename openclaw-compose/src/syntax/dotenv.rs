//! dotenv files.
