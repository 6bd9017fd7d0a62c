//! The table: verb × local state × remote state → what follows.
//!
//! Places are settled elsewhere ([`super::draft`]); this is about content and existence alone.

use super::{Delete, Reason, Side, Verb, change::State};

/// What follows for one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Nothing: both sides are as they should be, or one alone has it and the verb leaves it so.
    Nothing,
    /// The verb leaves a difference as it is, for this reason.
    Leave(Why),
    /// The content goes to that side.
    Copy(Side, Reason),
    /// It is removed from that side.
    Remove(Side, Reason),
    /// Both sides have it no more: the row goes.
    Forget,
    /// Both sides changed it: equal content is adopted, else the policy decides.
    Compare,
}

/// Why a difference is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The side that the verb writes to has changed it, and the other has not.
    ChangedHere(Side),
    /// Only the side that the verb writes to has it.
    OnlyHere(Side),
    /// The source side deleted it, and `--delete` is not given.
    DeletionNotAsked(Side),
}

/// Looks up what follows.
pub fn decide(verb: Verb, delete: Delete, local: State, remote: State) -> Step {
    match verb {
        Verb::Bisync => both_ways(local, remote),
        Verb::Pull => one_way(Side::Remote, delete, remote, local),
        Verb::Push => one_way(Side::Local, delete, local, remote),
    }
}

fn both_ways(local: State, remote: State) -> Step {
    use State::{Absent, Created, Deleted, Modified, Same};
    match (local, remote) {
        (Same, Same) | (Absent, Absent | Deleted) | (Deleted, Absent) => Step::Nothing,
        (Same, Modified) => Step::Copy(Side::Local, Reason::Modified(Side::Remote)),
        (Modified, Same) => Step::Copy(Side::Remote, Reason::Modified(Side::Local)),
        (Same, Deleted) => Step::Remove(Side::Local, Reason::Deleted(Side::Remote)),
        (Deleted, Same) => Step::Remove(Side::Remote, Reason::Deleted(Side::Local)),
        (Modified, Deleted) => Step::Copy(Side::Remote, Reason::EditWins(Side::Local)),
        (Deleted, Modified) => Step::Copy(Side::Local, Reason::EditWins(Side::Remote)),
        (Deleted, Deleted) => Step::Forget,
        (Created, Absent | Deleted) => Step::Copy(Side::Remote, Reason::Created(Side::Local)),
        (Absent | Deleted, Created) => Step::Copy(Side::Local, Reason::Created(Side::Remote)),
        (Modified | Created, Modified | Created)
        // A row means that both sides had it, so these can't be; content is compared to be safe.
        | (Same, Created | Absent)
        | (Created | Absent, Same)
        | (Modified, Absent)
        | (Absent, Modified) => Step::Compare,
    }
}

fn one_way(source: Side, delete: Delete, from: State, to: State) -> Step {
    use State::{Absent, Created, Deleted, Modified, Same};
    let target = source.other();
    match (from, to) {
        (Same, Same) | (Absent, Absent | Deleted) | (Deleted, Absent) => Step::Nothing,
        (Modified, Same) => Step::Copy(target, Reason::Modified(source)),
        // Of a deleted one too: edit wins over delete, with or without --delete.
        (Same | Deleted, Modified) => Step::Leave(Why::ChangedHere(target)),
        (Deleted, Same) => match delete {
            Delete::Nothing => Step::Leave(Why::DeletionNotAsked(source)),
            Delete::SinceBaseline | Delete::Extra => Step::Remove(target, Reason::Deleted(source)),
        },
        (Same | Modified, Deleted) => Step::Copy(target, Reason::ComesBack(target)),
        (Deleted, Deleted) => Step::Forget,
        (Created, Absent | Deleted) => Step::Copy(target, Reason::Created(source)),
        (Absent | Deleted, Created) => match delete {
            Delete::Nothing | Delete::SinceBaseline => Step::Leave(Why::OnlyHere(target)),
            Delete::Extra => Step::Remove(target, Reason::Extra(target)),
        },
        (Modified | Created, Modified | Created)
        | (Same, Created | Absent)
        | (Created | Absent, Same)
        | (Modified, Absent)
        | (Absent, Modified) => Step::Compare,
    }
}
