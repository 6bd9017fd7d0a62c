//! One request helper.
