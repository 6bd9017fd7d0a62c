//! The Drive verbs over HTTP.
