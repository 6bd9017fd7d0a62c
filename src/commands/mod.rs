//! One function a verb: reads its options, calls who does the work, reports.

pub mod check;
pub mod completions;
#[cfg(feature = "emulator")]
pub mod demo;
pub mod doctor;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod explain;
pub mod login;
pub mod logout;
pub mod ls;
pub mod man;
mod pairs;
mod passes;
mod prompt;
pub mod service;
pub mod status;
pub mod trash;
pub mod undo;

use std::{
    cell::Cell,
    io::{self, IsTerminal as _},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;

use crate::{
    auth::{
        self,
        prompt::{Prompt, Via},
    },
    cli::{
        AccountArgs, CheckArgs, Cli, Command, DoctorArgs, ExplainArgs, LoginArgs, LogoutArgs,
        LsArgs, OneWayArgs, PassArgs, ServiceCommand, SessionArgs, StatusArgs, TrashCommand,
        UndoArgs,
    },
    cloud::{drive::Drive, endpoint::Endpoint},
    doctor::{Finding, Subject, Veil, examine, exit_code, probe},
    error::{Error, Kind, Result},
    metrics::{self, Counting, Metrics},
    options::{AccountOptions, Env, Layers, PassOptions, Setting, Verbosity},
    pass::{self, Tools},
    plan::Verb,
    report::{self, Console, Progress, Reporter, Style},
    signals,
    state::last,
    stop::Stop,
};

/// Returns whether a command answers in JSON.
pub fn is_json(command: &Command) -> bool {
    match command {
        Command::Status(args) => args.json,
        Command::Ls(args) => args.json,
        Command::Pull(args) | Command::Push(args) => args.pass.json,
        Command::Bisync(args) => args.pass.json,
        Command::Check(args) => args.json,
        Command::Undo(args) => args.json,
        Command::Explain(args) => args.json,
        Command::Doctor(args) => args.json,
        Command::Trash(args) => match &args.command {
            TrashCommand::List(args) => args.json,
            TrashCommand::Restore(args) => args.json,
        },
        #[cfg(feature = "emulator")]
        Command::Emulator(args) => args.json,
        #[cfg(feature = "emulator")]
        Command::Demo => false,
        Command::Login(_)
        | Command::Logout(_)
        | Command::Service(_)
        | Command::Completions(_)
        | Command::Man(_) => false,
    }
}

/// Returns what is given to a pass, if the command is one.
fn pass_args(command: &Command) -> Option<&PassArgs> {
    match command {
        Command::Pull(args) | Command::Push(args) => Some(&args.pass),
        Command::Bisync(args) => Some(&args.pass),
        Command::Login(_)
        | Command::Logout(_)
        | Command::Status(_)
        | Command::Ls(_)
        | Command::Check(_)
        | Command::Trash(_)
        | Command::Undo(_)
        | Command::Explain(_)
        | Command::Doctor(_)
        | Command::Service(_)
        | Command::Completions(_)
        | Command::Man(_) => None,
        #[cfg(feature = "emulator")]
        Command::Demo | Command::Emulator(_) => None,
    }
}

/// Carries out a command, and returns the exit code.
///
/// # Errors
/// What ends the command before its work is done; the error's kind gives the exit code.
pub fn run(cli: &Cli, env: &Env, console: &Arc<Console>, stop: &Stop) -> Result<u8> {
    // These two need no settings, and work where those are broken.
    if let Command::Completions(args) = &cli.command {
        console.print(&completions::text(args.shell)?);
        return Ok(0);
    }
    if let Command::Man(args) = &cli.command {
        console.print(&man::text(args.page.as_deref())?);
        return Ok(0);
    }
    let verbosity = Verbosity::new(&cli.common);
    let mut layers = Layers::load(env, cli.common.env_file.as_deref())?;
    let decisions = pass_args(&cli.command).is_some_and(|args| args.verbose_decisions);
    let log = layers.log(&cli.common, decisions)?;
    report::log::start(&log, console, verbosity, is_json(&cli.command))
        .map_err(|error| layers.blame(&[Setting::LogFile], error))?;
    for warning in layers.warnings() {
        log::warn!("{warning}");
    }
    signals::install(stop)?;
    let mut seat = Seat {
        layers,
        verbosity,
        is_json: is_json(&cli.command),
        is_brief: false,
        metrics: None,
        warned: Cell::default(),
        console,
        stop,
    };
    match &cli.command {
        Command::Login(args) => seat.login(args),
        Command::Logout(args) => seat.logout(args),
        Command::Status(args) => seat.status(args, env),
        Command::Ls(args) => seat.ls(args),
        Command::Pull(args) => {
            let (pass, account) = seat.layers.one_way(Verb::Pull, args, verbosity)?;
            let watch = seat.layers.watch(&args.pass.watch)?;
            seat.passes(&pass, &account, &watch, env)
        }
        Command::Push(args) => {
            let (pass, account) = seat.layers.one_way(Verb::Push, args, verbosity)?;
            let watch = seat.layers.watch(&args.pass.watch)?;
            seat.passes(&pass, &account, &watch, env)
        }
        Command::Bisync(args) => {
            let (pass, account) = seat.layers.pass(Verb::Bisync, &args.pass, verbosity)?;
            let watch = seat.layers.watch(&args.pass.watch)?;
            seat.passes(&pass, &account, &watch, env)
        }
        Command::Check(args) => seat.check(args),
        Command::Trash(args) => seat.trash(&args.command),
        Command::Undo(args) => seat.undo(args),
        Command::Explain(args) => seat.explain(args),
        Command::Doctor(args) => seat.doctor(args, env),
        Command::Service(args) => seat.service(&args.command, env),
        #[cfg(feature = "emulator")]
        Command::Demo => demo::run(env, console, stop),
        #[cfg(feature = "emulator")]
        Command::Emulator(args) => {
            emulator::run(args, stop, &mut console.out())?;
            Ok(0)
        }
        Command::Completions(_) | Command::Man(_) => Ok(0), // done above
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// What a command that asks iCloud has at hand.
struct Seat<'a> {
    layers: Layers,
    verbosity: Verbosity,
    is_json: bool,
    /// A pass tells its end in one line.
    is_brief: bool,
    /// Where actions are counted, if anybody asks for numbers.
    metrics: Option<Metrics>,
    /// When a watch last warned that the trust is about to end.
    warned: Cell<Option<Instant>>,
    console: &'a Arc<Console>,
    stop: &'a Stop,
}

impl Seat<'_> {
    fn login(&mut self, args: &LoginArgs) -> Result<u8> {
        let session = SessionArgs {
            relogin: args.relogin,
            ..SessionArgs::default()
        };
        let account = self.account(&args.account, &session, args.code.as_deref())?;
        let via = match (args.sms, args.voice) {
            (true, _) => Via::Sms,
            (false, true) => Via::Voice,
            (false, false) => Via::Push,
        };
        login::run(
            &account,
            via,
            &prompt::terminal(self.console),
            self.stop,
            &mut self.console.out(),
        )?;
        Ok(0)
    }

    fn logout(&mut self, args: &LogoutArgs) -> Result<u8> {
        let account = self.account(&args.account, &SessionArgs::default(), None)?;
        let out = &mut self.console.out();
        logout::run(&account, args.forget_password, self.stop, out)?;
        Ok(0)
    }

    fn status(&mut self, args: &StatusArgs, env: &Env) -> Result<u8> {
        if args.config {
            let mut all = self.layers.effective(args.pair.as_deref(), &args.account)?;
            let account = self.account(&args.account, &SessionArgs::default(), None)?;
            Endpoint::new(account.endpoint.as_deref(), account.region)?;
            if let (None, Some(known)) = (&account.username, auth::known_account(&account)) {
                status::fill_account(&mut all, known);
            }
            if args.json {
                status::config_json(&all, &mut self.console.out())?;
            } else {
                let file = env.config_dir().ok().map(|dir| dir.join("config.toml"));
                let file = (file.as_deref(), self.layers.config_file().is_some());
                let places = status::places(file, self.layers.env_file());
                let veil = Veil::new(env.home().ok().as_deref(), None);
                status::config(&places, &all, &veil, &mut self.console.out())?;
            }
            return Ok(0);
        }
        let account = self.account(&args.account, &SessionArgs::default(), None)?;
        let health = auth::health(&account);
        let pairs: Vec<status::Pair> = last::all(&account.state_dir)?
            .iter()
            .map(|known| {
                let totals = metrics::load(&known.folder).map(|numbers| numbers.with(health));
                status::Pair::of(known, totals.as_ref())
            })
            .collect();
        status::run(&account, args.json, &pairs, &mut self.console.out())?;
        Ok(0)
    }

    fn ls(&mut self, args: &LsArgs) -> Result<u8> {
        let account = self.account(&args.account, &args.session, None)?;
        let api = auth::open(&account, &prompt::terminal(self.console), self.stop)?;
        let options = ls::Options {
            remote: args.remote.as_deref().unwrap_or("/"),
            is_recursive: args.recursive,
            is_long: args.long,
            is_json: args.json,
            on_terminal: io::stdout().is_terminal(),
            zone: TimeZone::system(),
        };
        let listed = ls::run(
            &Drive::new(Arc::clone(&api)),
            &options,
            self.stop,
            &mut self.console.out(),
        );
        // The session's news is kept, however the listing went.
        let kept = api.keep_session();
        listed.and(kept)?;
        Ok(0)
    }

    fn check(&mut self, args: &CheckArgs) -> Result<u8> {
        let (options, account) = self
            .layers
            .pass(Verb::Bisync, &args.as_pass(), self.verbosity)?;
        let options = PassOptions {
            dry_run: true,
            ..options
        };
        let terminal = prompt::terminal(self.console);
        let compared = self.with_tools(&options, &account, &terminal, |tools| {
            pass::check(&options, tools)
        })?;
        check::show(
            self.console,
            &options,
            &compared,
            self.is_json,
            self.verbosity,
        );
        Ok(compared.exit_code())
    }

    fn undo(&mut self, args: &UndoArgs) -> Result<u8> {
        let (options, account) = self
            .layers
            .pass(Verb::Bisync, &args.as_pass(), self.verbosity)?;
        if args.list {
            let past = pass::past(&options)?;
            undo::list(self.console, &past, self.is_json, self.verbosity);
            if let Some(hint) = past.is_empty().then(|| pairs::undo_elsewhere(&options))
                && let Some(hint) = hint.filter(|_| self.verbosity > Verbosity::Quiet)
            {
                self.console.tell(&format!("hint: {hint}\n"));
            }
            return Ok(0);
        }
        if pass::past(&options)?.is_empty()
            && let Some(hint) = pairs::undo_elsewhere(&options)
        {
            let text = "there is no pass to take back of this LOCAL and REMOTE";
            return Err(Error::new(Kind::Usage, text).with_hint(hint));
        }
        let wanted = args.pass.as_deref();
        let terminal = prompt::terminal(self.console);
        let undone = self.with_tools(&options, &account, &terminal, |tools| {
            pass::take_back(&options, wanted, tools)
        })?;
        undo::show(
            self.console,
            &options,
            &undone,
            self.is_json,
            self.verbosity,
        );
        if let Some(fatal) = undone.fatal.as_ref().filter(|_| !self.is_json) {
            report::tell_error(self.console, fatal, false, undone.exit_code());
        }
        Ok(undone.exit_code())
    }

    fn trash(&mut self, command: &TrashCommand) -> Result<u8> {
        let (account, session) = match command {
            TrashCommand::List(args) => (&args.account, &args.session),
            TrashCommand::Restore(args) => (&args.account, &args.session),
        };
        let account = self.account(account, session, None)?;
        let api = auth::open(&account, &prompt::terminal(self.console), self.stop)?;
        let drive = Drive::new(Arc::clone(&api));
        let done = match command {
            TrashCommand::List(args) => {
                let options = trash::Options {
                    is_long: args.long,
                    is_json: args.json,
                    on_terminal: io::stdout().is_terminal(),
                    zone: TimeZone::system(),
                };
                trash::list(&drive, &options, &mut self.console.out()).map(|()| 0)
            }
            TrashCommand::Restore(args) => {
                trash::restore(&drive, &args.paths, args.json, self.console)
            }
        };
        // The session's news is kept, however it went.
        let kept = api.keep_session();
        let exit_code = done?;
        kept?;
        Ok(exit_code)
    }

    fn explain(&mut self, args: &ExplainArgs) -> Result<u8> {
        let verb = args.verb.unwrap_or_default().into();
        let pass = args.as_pass();
        let (options, account) = match verb {
            Verb::Bisync => self.layers.pass(verb, &pass, self.verbosity)?,
            Verb::Pull | Verb::Push => {
                // Deletions as the config file has them.
                let args = OneWayArgs {
                    pass,
                    ..OneWayArgs::default()
                };
                self.layers.one_way(verb, &args, self.verbosity)?
            }
        };
        let options = PassOptions {
            dry_run: true,
            ..options
        };
        let path = explain::path(&args.path, &options.local).map_err(|error| {
            match pairs::explain_elsewhere(&args.path, &options) {
                Some(hint) if error.hint().is_none() => error.with_hint(hint),
                Some(_) | None => error,
            }
        })?;
        let terminal = prompt::terminal(self.console);
        let found = self.with_tools(&options, &account, &terminal, |tools| {
            pass::explain(&options, &path, tools)
        })?;
        explain::show(self.console, &options, &found, self.is_json)?;
        Ok(0)
    }

    fn doctor(&mut self, args: &DoctorArgs, env: &Env) -> Result<u8> {
        let (options, account) =
            self.layers
                .pass_anywhere(Verb::Bisync, &args.as_pass(), self.verbosity)?;
        self.log_places();
        let veil = Veil::new(
            env.home().ok().as_deref(),
            auth::known_account(&account).as_deref(),
        );
        let subject = Subject {
            env,
            local: options.local,
            account: &account,
            stop: self.stop,
        };
        doctor::begin(self.console, self.is_json);
        let mut tell = |finding: &Finding| doctor::show(self.console, &veil, finding, self.is_json);
        let mut found = examine(&subject, &mut tell)?;
        if args.probe {
            found.extend(match probe::hindrance(&found, options.dry_run) {
                None => probe::run(&subject, &mut tell)?,
                Some(finding) => {
                    tell(&finding);
                    vec![finding]
                }
            });
        }
        let exit_code = exit_code(&found);
        doctor::end(self.console, &found, exit_code, self.is_json);
        Ok(exit_code)
    }

    fn service(&mut self, command: &ServiceCommand, env: &Env) -> Result<u8> {
        let pair = match command {
            ServiceCommand::Print(args) | ServiceCommand::Install(args) => &args.pair,
            ServiceCommand::Remove(args) => args,
        };
        let (options, _) = self
            .layers
            .pass(Verb::Bisync, &pair.as_pass(), self.verbosity)?;
        let local = service::whole(&options.local)?;
        let named =
            (pair.local.as_deref().and_then(Path::to_str)).and_then(|text| text.strip_prefix('@'));
        let name = service::name_of(&match (&pair.name, named, local.file_name()) {
            (Some(name), _, _) => name.clone(),
            (None, Some(name), _) => name.to_owned(),
            (None, None, name) => name.unwrap_or_default().to_string_lossy().into_owned(),
        });
        // Where systemd looks for what a user wrote, beside this program's own folder.
        let folder = env.config_dir()?.with_file_name("systemd").join("user");
        let (args, is_install) = match command {
            ServiceCommand::Remove(_) => {
                service::remove(&name, &folder, self.console)?;
                return Ok(0);
            }
            ServiceCommand::Print(args) => (args, false),
            ServiceCommand::Install(args) => (args, true),
        };
        let interval = self.layers.interval(args.interval)?;
        let mut more = service::at_home_anywhere(&args.more)?;
        let names_file = |word: &String| word.starts_with("--env-file");
        if let Some(path) = self
            .layers
            .env_file()
            .filter(|_| !more.iter().any(names_file))
        {
            let path = service::whole(path)?.to_string_lossy().into_owned();
            more.splice(0..0, ["--env-file".to_owned(), path]);
        }
        let verb = args.verb.unwrap_or_default().into();
        let mut unit = service::Unit {
            name,
            program: std::env::current_exe()
                .map_err(|error| Error::io("cannot find this program's own file", error))?,
            verb,
            pair: match named {
                Some(name) => vec![format!("@{name}")],
                None => vec![local.to_string_lossy().into_owned(), options.remote.clone()],
            },
            more,
            local,
            writes: vec![options.state_dir.clone()],
            env: service::ENVIRONMENT
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), env.text(name).ok()??.to_owned())))
                .collect(),
            interval,
            is_watch: args.watch,
        };
        service::expect_sensible(&unit, &mut self.layers)?;
        let writes = service::more_writes(&unit, env)?;
        unit.writes.extend(writes);
        for name in self.layers.from_environment() {
            self.console.tell(&format!(
                "note: {name} is set in your environment, where the service does not see it; write it into the config file\n"
            ));
        }
        if is_install {
            service::install(&unit, &folder, self.console)?;
        } else {
            for (name, text) in unit.files() {
                let path = folder.join(name);
                self.console
                    .print(&format!("# {}\n{text}\n", path.display()));
            }
        }
        Ok(0)
    }

    /// Signs in, does what a pass or its like does, and keeps the session's news, however that went.
    fn with_tools<T>(
        &self,
        options: &PassOptions,
        account: &AccountOptions,
        prompt: &dyn Prompt,
        work: impl FnOnce(&Tools<'_>) -> Result<T>,
    ) -> Result<T> {
        if options.no_remote {
            let text = "this can't be done without asking iCloud, and --no-remote or NO_REMOTE forbids that";
            return Err(Error::new(Kind::Usage, text).with_hint(
                "push and bisync can tell what they would do; set NO_REMOTE=0 for the rest",
            ));
        }
        self.log_places();
        let api = auth::open(account, prompt, self.stop)?;
        api.begin_pass();
        let endpoint = Endpoint::new(account.endpoint.as_deref(), account.region)?;
        let owner = pass::owner(&api.dsid(), &endpoint);
        let drive = Drive::new(Arc::clone(&api));
        let done = work(&Tools {
            remote: &drive,
            account: &owner,
            reporter: self.reporter(options, auth::second(account).unwrap_or(SECOND)),
            stop: self.stop,
            requests: &|| api.requests(),
        });
        let kept = api.keep_session();
        let done = done?;
        kept?;
        Ok(done)
    }

    /// Returns who is told of a pass; `second` is what counts as one.
    fn reporter(&self, options: &PassOptions, second: Duration) -> Arc<dyn Reporter> {
        let style = Style {
            is_json: self.is_json,
            is_brief: self.is_brief,
            verbosity: self.verbosity,
            explain: options.explain,
        };
        let to = report::choose(self.console, style);
        let interval = second * options.stats_interval;
        let to: Arc<dyn Reporter> = if !interval.is_zero() || options.progress_summary {
            let interval = Some(interval).filter(|interval| !interval.is_zero());
            Arc::new(Progress::new(to, interval, options.progress_summary))
        } else {
            to
        };
        match &self.metrics {
            Some(metrics) => Arc::new(Counting {
                metrics: metrics.clone(),
                to,
            }),
            None => to,
        }
    }

    fn account(
        &mut self,
        account: &AccountArgs,
        session: &SessionArgs,
        code: Option<&str>,
    ) -> Result<AccountOptions> {
        let account = self.layers.account(account, session, code)?;
        self.log_places();
        Ok(account)
    }

    /// Tells where each setting came from, at `-vv`.
    fn log_places(&self) {
        for place in self.layers.provenance() {
            log::debug!("{place}");
        }
    }
}
