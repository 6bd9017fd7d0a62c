//! What a tree of files is made of, on either side: paths, items, listings, content signatures.
//!
//! Pure values: no clock, no file, no network, no log.

#[cfg(test)]
mod fuzz;
mod item;
mod listing;
mod package;
mod path;
mod row;
mod signature;

pub use item::{DocId, Etag, Kind, LocalItem, RemoteId, RemoteItem, Zone};
pub use listing::{Freeze, HasPath, Left, Listing};
pub use package::{PACKAGE_SUFFIXES, PackageTree, names_package, package_suffix};
pub use path::{NameError, RelPath, local_name};
pub use row::Row;
pub use signature::{Signature, SignatureHasher};
