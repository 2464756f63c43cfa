//! Never panics.
