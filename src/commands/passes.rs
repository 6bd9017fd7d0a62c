//! `pull`, `push` and `bisync`: one pass, or with `--watch` one after the other.

use std::{
    cell::RefCell,
    io::{self, IsTerminal as _},
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use super::{SECOND, Seat, prompt};
use crate::{
    attention::Attention,
    auth::{
        self,
        prompt::{Nobody, Prompt},
    },
    error::{Kind, Result},
    metrics::{self, Metrics},
    options::{AccountOptions, Env, PassOptions, Setting, WatchOptions},
    pass::{self, Absent, Tools},
    plan::Verb,
    report::{self, Closing, Summary},
    signals,
    state::lock::{Lock, Of},
    watch::{self, Schedule, Watch},
};

/// A watch warns of the same thing so often.
const DAY: Duration = Duration::from_secs(86_400);

impl Seat<'_> {
    /// Runs one pass, or one after the other; returns the exit code.
    pub(super) fn passes(
        &mut self,
        options: &PassOptions,
        account: &AccountOptions,
        watch: &WatchOptions,
        env: &Env,
    ) -> Result<u8> {
        let attention = Attention::new(options, watch.hook.as_deref(), env)?;
        // A dry run is no pass that came to anything.
        let folder = (!options.dry_run)
            .then(|| pass::files(options))
            .transpose()?;
        let metrics = Metrics::of(folder.map(|files| files.folder));
        self.metrics = Some(metrics.clone());
        // What would be done is told once: nothing comes of it that another pass could go on from.
        if watch.is_on && !options.dry_run {
            self.is_brief = true;
            return self.watch(options, account, watch, &attention, &metrics);
        }
        let end = self.noted_pass(options, account, &prompt::terminal(self.console));
        metrics.ended(&end);
        let end = end.map(|summary| summary.exit_code);
        if !io::stdin().is_terminal() && !options.no_remote {
            attention.heard(&end);
        }
        end
    }

    fn watch(
        &self,
        options: &PassOptions,
        account: &AccountOptions,
        watch: &WatchOptions,
        attention: &Attention,
        metrics: &Metrics,
    ) -> Result<u8> {
        let files = pass::files(options)?;
        // A second one would only run the same passes once more.
        files.create()?;
        let _lock = Lock::take(&files.watch, Of::Watch)?;
        let _server = match &watch.metrics {
            Some(address) => {
                let (metrics, account) = (metrics.clone(), account.clone());
                let numbers = move || metrics.snapshot(auth::health(&account));
                let server = metrics::serve(address, numbers).map_err(|error| {
                    let from = [Setting::MetricsHost, Setting::MetricsPort];
                    self.layers.blame(&from, error)
                })?;
                let path = &address.path;
                let text = format!("metrics: http://{}{path}\n", server.address);
                self.console.tell(&text);
                Some(server)
            }
            None => None,
        };
        let wake = Arc::new(AtomicBool::new(false));
        signals::on_hangup(&wake)?;
        // What is meant for one pass only is meant for the first.
        let later = (
            PassOptions {
                force: false,
                ..options.clone()
            },
            AccountOptions {
                relogin: false,
                code: None,
                ..account.clone()
            },
        );
        let look = RefCell::new(pass::Look::new(options, self.stop));
        Watch {
            schedule: Schedule {
                interval: watch.interval,
                second: auth::second(account).unwrap_or(SECOND),
            },
            stop: self.stop,
            wake: &wake,
            local: &|| look.borrow_mut().differences().ok(),
            session: &|| auth::session_mark(account),
        }
        .run(&mut |number| {
            let end = if number == 0 {
                self.noted_pass(options, account, &prompt::terminal_at_start(self.console))
            } else {
                // Whoever started it may be gone: a question would stop it for good.
                self.noted_pass(&later.0, &later.1, &Nobody)
            };
            metrics.ended(&end);
            let end = end.map(|summary| summary.exit_code);
            if !options.no_remote {
                attention.heard(&end);
            }
            if let Err(error) = &end
                && !matches!(error.kind(), Kind::Usage | Kind::Stopped)
            {
                report::tell_error(self.console, error, self.is_json, error.exit_code());
            }
            end
        })?;
        Ok(watch::exit_code(self.stop))
    }

    /// Runs a pass, and keeps for `status` why it did not even begin.
    fn noted_pass(
        &self,
        options: &PassOptions,
        account: &AccountOptions,
        prompt: &dyn Prompt,
    ) -> Result<Summary> {
        let started = jiff::Timestamp::now();
        let end = self.pass(options, account, prompt);
        if let Err(error) = &end
            && !options.dry_run
        {
            pass::note_missed(options, started, error);
        }
        end
    }

    fn pass(
        &self,
        options: &PassOptions,
        account: &AccountOptions,
        prompt: &dyn Prompt,
    ) -> Result<Summary> {
        if options.no_remote && options.verb != Verb::Pull {
            self.log_places();
            return pass::run(
                options,
                &Tools {
                    remote: &Absent,
                    account: "",
                    reporter: self.reporter(options, SECOND),
                    stop: self.stop,
                    requests: &|| 0,
                },
            );
        }
        self.with_tools(options, account, prompt, |tools| {
            let reporter = Arc::clone(&tools.reporter);
            pass::run(
                options,
                &Tools {
                    reporter: match self.due_warning(account) {
                        Some(warning) => Arc::new(Closing {
                            warning,
                            to: reporter,
                        }),
                        None => reporter,
                    },
                    ..*tools
                },
            )
        })
    }

    /// Returns the warning that the trust is about to end. A watch gives it once a day.
    fn due_warning(&self, account: &AccountOptions) -> Option<String> {
        let told = self.warned.get();
        if self.is_brief && told.is_some_and(|at| at.elapsed() < DAY) {
            return None;
        }
        let warning = auth::trust_warning(account);
        if warning.is_some() {
            self.warned.set(Some(Instant::now()));
        }
        warning
    }
}
