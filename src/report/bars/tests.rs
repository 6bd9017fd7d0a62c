use std::{io, thread};

use indicatif::{ProgressDrawTarget, TermLike};

use super::*;
use crate::{
    error::{Error, Kind as ErrorKind},
    plan::{Reason, What},
    report::{
        Style,
        console::tests::Shared,
        tests::{action, everything, play, summary},
    },
    tree::Kind,
};

/// A terminal that remembers what is on it: the lines above the cursor's, and how many of them
/// bars have taken back.
#[derive(Debug, Clone, Default)]
pub(in crate::report) struct Term(Arc<Mutex<(Vec<String>, usize)>>);

impl Term {
    /// What is to be seen on it, without empty lines.
    fn seen(&self) -> Vec<String> {
        let (lines, _) = &*self.0.lock().unwrap();
        lines
            .iter()
            .filter(|line| !line.trim().is_empty())
            .cloned()
            .collect()
    }

    fn at<T>(&self, change: impl FnOnce(&mut String, &mut usize) -> T) -> T {
        let (lines, row) = &mut *self.0.lock().unwrap();
        while lines.len() <= *row {
            lines.push(String::new());
        }
        let mut line = std::mem::take(&mut lines[*row]);
        let at = *row;
        let result = change(&mut line, row);
        lines[at] = line;
        result
    }
}

impl TermLike for Term {
    fn width(&self) -> u16 {
        80
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.at(|_, row| *row = row.saturating_sub(n));
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.at(|_, row| *row += n);
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        self.at(|_, row| *row += 1);
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.at(|line, _| line.push_str(text));
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.at(|line, _| line.clear());
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

fn bars() -> (Bars, Term, Shared) {
    let (term, err) = (Term::default(), Shared::default());
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 255);
    let console = Console::new(Box::new(io::sink()), Box::new(err.clone()), target);
    let console = Arc::new(console);
    let lines = Lines::new(Arc::clone(&console), Style::default());
    (Bars::new(&console, lines), term, err)
}

/// A plan of downloads of these sizes.
fn downloads(sizes: &[u64]) -> Plan {
    let mut plan = Plan::default();
    for (number, size) in sizes.iter().enumerate() {
        let name = format!("file{number}");
        let mut action = action(
            &name,
            Kind::File,
            What::Download,
            Reason::Created(Side::Remote),
        );
        action.size = *size;
        plan.actions.push(action);
    }
    plan
}

fn planned(bars: &Bars, plan: &Plan) {
    bars.event(&Event::Planned {
        plan,
        verb: Verb::Pull,
        dry_run: false,
    });
}

fn position(bars: &Bars) -> (u64, u64) {
    let total = &bars.transfer.get().unwrap().total;
    (total.position(), total.length().unwrap())
}

#[test]
fn when_the_pass_is_over_no_bar_is_left_and_the_summary_is_told() {
    let (bars, term, err) = bars();
    play(&bars, &everything(), false, &summary());
    assert_eq!(term.seen(), Vec::<String>::new());
    assert!(
        err.text().contains("bisync: 12 actions done"),
        "{}",
        err.text()
    );
}

#[test]
fn an_error_before_the_summary_leaves_no_bar_either() {
    let (bars, term, _) = bars();
    bars.event(&Event::Listing {
        side: Side::Remote,
        items: 1234,
        folders: (3, 10),
    });
    planned(&bars, &downloads(&[5 << 20]));
    let plan = downloads(&[5 << 20]);
    bars.event(&Event::Started {
        number: 0,
        action: &plan.actions[0],
    });
    assert!(
        term.seen().iter().any(|line| line.contains("file0")),
        "{:?}",
        term.seen()
    );
    drop(bars);
    assert_eq!(term.seen(), Vec::<String>::new());
}

#[test]
fn a_listing_counts_items_and_folders() {
    let (bars, term, _) = bars();
    bars.event(&Event::Listing {
        side: Side::Remote,
        items: 1234,
        folders: (3, 10),
    });
    let seen = term.seen().join("\n");
    assert!(
        seen.contains("remote: 1,234 items, 3 of 10 folders listed"),
        "{seen}"
    );
}

#[test]
fn bytes_from_many_threads_all_count() {
    let (bars, ..) = bars();
    let plan = downloads(&[800_000; 8]);
    planned(&bars, &plan);
    thread::scope(|scope| {
        for number in 0..8 {
            let (bars, plan) = (&bars, &plan);
            scope.spawn(move || {
                bars.event(&Event::Started {
                    number,
                    action: &plan.actions[number],
                });
                for _ in 0..1000 {
                    bars.event(&Event::Moved { number, bytes: 800 });
                }
            });
        }
    });
    assert_eq!(position(&bars), (6_400_000, 6_400_000));
}

#[test]
fn a_transfer_that_begins_again_or_fails_gives_its_bytes_back() {
    let (bars, ..) = bars();
    let plan = downloads(&[1000, 500]);
    planned(&bars, &plan);
    bars.event(&Event::Moved {
        number: 0,
        bytes: 700,
    });
    bars.event(&Event::Moved {
        number: 1,
        bytes: 100,
    });
    bars.event(&Event::Restarted {
        number: 0,
        bytes: 200,
    });
    assert_eq!(position(&bars), (300, 1500));
    bars.event(&Event::Finished {
        number: 0,
        action: &plan.actions[0],
        outcome: &Outcome::Done,
    });
    assert_eq!(position(&bars), (1100, 1500));
    bars.event(&Event::Finished {
        number: 1,
        action: &plan.actions[1],
        outcome: &Outcome::Failed(Error::new(ErrorKind::Refused, "no")),
    });
    assert_eq!(position(&bars), (1000, 1000));
}

#[test]
fn a_plan_without_content_counts_actions() {
    let (bars, ..) = bars();
    let mut plan = Plan::default();
    for name in ["a", "b"] {
        let mut removal = action(
            name,
            Kind::File,
            What::RemoveLocal,
            Reason::Deleted(Side::Remote),
        );
        removal.size = 77;
        plan.actions.push(removal);
    }
    planned(&bars, &plan);
    bars.event(&Event::Finished {
        number: 0,
        action: &plan.actions[0],
        outcome: &Outcome::Done,
    });
    assert_eq!(position(&bars), (1, 2));
}

#[test]
fn the_bar_of_all_content_fits_a_terminal_and_tells_no_time_it_does_not_know() {
    let (bars, term, _) = bars();
    planned(&bars, &downloads(&[40 << 20; 1234]));
    let seen = term.seen().join("\n");
    assert!(
        seen.contains("] 0% of 48.2 GiB, 0 B/s, 0 of 1,234 actions"),
        "{seen}"
    );
    assert!(!seen.contains("left"), "{seen}");
    assert!(seen.chars().count() <= 80, "{seen}");
}

#[test]
fn the_time_left_counts_requests_and_not_bytes_alone() {
    let (bars, ..) = bars();
    let mut plan = downloads(&[1000, 500]);
    let made = action(
        "a folder",
        Kind::Folder,
        What::CreateLocalFolder,
        Reason::Created(Side::Remote),
    );
    plan.actions.push(made);
    planned(&bars, &plan);
    let work = || {
        let work = &bars.transfer.get().unwrap().work;
        (work.position(), work.length().unwrap())
    };
    assert_eq!(work(), (0, 1500 + 2 * ACTION_WEIGHS));
    bars.event(&Event::Moved {
        number: 0,
        bytes: 1000,
    });
    assert_eq!(work(), (1000, 1500 + 2 * ACTION_WEIGHS));
    let end = |number: usize, outcome: &Outcome| {
        bars.event(&Event::Finished {
            number,
            action: &plan.actions[number],
            outcome,
        });
    };
    end(0, &Outcome::Done);
    end(2, &Outcome::Done);
    assert_eq!(work(), (1000 + ACTION_WEIGHS, 1500 + 2 * ACTION_WEIGHS));
    end(1, &Outcome::Failed(Error::new(ErrorKind::Refused, "no")));
    assert_eq!(work(), (1000 + 2 * ACTION_WEIGHS, 1000 + 2 * ACTION_WEIGHS));
}

#[test]
fn only_a_handful_of_large_files_have_their_own_bar() {
    let (bars, ..) = bars();
    let plan = downloads(&[100, 2 << 20, 2 << 20, 2 << 20, 2 << 20, 2 << 20]);
    planned(&bars, &plan);
    for (number, action) in plan.actions.iter().enumerate() {
        bars.event(&Event::Started { number, action });
    }
    let own = || {
        let slots = bars.transfer.get().unwrap().slots.read().unwrap();
        slots
            .iter()
            .flatten()
            .map(|(number, _)| *number)
            .collect::<Vec<_>>()
    };
    assert_eq!(own(), [1, 2, 3, 4]);
    bars.event(&Event::Finished {
        number: 2,
        action: &plan.actions[2],
        outcome: &Outcome::Done,
    });
    assert_eq!(own(), [1, 3, 4]);
}

#[test]
fn an_event_of_an_action_that_is_not_in_the_plan_is_passed_over() {
    let (bars, ..) = bars();
    bars.event(&Event::Moved {
        number: 0,
        bytes: 5,
    });
    planned(&bars, &downloads(&[10]));
    bars.event(&Event::Moved {
        number: 9,
        bytes: 5,
    });
    bars.event(&Event::Restarted {
        number: 9,
        bytes: 5,
    });
    assert_eq!(position(&bars), (0, 10));
}
