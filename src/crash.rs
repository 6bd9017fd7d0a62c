//! A crash on command, for tests: the process dies at its N-th step that changes something on this machine.
//!
//! `ICLOUD_SYNC_TEST_DIE_AT=N` asks for it. Only builds with debug assertions know it; in others a step is nothing. The
//! process is killed as by `kill -9`, so nothing is cleaned up.

#[cfg(debug_assertions)]
mod armed {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    static LAST: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("ICLOUD_SYNC_TEST_DIE_AT").ok()?.parse().ok());
    static DONE: AtomicU64 = AtomicU64::new(0);

    /// Counts a step that comes now. Returns whether it is the one to die at.
    pub(super) fn is_due() -> bool {
        LAST.is_some_and(|last| DONE.fetch_add(1, Ordering::SeqCst) + 1 == last)
    }

    /// Ends the process at once.
    pub(super) fn die() -> ! {
        let kill =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        log::error!("this system refuses to end the process: {kill:?}");
        loop {
            std::thread::park();
        }
    }
}

/// Marks a step that changes something on this machine; it comes right after.
pub(crate) fn step() {
    #[cfg(debug_assertions)]
    if armed::is_due() {
        armed::die();
    }
}

/// Marks a write that a crash may cut in two.
pub(crate) fn step_in(out: &mut impl std::io::Write, bytes: &[u8]) {
    #[cfg(debug_assertions)]
    if armed::is_due() {
        drop(out.write_all(bytes.split_at(bytes.len() / 2).0));
        drop(out.flush());
        armed::die();
    }
    #[cfg(not(debug_assertions))]
    let _unused = (out, bytes);
}
