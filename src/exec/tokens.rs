//! Download tokens, a few files at a time, just ahead of their transfers.

use std::sync::{Mutex, PoisonError};

use super::download::is_empty_file;
use crate::{
    cloud::{Remote, Token},
    error::{Error, Kind, Result},
    plan::{Action, What},
    tree::{DocId, Zone},
};

/// How many files share one request. Their addresses expire, so it is few (protocol page 9.4).
const SHARED: usize = 10;
/// A file from this size on gets a request of its own: those behind it might wait too long.
const LARGE: u64 = 8 << 20;

/// Tokens that are not yet fetched by their downloads, with the downloads' numbers.
type Held = Vec<(usize, Result<Token>)>;

/// The files of one request, and what it brought.
struct Group {
    zone: Zone,
    docs: Vec<(usize, DocId)>,
    answers: Mutex<Option<Held>>,
}

/// All tokens that a plan's downloads need.
pub(super) struct Tokens {
    groups: Vec<Group>,
    group_of: Vec<Option<usize>>,
}

impl Tokens {
    /// Plans which downloads share a request.
    pub(super) fn new(actions: &[Action]) -> Self {
        let mut tokens = Self {
            groups: Vec::new(),
            group_of: vec![None; actions.len()],
        };
        for (number, action) in actions.iter().enumerate() {
            let Some(remote) = action
                .remote
                .as_ref()
                .filter(|_| action.what == What::Download)
            else {
                continue;
            };
            if is_empty_file(remote) {
                continue;
            }
            let fits = tokens.groups.last().is_some_and(|group| {
                group.zone == remote.id.zone && group.docs.len() < SHARED && remote.size < LARGE
            });
            if !fits {
                tokens.groups.push(Group {
                    zone: remote.id.zone.clone(),
                    docs: Vec::new(),
                    answers: Mutex::new(None),
                });
            }
            let at = tokens.groups.len() - 1;
            tokens.groups[at].docs.push((number, remote.id.doc.clone()));
            tokens.group_of[number] = Some(at);
        }
        tokens
    }

    /// Returns the token of a download; the first of a group to ask gets it for all.
    pub(super) fn get(&self, number: usize, remote: &dyn Remote) -> Result<Token> {
        let Some(group) = self.group_of[number].map(|at| &self.groups[at]) else {
            return Err(Error::new(
                Kind::Protocol,
                "an empty file has no content to fetch",
            ));
        };
        let mut answers = group.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.is_none() {
            let docs: Vec<DocId> = group.docs.iter().map(|(_, doc)| doc.clone()).collect();
            let tokens = remote.tokens(&group.zone, &docs)?;
            let numbers = group.docs.iter().map(|(number, _)| *number);
            *answers = Some(numbers.zip(tokens).collect());
        }
        let held = answers.as_mut().expect("filled just above");
        match held.iter().position(|(other, _)| *other == number) {
            Some(at) => held.swap_remove(at).1,
            None => Err(Error::new(
                Kind::Protocol,
                "the service gave no download address",
            )),
        }
    }
}
