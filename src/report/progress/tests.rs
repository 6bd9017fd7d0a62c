use super::*;
use crate::{
    error::{Error, Kind as ErrorKind},
    plan::{Reason, Side},
    report::tests::{action, summary},
    tree::Kind,
};

/// Remembers what it was told, as text.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Reporter for Told {
    fn event(&self, event: &Event<'_>) {
        let text = match event {
            Event::Stats(stats) => format!("stats {} {}", stats.done, stats.bytes),
            Event::Note(text) => (*text).to_owned(),
            Event::Summary(_) => "summary".to_owned(),
            Event::Warning(_) => "warning".to_owned(),
            Event::Began { .. }
            | Event::Listing { .. }
            | Event::Listed { .. }
            | Event::Hashing { .. }
            | Event::LeftAlone { .. }
            | Event::Planned { .. }
            | Event::Started { .. }
            | Event::Moved { .. }
            | Event::Restarted { .. }
            | Event::Finished { .. } => return,
        };
        self.0.lock().unwrap().push(text);
    }
}

fn download(name: &str, size: u64) -> Action {
    Action {
        size,
        ..action(
            name,
            Kind::File,
            What::Download,
            Reason::Created(Side::Remote),
        )
    }
}

fn finished(to: &dyn Reporter, number: usize, action: &Action, outcome: &Outcome) {
    to.event(&Event::Finished {
        number,
        action,
        outcome,
    });
}

#[test]
fn it_tells_how_far_the_pass_is_until_its_summary() {
    let told = Arc::new(Told::default());
    let to = Arc::clone(&told) as Arc<dyn Reporter>;
    let progress = Progress::new(to, Some(Duration::from_millis(1)), false);
    let (one, two) = (download("a", 100), download("b", 1_000));
    for (number, action) in [(0, &one), (1, &two)] {
        progress.event(&Event::Started { number, action });
    }
    progress.event(&Event::Moved {
        number: 1,
        bytes: 700,
    });
    // What is begun again is not counted twice; what was done counts as it was listed.
    progress.event(&Event::Restarted {
        number: 1,
        bytes: 30,
    });
    finished(&progress, 0, &one, &Outcome::Done);
    while !told.lines().contains(&"stats 1 130".to_owned()) {
        thread::yield_now();
    }
    progress.event(&Event::Summary(&summary()));
    let lines = told.lines();
    assert_eq!(lines.last().unwrap(), "summary");
    drop(progress);
    assert_eq!(told.lines(), lines, "its thread has ended");
}

#[test]
fn the_end_says_what_was_done_by_kind() {
    let told = Arc::new(Told::default());
    let progress = Progress::new(Arc::clone(&told) as Arc<dyn Reporter>, None, true);
    let made = action(
        "d",
        Kind::Folder,
        What::CreateLocalFolder,
        Reason::Created(Side::Remote),
    );
    let all = [
        download("a", 2048),
        download("b", 1024),
        made,
        download("c", 5),
    ];
    for (number, action) in all.iter().enumerate() {
        progress.event(&Event::Started { number, action });
        let failed = Error::new(ErrorKind::Refused, "no");
        let outcome = if number < 3 {
            Outcome::Done
        } else {
            Outcome::Failed(failed)
        };
        finished(&progress, number, action, &outcome);
    }
    progress.event(&Event::Summary(&summary()));
    let lines = told.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with("done: 2 files received (3.0 KiB), 1 folder made; "),
        "{lines:?}"
    );
    assert!(lines[0].contains("/s in 0."), "{lines:?}");
}

#[test]
fn a_pass_that_did_nothing_says_nothing_by_kind() {
    let told = Arc::new(Told::default());
    let progress = Progress::new(Arc::clone(&told) as Arc<dyn Reporter>, None, true);
    progress.event(&Event::Summary(&summary()));
    assert_eq!(told.lines(), ["summary"]);
}

#[test]
fn the_line_says_what_there_is_to_say() {
    let listing = Stats {
        items: (1_200, 30),
        elapsed: Duration::from_millis(2_300),
        ..Stats::default()
    };
    assert_eq!(
        line(&listing),
        "after 2.3 s: 1,200 local, 30 remote items listed"
    );
    let acting = Stats {
        planned: 40,
        done: 12,
        failed: 1,
        bytes: 1 << 20,
        bytes_planned: 4 << 20,
        ..listing
    };
    assert_eq!(
        line(&acting),
        "after 2.3 s: 12 of 40 actions done, 1 not, 1.0 MiB of 4.0 MiB moved"
    );
}
