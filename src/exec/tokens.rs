//! Download tokens, many files at a time, just ahead of their transfers.
//!
//! Whoever begins a transfer and finds that fewer tokens are ahead than transfers run gets the next batch for all,
//! so that nobody waits for a token while others move content. How many go into one batch is the client's to find out. Their
//! addresses expire, so it is not more ahead than that; one that has expired is renewed where it shows.

use std::{
    collections::HashMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use super::download::is_empty_file;
use crate::{
    cloud::{Remote, Token},
    error::{Error, Kind, Result},
    plan::{Action, What},
    tree::{DocId, Zone},
};

/// A file from this size on gets a request of its own when its turn comes: those behind it might wait too long.
const LARGE: u64 = 8 << 20;
/// No more content than this between a token and its transfer, for the same reason.
const MOST_AHEAD: u64 = 64 << 20;

/// Who gives tokens.
pub(super) trait Source {
    /// Returns how many go into the next request.
    fn batch(&self) -> usize;

    /// Asks for tokens of one zone.
    fn tokens(&self, zone: &Zone, docs: &[DocId]) -> Result<Vec<Result<Token>>>;
}

impl Source for dyn Remote + '_ {
    fn batch(&self) -> usize {
        self.batches().tokens
    }

    fn tokens(&self, zone: &Zone, docs: &[DocId]) -> Result<Vec<Result<Token>>> {
        Remote::tokens(self, zone, docs)
    }
}

/// A download that needs a token.
struct Wanted {
    zone: Zone,
    doc: DocId,
    size: u64,
}

#[derive(Default)]
struct State {
    /// All before this place have been asked for.
    asked: usize,
    /// All before this place have begun, or some behind them.
    begun: usize,
    /// Where the batches begin that are being asked for.
    under_way: Vec<usize>,
    /// What has come, by place, until its download takes it.
    held: HashMap<usize, Result<Token>>,
}

/// All tokens that a plan's downloads need.
pub(super) struct Tokens {
    wanted: Vec<Wanted>,
    /// By an action's number.
    places: Vec<Option<usize>>,
    state: Mutex<State>,
    came: Condvar,
}

/// A batch that its holder asks for; whatever becomes of that, its places get an answer.
struct Batch<'a> {
    of: &'a Tokens,
    from: usize,
    until: usize,
    answers: Vec<Result<Token>>,
}

impl Tokens {
    /// Lists the downloads, in the order of the plan.
    pub(super) fn new(actions: &[Action]) -> Self {
        Self::of(actions.iter().map(|action| {
            let remote = action
                .remote
                .as_ref()
                .filter(|item| action.what == What::Download && !is_empty_file(item))?;
            Some(Wanted {
                zone: remote.id.zone.clone(),
                doc: remote.id.doc.clone(),
                size: remote.size,
            })
        }))
    }

    fn of(actions: impl Iterator<Item = Option<Wanted>>) -> Self {
        let mut wanted = Vec::new();
        let mut place = |one| {
            wanted.push(one);
            wanted.len() - 1
        };
        let places = actions.map(|one| one.map(&mut place)).collect();
        Self {
            wanted,
            places,
            state: Mutex::default(),
            came: Condvar::new(),
        }
    }

    /// Returns the token of a download. `lead` is how many transfers run at once: so many tokens are got ahead.
    pub(super) fn get(
        &self,
        number: usize,
        lead: usize,
        source: &(impl Source + ?Sized),
    ) -> Result<Token> {
        let Some(place) = self.places[number] else {
            return Err(Error::new(
                Kind::Protocol,
                "an empty file has no content to fetch",
            ));
        };
        let mut state = self.lock();
        state.begun = state.begun.max(place + 1);
        while place >= state.asked {
            let batch = self.next(&mut state, source.batch());
            drop(state);
            batch.ask(source);
            state = self.lock();
        }
        let token = loop {
            if let Some(token) = state.held.remove(&place) {
                break token;
            }
            // Batches are asked for in order: one that begins later is not it.
            if state.under_way.iter().all(|from| *from > place) {
                return Err(Error::new(Kind::Protocol, "no download address came"));
            }
            state = self
                .came
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        };
        if self.is_time(&state, lead) {
            let batch = self.next(&mut state, source.batch());
            drop(state);
            batch.ask(source);
        }
        token
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the next batch should be got ahead now.
    fn is_time(&self, state: &State, lead: usize) -> bool {
        let ahead = self.wanted.get(state.begun..state.asked);
        let ahead = ahead.unwrap_or_default();
        let next = self.wanted.get(state.asked);
        ahead.len() < lead
            && next.is_some_and(|next| next.size < LARGE)
            && ahead.iter().map(|wanted| wanted.size).sum::<u64>() < MOST_AHEAD
    }

    /// Takes the next batch: files of one zone, none of them large but the first.
    fn next(&self, state: &mut State, most: usize) -> Batch<'_> {
        let from = state.asked;
        let rest = &self.wanted[from..];
        let fits = |wanted: &&Wanted| wanted.size < LARGE && wanted.zone == rest[0].zone;
        let more = rest.iter().skip(1).take(most.saturating_sub(1));
        let count = 1 + more.take_while(fits).count();
        state.asked = from + count;
        state.under_way.push(from);
        Batch {
            of: self,
            from,
            until: from + count,
            answers: Vec::new(),
        }
    }
}

impl Batch<'_> {
    fn ask(mut self, source: &(impl Source + ?Sized)) {
        let wanted = &self.of.wanted[self.from..self.until];
        let docs: Vec<DocId> = wanted.iter().map(|wanted| wanted.doc.clone()).collect();
        let answers = match source.tokens(&wanted[0].zone, &docs) {
            Ok(answers) => answers,
            // What fails for one reason fails for all.
            Err(error) => docs.iter().map(|_| Err(error.clone())).collect(),
        };
        self.answers = answers;
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut state = self.of.lock();
        let answers = std::mem::take(&mut self.answers);
        state.held.extend((self.from..self.until).zip(answers));
        state.under_way.retain(|from| *from != self.from);
        self.of.came.notify_all();
    }
}

#[cfg(test)]
mod tests;
