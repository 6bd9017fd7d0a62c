//! One function a verb: reads its options, calls who does the work, reports.

pub mod check;
pub mod completions;
#[cfg(feature = "emulator")]
pub mod demo;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod login;
pub mod logout;
pub mod ls;
pub mod man;
mod prompt;
pub mod status;
pub mod trash;

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
};

use jiff::tz::TimeZone;

use crate::{
    auth::{self, prompt::Via},
    cli::{
        AccountArgs, CheckArgs, Cli, Command, LoginArgs, LogoutArgs, LsArgs, SessionArgs,
        StatusArgs, TrashCommand,
    },
    cloud::{drive::Drive, endpoint::Endpoint},
    error::Result,
    options::{AccountOptions, Env, Layers, PassOptions, Verbosity},
    pass::{self, Tools},
    plan::Verb,
    report::{self, Console},
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
        Command::Trash(args) => match &args.command {
            TrashCommand::List(args) => args.json,
            TrashCommand::Restore(args) => args.json,
        },
        #[cfg(feature = "emulator")]
        Command::Emulator(args) => args.json,
        #[cfg(feature = "emulator")]
        Command::Demo => false,
        Command::Login(_) | Command::Logout(_) | Command::Completions(_) | Command::Man(_) => false,
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
    let log = layers.log(&cli.common)?;
    report::log::start(&log, console, verbosity, is_json(&cli.command))?;
    for warning in layers.warnings() {
        log::warn!("{warning}");
    }
    signals::install(stop)?;
    let mut seat = Seat {
        layers,
        verbosity,
        is_json: is_json(&cli.command),
        console,
        stop,
    };
    match &cli.command {
        Command::Login(args) => seat.login(args),
        Command::Logout(args) => seat.logout(args),
        Command::Status(args) => seat.status(args),
        Command::Ls(args) => seat.ls(args),
        Command::Pull(args) => {
            let (pass, account) = seat.layers.one_way(Verb::Pull, args, verbosity)?;
            seat.pass(&pass, &account)
        }
        Command::Push(args) => {
            let (pass, account) = seat.layers.one_way(Verb::Push, args, verbosity)?;
            seat.pass(&pass, &account)
        }
        Command::Bisync(args) => {
            let (pass, account) = seat.layers.pass(Verb::Bisync, &args.pass, verbosity)?;
            seat.pass(&pass, &account)
        }
        Command::Check(args) => seat.check(args),
        Command::Trash(args) => seat.trash(&args.command),
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

/// What a command that asks iCloud has at hand.
struct Seat<'a> {
    layers: Layers,
    verbosity: Verbosity,
    is_json: bool,
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

    fn status(&mut self, args: &StatusArgs) -> Result<u8> {
        let account = self.account(&args.account, &SessionArgs::default(), None)?;
        let pairs: Vec<status::Pair> = last::all(&account.state_dir)?
            .iter()
            .map(status::Pair::of)
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

    fn pass(&mut self, options: &PassOptions, account: &AccountOptions) -> Result<u8> {
        let summary = self.with_tools(options, account, |tools| pass::run(options, tools))?;
        Ok(summary.exit_code)
    }

    fn check(&mut self, args: &CheckArgs) -> Result<u8> {
        let (options, account) = self
            .layers
            .pass(Verb::Bisync, &args.as_pass(), self.verbosity)?;
        let options = PassOptions {
            dry_run: true,
            ..options
        };
        let compared = self.with_tools(&options, &account, |tools| pass::check(&options, tools))?;
        check::show(
            self.console,
            &options,
            &compared,
            self.is_json,
            self.verbosity,
        );
        Ok(compared.exit_code())
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

    /// Signs in, does what a pass or its like does, and keeps the session's news, however that went.
    fn with_tools<T>(
        &self,
        options: &PassOptions,
        account: &AccountOptions,
        work: impl FnOnce(&Tools<'_>) -> Result<T>,
    ) -> Result<T> {
        self.log_places();
        let api = auth::open(account, &prompt::terminal(self.console), self.stop)?;
        api.begin_pass();
        let endpoint = Endpoint::new(account.endpoint.as_deref(), account.region)?;
        let owner = format!("{} at {}", api.dsid(), endpoint.key());
        let drive = Drive::new(Arc::clone(&api));
        let done = work(&Tools {
            remote: &drive,
            account: &owner,
            reporter: report::choose(self.console, self.is_json, self.verbosity, options.explain),
            stop: self.stop,
            requests: &|| api.requests(),
        });
        let kept = api.keep_session();
        let done = done?;
        kept?;
        Ok(done)
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
