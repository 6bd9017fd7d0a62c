//! One file a verb: reads its options, does the work through the other modules, reports.

pub mod login;
pub mod logout;
pub mod ls;
pub mod status;
