//! The command line and the places behind it, settled into the values that the commands take.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    AccountOptions, FilterOptions, LogOptions, PassOptions, Verbosity, WatchOptions,
    layers::{Layers, Source, bad_value, one},
    paths,
    setting::{ENDPOINT, RUST_LOG, Setting},
    value,
};
use crate::{
    auth::secret::Secret,
    cli::{AccountArgs, CommonArgs, FilterArgs, OneWayArgs, PassArgs, SessionArgs, WatchArgs},
    error::{Error, Kind, Result},
    metrics::Address,
    plan::{Delete, Verb},
};

/// A default of the specification (design section 3); so are all numbers below.
const MAX_RATE: u32 = 100;
const TRASH_DAYS: u32 = 30;
const TRANSFERS: usize = 32;
const LISTERS: usize = 8;
/// Enough for the program's own state, and for others on the machine to go on; little enough for a small card.
const MIN_FREE: u64 = 64 << 20;
const REAUTH_ATTEMPTS: u32 = 3;
const INTERVAL: u32 = 300;
const METRICS_HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const METRICS_PORT: u16 = 8787;
const METRICS_PATH: &str = "/metrics";
const KEYRING_SERVICE: &str = "icloud-sync";

impl Layers {
    /// Settles whose Drive it is and how to sign in.
    ///
    /// # Errors
    /// `Usage` for a bad value.
    pub fn account(
        &mut self,
        account: &AccountArgs,
        session: &SessionArgs,
        code: Option<&str>,
    ) -> Result<AccountOptions> {
        let flag = account
            .account
            .as_deref()
            .map(|text| {
                value::account(text)
                    .map_err(|accepted| bad_value(&Source::Flag("--account"), text, &accepted))
            })
            .transpose()?;
        let attempts = self
            .settle(Setting::AutoReauthAttempts, None, value::attempts)?
            .unwrap_or(Some(REAUTH_ATTEMPTS));
        Ok(AccountOptions {
            username: self.settle(Setting::Account, flag, value::account)?,
            password: self
                .settle(Setting::Password, None, value::text)?
                .map(Secret::new),
            code: self.settle(Setting::Code, code.map(str::to_owned), value::code)?,
            region: self
                .settle(
                    Setting::Region,
                    account.region.map(Into::into),
                    value::region,
                )?
                .unwrap_or_default(),
            endpoint: self.env.text(ENDPOINT)?.map(str::to_owned),
            use_keyring: self
                .settle_bool(Setting::UseKeyring, false, true)?
                .unwrap_or(true),
            keyring_service: self
                .settle(Setting::KeyringService, None, value::keyring_service)?
                .unwrap_or_else(|| KEYRING_SERVICE.into()),
            relogin: self
                .settle_bool(Setting::Relogin, session.relogin, true)?
                .unwrap_or(false),
            auto_reauth: self
                .settle_bool(Setting::AutoReauth, session.no_auto_reauth, false)?
                .unwrap_or(true),
            auto_reauth_attempts: attempts,
            state_dir: self.env.state_dir()?,
            max_rate: self
                .settle(Setting::MaxRate, session.max_rate, value::max_rate)?
                .unwrap_or(MAX_RATE),
        })
    }

    /// Settles a pull or a push, and whose Drive it works on.
    ///
    /// # Errors
    /// `Usage` for a bad value, or a pair that is not there.
    pub fn one_way(
        &mut self,
        verb: Verb,
        args: &OneWayArgs,
        verbosity: Verbosity,
    ) -> Result<(PassOptions, AccountOptions)> {
        let (mut pass, account) = self.pass(verb, &args.pass, verbosity)?;
        let since = self
            .settle_bool(Setting::Delete, args.delete, true)?
            .unwrap_or(false);
        let extra = self
            .settle_bool(Setting::DeleteExtra, args.delete_extra, true)?
            .unwrap_or(false);
        pass.delete = match (extra, since) {
            (true, _) => Delete::Extra,
            (false, true) => Delete::SinceBaseline,
            (false, false) => Delete::Nothing,
        };
        Ok((pass, account))
    }

    /// Settles a pass, and whose Drive it works on. Of a bisync all is settled then; it always
    /// carries deletions over.
    ///
    /// # Errors
    /// `Usage` for a bad value, or a pair that is not there.
    pub fn pass(
        &mut self,
        verb: Verb,
        args: &PassArgs,
        verbosity: Verbosity,
    ) -> Result<(PassOptions, AccountOptions)> {
        let settled = self.pass_anywhere(verb, args, verbosity)?;
        self.expect_path(Setting::Local, &settled.0.local, paths::no_folder)?;
        Ok(settled)
    }

    /// Settles a pass whose LOCAL may be anything, for who is going to say what it is.
    ///
    /// # Errors
    /// As [`Self::pass`].
    pub fn pass_anywhere(
        &mut self,
        verb: Verb,
        args: &PassArgs,
        verbosity: Verbosity,
    ) -> Result<(PassOptions, AccountOptions)> {
        let (local, remote) = self.roots(args)?;
        let account = self.account(&args.account, &args.session, None)?;
        let filter = self.filter(&args.filter)?;
        let explain = self
            .settle_bool(Setting::VerboseDecisions, args.verbose_decisions, true)?
            .unwrap_or(false);
        let dry_run = self
            .settle_bool(Setting::DryRun, args.dry_run, true)?
            .unwrap_or(false);
        let no_remote = self
            .settle_bool(Setting::NoRemote, args.no_remote, true)?
            .unwrap_or(false);
        let state_file = self.settle_path(Setting::StateFile, None)?;
        if let Some(path) = &state_file {
            // A first pull makes LOCAL, and what is kept in it finds its folder then.
            let is_within = path.starts_with(&local);
            self.expect_path(Setting::StateFile, path, |path| {
                paths::no_state_file(path, is_within)
            })?;
        }
        let pass = PassOptions {
            verb,
            local,
            remote,
            dry_run: dry_run || no_remote,
            no_remote,
            filter,
            delete: match verb {
                Verb::Pull | Verb::Push => Delete::Nothing,
                Verb::Bisync => Delete::SinceBaseline,
            },
            max_delete: self.settle(Setting::MaxDelete, args.max_delete, value::max_delete)?,
            trash_days: self
                .settle(Setting::TrashDays, args.trash_days, value::trash_days)?
                .unwrap_or(TRASH_DAYS),
            force: args.force,
            policy: self
                .settle(
                    Setting::Conflict,
                    args.conflict.map(Into::into),
                    value::policy,
                )?
                .unwrap_or_default(),
            checksum: self
                .settle_bool(Setting::Checksum, args.checksum, true)?
                .unwrap_or(false),
            verify_download: self
                .settle_bool(Setting::VerifyDownload, false, true)?
                .unwrap_or(false),
            transfers: self
                .settle(Setting::Transfers, args.transfers, value::transfers)?
                .unwrap_or(TRANSFERS),
            listers: self
                .settle(Setting::Listers, args.listers, value::listers)?
                .unwrap_or(LISTERS),
            bwlimit: self
                .settle(Setting::Bwlimit, args.bwlimit, value::rate)?
                .and_then(|rate| rate.0),
            max_downloads: self
                .settle(
                    Setting::MaxDownloads,
                    args.max_downloads,
                    value::max_downloads,
                )?
                .filter(|most| *most > 0),
            min_free: self
                .settle(Setting::MinFree, args.min_free, value::size)?
                .unwrap_or(MIN_FREE),
            op_delay: Duration::from_millis(
                self.settle(Setting::OpDelay, args.op_delay, value::op_delay_ms)?
                    .unwrap_or(0),
            ),
            links: self
                .settle(
                    Setting::Links,
                    args.filter.links.map(Into::into),
                    value::links,
                )?
                .unwrap_or_default(),
            shares: self
                .settle(
                    Setting::Shares,
                    args.filter.shares.map(Into::into),
                    value::shares,
                )?
                .unwrap_or_default(),
            state_file,
            state_dir: account.state_dir.clone(),
            stats_interval: self
                .settle(
                    Setting::StatsInterval,
                    args.stats_interval,
                    value::stats_interval,
                )?
                .unwrap_or(0),
            progress_summary: self
                .settle_bool(Setting::ProgressSummary, args.progress_summary, true)?
                .unwrap_or(false),
            explain: explain || verbosity >= Verbosity::Verbose,
        };
        Ok((pass, account))
    }

    /// Settles how many seconds lie between two passes.
    ///
    /// # Errors
    /// `Usage` for a bad value.
    pub fn interval(&mut self, typed: Option<u32>) -> Result<u32> {
        let settled = self.settle(Setting::Interval, typed, value::interval)?;
        Ok(settled.unwrap_or(INTERVAL))
    }

    /// Settles whether and how often the pass is run again.
    ///
    /// What is typed and has no effect without another option is an error: whoever typed it expects one. In the
    /// environment and in files, which many runs share, it is passed over.
    ///
    /// # Errors
    /// `Usage` for a bad value, or for an option without the one that it needs.
    pub fn watch(&mut self, args: &WatchArgs) -> Result<WatchOptions> {
        let is_on = self.settle_bool(Setting::Watch, args.watch, true)?;
        let is_on = is_on.unwrap_or(false) && !args.once;
        let is_served = self.settle_bool(Setting::MetricsHttp, args.metrics_http, true)?;
        let is_served = is_served.unwrap_or(false);
        args.expect_sensible(is_on, is_served)?;
        if is_served && !is_on {
            log::debug!("MetricsHttp has no effect without --watch");
        }
        let address = Address {
            host: self
                .settle(Setting::MetricsHost, args.metrics_host, value::metrics_host)?
                .unwrap_or(METRICS_HOST),
            port: self
                .settle(Setting::MetricsPort, args.metrics_port, value::metrics_port)?
                .unwrap_or(METRICS_PORT),
            path: self
                .settle(
                    Setting::MetricsPath,
                    args.metrics_path.clone(),
                    value::metrics_path,
                )?
                .unwrap_or_else(|| METRICS_PATH.into()),
            // Another program's token of that name is none of ours.
            token: if is_served && is_on {
                self.settle(Setting::MetricsToken, None, value::token)?
                    .map(Secret::new)
            } else {
                None
            },
        };
        Ok(WatchOptions {
            metrics: is_served.then_some(address),
            is_on,
            interval: self.interval(args.interval)?,
            hook: self.settle(Setting::Hook, args.hook.clone(), value::text)?,
        })
    }

    /// Settles LOCAL and REMOTE, and takes the pair that `@NAME` names.
    fn roots(&mut self, args: &PassArgs) -> Result<(PathBuf, String)> {
        let named = args
            .local
            .as_deref()
            .and_then(Path::to_str)
            .and_then(|text| text.strip_prefix('@'));
        let Some(name) = named else {
            let local = match self.settle_path(Setting::Local, args.local.as_deref())? {
                Some(path) => path,
                None => self.env.home()?.join("iCloud"),
            };
            let remote = self
                .settle(Setting::Remote, args.remote.clone(), value::remote)?
                .unwrap_or_else(|| "/".into());
            return Ok((local, remote));
        };
        if let Some(remote) = &args.remote {
            return Err(Error::new(
                Kind::Usage,
                format!("@{name} stands for LOCAL and REMOTE: {remote:?} can't be given as well"),
            ));
        }
        self.choose_pair(name)?;
        // Typed on the command line in place of both, so the pair's own roots win over the environment.
        let local = match self.of_pair(Setting::Local) {
            Some((words, source)) => self.take_path(Setting::Local, &words, source)?,
            None => {
                return Err(Error::new(
                    Kind::Usage,
                    format!("@{name}: its table [pair.{name}] has no key \"local\""),
                ));
            }
        };
        let remote = match self.of_pair(Setting::Remote) {
            Some((words, source)) => {
                let text = one(&words, &source)?;
                value::remote(text).map_err(|accepted| bad_value(&source, text, &accepted))?
            }
            None => "/".into(),
        };
        Ok((local, remote))
    }

    fn filter(&mut self, args: &FilterArgs) -> Result<FilterOptions> {
        let filter_from = self.settle_path(Setting::FilterFrom, args.filter_from.as_deref())?;
        if let Some(path) = &filter_from {
            self.expect_path(Setting::FilterFrom, path, paths::no_readable_file)?;
        }
        Ok(FilterOptions {
            include: self.settle_patterns(Setting::Include, &args.include)?,
            exclude: self.settle_patterns(Setting::Exclude, &args.exclude)?,
            ignore: self.settle_patterns(Setting::Ignore, &args.ignore)?,
            filter_from,
            no_default_ignores: self
                .settle_bool(Setting::NoDefaultIgnores, args.no_default_ignores, true)?
                .unwrap_or(false),
        })
    }

    /// Returns `RUST_LOG` where it can be read. Where not, there is a warning, and no error: the variable belongs to all
    /// programs in Rust, and what some of them write into it is Greek to others.
    fn directives(&mut self) -> Result<Option<String>> {
        let Some(text) = self.env.text(RUST_LOG)?.map(str::to_owned) else {
            return Ok(None);
        };
        if env_filter::Builder::new().try_parse(&text).is_ok() {
            return Ok(Some(text));
        }
        self.warn(format!(
            "environment {RUST_LOG}: bad value {text:?}, not used: a level such as debug, or several of the form \
             icloud_sync::pass=debug with commas between, is expected"
        ));
        Ok(None)
    }

    /// Settles what is logged, and where; `decisions` is `--verbose-decisions`.
    ///
    /// # Errors
    /// `Usage` for a bad value.
    pub fn log(&mut self, common: &CommonArgs, decisions: bool) -> Result<LogOptions> {
        let verbosity = Verbosity::new(common);
        let level = self.settle(Setting::LogLevel, None, value::level)?;
        let usual = level.unwrap_or(log::LevelFilter::Warn);
        let level = match verbosity {
            Verbosity::Quiet => log::LevelFilter::Error,
            Verbosity::Normal => usual,
            Verbosity::Verbose => log::LevelFilter::Info,
            Verbosity::Debug => log::LevelFilter::Debug,
            Verbosity::Trace => log::LevelFilter::Trace,
        };
        Ok(LogOptions {
            directives: self.directives()?,
            level,
            file_level: level.max(usual),
            is_json: self
                .settle_bool(Setting::LogJson, false, true)?
                .unwrap_or(false),
            file: self.settle_path(Setting::LogFile, None)?,
            decisions: self
                .settle_bool(Setting::VerboseDecisions, decisions, true)?
                .unwrap_or(false),
        })
    }
}

#[cfg(test)]
mod tests;
