//! What is in a folder, as the answers said.

use super::known::Same;
use crate::{
    cloud::Node,
    error::Error,
    tree::{Etag, Kind, RemoteId},
};

/// An item as its folder shows it: a [`Node`] without what a listing does not need.
#[derive(Debug, Clone)]
pub(super) struct Child {
    pub(super) id: RemoteId,
    pub(super) kind: Kind,
    pub(super) name: Box<str>,
    pub(super) etag: Etag,
    pub(super) size: u64,
    pub(super) modified_ms: Option<i64>,
    pub(super) parent: Option<Box<RemoteId>>,
    pub(super) is_fixed: bool,
    pub(super) is_lent: bool,
    pub(super) is_shared: bool,
    pub(super) is_foreign: bool,
    pub(super) is_trashed: bool,
}

impl Child {
    pub(super) fn of(node: Node) -> Self {
        Self {
            id: node.id,
            kind: node.kind,
            name: node.name.into(),
            etag: node.etag,
            size: node.size,
            modified_ms: node.modified_ms,
            parent: None,
            is_fixed: node.is_fixed,
            is_lent: node.is_lent,
            is_shared: node.is_shared,
            is_foreign: node.is_foreign,
            is_trashed: node.is_trashed,
        }
    }

    /// As [`Self::of`], with the folder that it says it is in.
    pub(super) fn with_parent(mut node: Node) -> Self {
        let parent = node.parent.take().map(Box::new);
        Self {
            parent,
            ..Self::of(node)
        }
    }

    /// Returns whether a folder's own element can stand for it among the children of `folder`.
    pub(super) fn is_in(&self, folder: &RemoteId) -> bool {
        let is_elsewhere = self
            .parent
            .as_deref()
            .is_some_and(|parent| parent != folder);
        !is_elsewhere && !self.is_trashed && !self.name.is_empty()
    }
}

/// What a folder is, and what is in it.
#[derive(Debug)]
pub(super) struct Content<'a> {
    /// The folder itself, as its own element of the answer shows it.
    pub(super) own: Child,
    pub(super) inside: Inside<'a>,
}

/// What is in a folder.
#[derive(Debug)]
pub(super) enum Inside<'a> {
    /// As it was listed. Not a `Vec`: that would keep the room of the answer that it is made from.
    Listed(Box<[Child]>),
    /// A probe showed nothing that the baseline does not know as it is.
    Same(Same<'a>),
}

impl Inside<'_> {
    /// Returns how many children there are.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Listed(children) => children.len(),
            Self::Same(same) => same.files.len() + same.folders.len(),
        }
    }
}

/// What has become known of a folder.
#[derive(Debug)]
pub(super) enum State<'a> {
    /// What is in it.
    Whole(Content<'a>),
    /// The service does not know it.
    Gone,
    /// It could not be listed whole.
    Unknown(Error),
}
