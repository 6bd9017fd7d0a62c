//! What this process asks of the system for itself: that nobody looks into its memory.
//!
//! It holds a password, tokens and cookies. The first is wiped as soon as it is done with; the others live as long as
//! requests are made, in the HTTP library too. So no core file is written, and no other program of the same user may
//! attach to it or read its memory (root may, as always).

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// Asks for it; where the system refuses, the program runs all the same.
pub(crate) fn keep_to_itself() {
    let core = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Core)
    };
    let kept = setrlimit(Resource::Core, core)
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
    if let Err(error) = kept {
        log::debug!("the memory of this process is not kept from others: {error}");
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::dumpable_behavior;

    use super::*;

    #[test]
    fn no_core_is_written_and_nobody_attaches() {
        keep_to_itself();
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}
