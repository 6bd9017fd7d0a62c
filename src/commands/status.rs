//! `status`: who is signed in, since when, and how long it should last. It makes no request.
//!
//! Comes in: the saved session and, from the caller, what is known of each pair. Goes out: text, or one
//! JSON object. No cookie, token or password is in either.

use std::{io::Write, path::Path};

use cookie_store::CookieExpiration;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    auth::{attempts::Attempts, gate::Gate, prompt::Nobody, trust},
    commands::login::say,
    doctor::Veil,
    error::{Error, Kind, Result},
    metrics::Numbers,
    options::{AccountOptions, Effective},
    report::{sanitize::for_terminal, words},
    state::last::{Known, LastPass},
    stop::Stop,
};

/// The cookie that the session stands and falls with.
const TOKEN_COOKIE: &str = "X-APPLE-WEBAUTH-TOKEN";

/// So many problems of a pass are named to people.
const FEW_PROBLEMS: usize = 3;

/// One pair, as its own module describes it.
#[derive(Debug, Clone)]
pub struct Pair {
    /// For people; may be of several lines.
    pub text: String,
    /// For programs.
    pub json: Value,
}

impl Pair {
    /// Describes a pair by its last pass, and by what all of them came to.
    pub fn of(known: &Known, totals: Option<&Numbers>) -> Self {
        let (local, remote) = known.pair();
        let mut text = format!(
            "Pair:       {} and {} of iCloud Drive",
            for_terminal(local),
            for_terminal(remote)
        );
        let mut line = |what: &str| words::push(&mut text, format_args!("\n            {what}"));
        if let Some(missed) = &known.missed {
            line(&format!(
                "the {} of {} did not begin, exit code {}: {}",
                missed.verb,
                moment(&missed.ended_at),
                missed.exit_code,
                for_terminal(&missed.reason)
            ));
            if let Some(hint) = &missed.hint {
                line(&format!("hint: {}", for_terminal(hint)));
            }
        }
        match &known.last {
            None => line("no pass has begun yet"),
            Some(last) => {
                let when = moment(&last.ended_at);
                line(&format!(
                    "last {}: {when}, exit code {}, {} items in step",
                    last.verb, last.exit_code, last.baseline_items,
                ));
                for problem in problems(last) {
                    line(&problem);
                }
            }
        }
        if let Some(numbers) = totals {
            line(&sum(numbers));
        }
        let mut json = json!({
            "local": local,
            "remote": remote,
            "metrics": totals,
            "missed": known.missed.as_ref().map(|missed| json!({
                "verb": missed.verb,
                "ended_at": missed.ended_at,
                "exit_code": missed.exit_code,
                "reason": missed.reason,
                "hint": missed.hint,
            })),
        });
        let last = known.last.as_ref();
        json["verb"] = json!(last.map(|last| &last.verb));
        json["ended_at"] = json!(last.map(|last| &last.ended_at));
        json["exit_code"] = json!(last.map(|last| last.exit_code));
        json["message"] = json!(last.and_then(|last| last.message.as_ref()));
        json["problems"] = json!(last.map(|last| &last.problems));
        json["problem_count"] = json!(last.map(|last| last.problem_count));
        json["done"] = json!(last.map(|last| last.done));
        json["baseline_items"] = json!(last.map(|last| last.baseline_items));
        Self { text, json }
    }
}

/// Returns a time of a record for people.
fn moment(text: &str) -> String {
    text.parse::<Timestamp>()
        .map_or_else(|_| text.to_owned(), shown)
}

/// Says what a pass left: the first few problems, how many more there are, and where all are; or the error that ended it.
fn problems(last: &LastPass) -> Vec<String> {
    let named = last.problems.iter().take(FEW_PROBLEMS);
    let mut lines: Vec<String> = named
        .map(|problem| for_terminal(problem).into_owned())
        .collect();
    if lines.is_empty() {
        return (last.message.iter())
            .map(|message| for_terminal(message).into_owned())
            .collect();
    }
    let all = last.problem_count.max(last.problems.len());
    if let Some(more @ 1..) = all.checked_sub(lines.len()) {
        let kept = last.problems.len();
        let which = if kept < all {
            format!("the first {}", words::grouped(kept))
        } else {
            "all of them".to_owned()
        };
        lines.push(format!(
            "and {}; `icloud-sync status --json` names {which}",
            words::count(more, "more problem")
        ));
    }
    lines
}

/// Says what all passes of a pair came to.
fn sum(numbers: &Numbers) -> String {
    let all: u64 = numbers.passes.values().sum();
    let fine: u64 = (numbers.passes.iter())
        .filter(|(exit_code, _)| matches!(exit_code, 0 | 3))
        .map(|(_, count)| count)
        .sum();
    let since = numbers.since.and_then(|at| Timestamp::from_second(at).ok());
    let since = since.map_or_else(String::new, |at| format!(" since {}", shown_day(at)));
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let finished = match (all, fine) {
        (1, 1) => "finished".to_owned(),
        (1, _) => "not finished".to_owned(),
        _ => format!("{} of them finished", words::grouped(count(fine))),
    };
    format!(
        "{}{since}, {finished}; {} received, {} sent",
        match all {
            1 => "1 pass".to_owned(),
            _ => format!("{} passes", words::grouped(count(all))),
        },
        words::size(numbers.bytes_received),
        words::size(numbers.bytes_sent)
    )
}

/// What is known of an account without asking the service.
struct Status {
    account: String,
    endpoint: String,
    signed_in: Option<Timestamp>,
    trusted: Option<Timestamp>,
    cookies_until: Option<Timestamp>,
    /// Since when and why a person is needed.
    waiting: Option<(Timestamp, String)>,
    has_password: bool,
    /// It can be renewed without a person, as far as is known.
    is_renewable: bool,
}

/// Shows the account and its pairs.
///
/// # Errors
/// `SignIn`, after all is shown, where nobody is signed in or a person is needed; `Usage`; `Local`.
pub fn run(
    options: &AccountOptions,
    json: bool,
    pairs: &[Pair],
    out: &mut dyn Write,
) -> Result<()> {
    let found = match Gate::find(options, &Nobody, &Stop::new()) {
        Ok(gate) => Some(Status::read(&gate)?),
        Err(error) if error.kind() == Kind::SignIn => None,
        Err(error) => return Err(error),
    };
    let now = Timestamp::now();
    if json {
        say(out, &as_json(found.as_ref(), now, pairs).to_string())?;
    } else {
        for line in as_lines(found.as_ref(), now) {
            say(out, &line)?;
        }
        for pair in pairs {
            say(out, &pair.text)?;
        }
    }
    match found {
        Some(status) if status.signed_in.is_some() && status.waiting.is_none() => Ok(()),
        Some(Status {
            waiting: Some((_, why)),
            ..
        }) => Err(not_signed_in(&why)),
        _ => Err(not_signed_in("not signed in")),
    }
}

/// No line is longer for the program's own sake; a value that would make it so gets a line of its own.
const COLUMNS: usize = 100;

/// Says whose Drive it is where no setting does.
pub fn fill_account(all: &mut [Effective], known: String) {
    if let Some(row) = all.iter_mut().find(|row| row.key == Some("account")) {
        row.value = known;
        row.source = "the saved session".into();
        row.place = "session".into();
    }
}

/// Says which files are read: the config file, and whether it is there, and the `.env` file.
pub fn places(config: (Option<&Path>, bool), env_file: Option<&Path>) -> [String; 2] {
    let config = match config {
        (Some(path), true) => path.display().to_string(),
        (Some(path), false) => format!("{} (not there)", path.display()),
        (None, _) => "none".to_owned(),
    };
    let env_file = env_file.map_or_else(|| "none".to_owned(), |path| path.display().to_string());
    [
        format!("Config file:  {config}"),
        format!(".env file:    {env_file}"),
    ]
}

/// Shows all settings as JSON.
///
/// # Errors
/// Where nothing can be written.
pub fn config_json(all: &[Effective], out: &mut dyn Write) -> Result<()> {
    for one in all {
        let line = json!({
            "setting": one.name,
            "key": one.key,
            "environment": one.env,
            "value": one.value,
            "source": one.source,
        });
        say(out, &line.to_string())?;
    }
    Ok(())
}

/// Shows all settings to people, below what is said of files; `veil` writes the home folder as `~`.
///
/// # Errors
/// Where nothing can be written.
pub fn config(
    places: &[String],
    all: &[Effective],
    veil: &Veil,
    out: &mut dyn Write,
) -> Result<()> {
    for line in places {
        say(out, &veil.over(&for_terminal(line)))?;
    }
    say(
        out,
        "A key is one of the config file; most are options as well, with -- in front.\n",
    )?;
    let head = ["key", "environment", "from", "value"].map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(head)
        .chain(all.iter().map(|one| {
            let value = match one.value.as_str() {
                "" => "-".to_owned(),
                // The folder that is written as ~ elsewhere.
                home if one.env == Some("HOME") => for_terminal(home).into_owned(),
                value => veil.over(&for_terminal(value)),
            };
            let name = |name: Option<&str>| name.unwrap_or_default().to_owned();
            [name(one.key), name(one.env), one.place.clone(), value]
        }))
        .collect();
    let width = |at: usize| {
        let widths = rows.iter().map(|row| row[at].chars().count());
        widths.max().unwrap_or(0)
    };
    let (key_width, env_width, place_width) = (width(0), width(1), width(2));
    for [key, env, place, value] in &rows {
        let line = format!("{key:<key_width$}  {env:<env_width$}  {place:<place_width$}");
        if line.chars().count() + 2 + value.chars().count() <= COLUMNS {
            say(out, &format!("{line}  {value}"))?;
        } else {
            say(out, line.trim_end())?;
            say(out, &format!("    {value}"))?;
        }
    }
    Ok(())
}

fn not_signed_in(why: &str) -> Error {
    Error::new(Kind::SignIn, why).with_hint("run `icloud-sync login`")
}

impl Status {
    fn read(gate: &Gate) -> Result<Self> {
        let saved = gate.load()?;
        let attempts = Attempts::load(&gate.store)?;
        let time = |ms: i64| Timestamp::from_millisecond(ms).ok();
        let mut status = Self {
            account: gate.account.clone(),
            endpoint: gate.endpoint.key(),
            signed_in: None,
            trusted: None,
            cookies_until: None,
            waiting: attempts
                .waiting
                .and_then(|waiting| Some((time(waiting.since_ms)?, waiting.why))),
            has_password: gate.passwords.get()?.is_some(),
            is_renewable: false,
        };
        if let Some((session, cookies)) = saved.filter(|(session, _)| session.is_signed_in()) {
            status.signed_in = time(session.signed_in_ms);
            status.trusted = session.trusted_ms.and_then(time);
            status.is_renewable = gate.options.auto_reauth
                && gate
                    .options
                    .auto_reauth_attempts
                    .is_some_and(|most| most > 0)
                && (status.has_password || session.tokens.session_token.is_some());
            status.cookies_until = cookies
                .iter()
                .find(|cookie| cookie.name() == TOKEN_COOKIE)
                .and_then(|cookie| match &cookie.expires {
                    CookieExpiration::AtUtc(at) => Timestamp::from_second(at.unix_timestamp()).ok(),
                    CookieExpiration::SessionEnd => None,
                });
        }
        Ok(status)
    }

    /// Until when the trust should last.
    fn trusted_until(&self) -> Option<Timestamp> {
        trust::until(self.trusted?)
    }

    fn warning(&self, now: Timestamp) -> Option<String> {
        trust::warning(self.trusted?, now)
    }
}

fn as_lines(status: Option<&Status>, now: Timestamp) -> Vec<String> {
    let Some(status) = status else {
        return vec!["Not signed in.".to_owned()];
    };
    let mut lines = vec![format!("Account:    {}", status.account)];
    if status.endpoint != "icloud.com" {
        lines.push(format!("Service:    {}", status.endpoint));
    }
    match status.signed_in {
        None => lines.push("Session:    none".to_owned()),
        Some(since) => {
            lines.push(format!("Session:    since {}", shown(since)));
            if let Some(until) = status.cookies_until {
                lines.push(format!(
                    "            {} {}{}",
                    if until <= now {
                        "ended"
                    } else {
                        "should last until"
                    },
                    shown(until),
                    match (status.waiting.is_some(), status.is_renewable) {
                        // What stands in the way is told below.
                        (true, _) => "",
                        (false, true) if until <= now => "; it is renewed when it is next used",
                        (false, true) => "; it is renewed by itself",
                        (false, false) => "; `icloud-sync login` renews it",
                    }
                ));
            }
        }
    }
    match (status.trusted, status.trusted_until()) {
        (Some(since), Some(until)) if until > now => lines.push(format!(
            "Trusted:    since {}; should last until about {} ({})",
            shown(since),
            shown_day(until),
            trust::days(now, until)
        )),
        (Some(since), _) => lines.push(format!(
            "Trusted:    since {}; that is over {} days, and the next sign-in may ask for a code",
            shown(since),
            trust::DAYS
        )),
        (None, _) if status.signed_in.is_some() => {
            lines.push("Trusted:    without a second factor".to_owned());
        }
        (None, _) => {}
    }
    if let Some(warning) = status.warning(now) {
        lines.push(format!("Warning:    {warning}"));
    }
    lines.push(format!(
        "Password:   {}",
        if status.has_password {
            "at hand for unattended sign-in"
        } else {
            "not kept; a session that cannot be renewed needs `icloud-sync login`"
        }
    ));
    if let Some((since, why)) = &status.waiting {
        lines.push(format!(
            "Waiting:    for a person since {}: {why}",
            shown(*since)
        ));
    }
    lines
}

fn as_json(status: Option<&Status>, now: Timestamp, pairs: &[Pair]) -> Value {
    let time = |time: Option<Timestamp>| {
        time.and_then(|time| time.round(jiff::Unit::Second).ok())
            .map(|time| time.to_string())
    };
    let pairs: Vec<&Value> = pairs.iter().map(|pair| &pair.json).collect();
    let Some(status) = status else {
        return json!({"type": "status", "account": null, "signed_in": false, "pairs": pairs});
    };
    json!({
        "type": "status",
        "account": status.account,
        "service": status.endpoint,
        "signed_in": status.signed_in.is_some(),
        "signed_in_since": time(status.signed_in),
        "session_until": time(status.cookies_until),
        "session_ended": status.cookies_until.is_some_and(|until| until <= now),
        "trusted_since": time(status.trusted),
        "trust_expected_until": time(status.trusted_until()),
        "warning": status.warning(now),
        "password_at_hand": status.has_password,
        "needs_person": status.waiting.as_ref().map(|(since, why)| {
            json!({"since": time(Some(*since)), "why": why})
        }),
        "pairs": pairs,
    })
}

fn shown(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M UTC")
        .to_string()
}

fn shown_day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn status() -> Status {
        Status {
            account: "a@example.com".to_owned(),
            endpoint: "icloud.com".to_owned(),
            signed_in: Some(at("2026-09-01T10:00:00Z")),
            trusted: Some(at("2026-09-01T10:00:00Z")),
            cookies_until: Some(at("2026-10-01T10:00:00Z")),
            waiting: None,
            has_password: false,
            is_renewable: true,
        }
    }

    #[test]
    fn it_promises_no_renewal_that_nobody_makes() {
        let line = |status: &Status, now: &str| as_lines(Some(status), at(now))[2].clone();
        let mut status = status();
        assert!(line(&status, "2026-10-02T10:00:00Z").ends_with("when it is next used"));
        status.is_renewable = false;
        assert!(line(&status, "2026-09-21T10:00:00Z").ends_with("`icloud-sync login` renews it"));
        status.is_renewable = true;
        status.waiting = Some((at("2026-09-20T00:00:00Z"), "a code is needed".to_owned()));
        assert!(line(&status, "2026-09-21T10:00:00Z").ends_with("2026-10-01 10:00 UTC"));
    }

    #[test]
    fn it_tells_since_when_and_for_how_long() {
        let text = as_lines(Some(&status()), at("2026-09-21T10:00:00Z")).join("\n");
        assert_eq!(
            text,
            "Account:    a@example.com
Session:    since 2026-09-01 10:00 UTC
            should last until 2026-10-01 10:00 UTC; it is renewed by itself
Trusted:    since 2026-09-01 10:00 UTC; should last until about 2026-10-01 (10 days)
Password:   not kept; a session that cannot be renewed needs `icloud-sync login`"
        );
    }

    #[test]
    fn it_tells_what_has_run_out_and_who_is_waited_for() {
        let mut status = status();
        status.waiting = Some((at("2026-10-02T00:00:00Z"), "a code is needed".to_owned()));
        status.has_password = true;
        let text = as_lines(Some(&status), at("2026-10-05T10:00:00Z")).join("\n");
        assert!(text.contains("ended 2026-10-01 10:00 UTC"), "{text}");
        assert!(text.contains("over 30 days"), "{text}");
        assert!(text.contains("Warning:    the trust of this machine has likely ended"));
        assert!(
            text.contains("for a person since 2026-10-02 00:00 UTC: a code is needed"),
            "{text}"
        );
        assert!(text.contains("at hand"), "{text}");
        assert_eq!(
            as_lines(None, at("2026-10-05T10:00:00Z")),
            ["Not signed in."]
        );
    }

    #[test]
    fn what_passes_came_to_is_said_in_plain_words() {
        let numbers = |passes: &[(u8, u64)]| Numbers {
            since: Some(1_800_000_000),
            passes: passes.iter().copied().collect(),
            bytes_received: 2048,
            ..Numbers::default()
        };
        for (passes, text) in [
            (&[(0, 1)][..], "1 pass since 2027-01-15, finished"),
            (&[(5, 1)], "1 pass since 2027-01-15, not finished"),
            (
                &[(0, 1200), (3, 1), (4, 6)],
                "1,207 passes since 2027-01-15, 1,201 of them finished",
            ),
        ] {
            assert_eq!(
                sum(&numbers(passes)),
                format!("{text}; 2.0 KiB received, 0 B sent")
            );
        }
    }

    #[test]
    fn the_json_is_for_programs() {
        let pair = Pair {
            text: "x".to_owned(),
            json: json!({"local": "/a"}),
        };
        let now = at("2026-09-21T10:00:00Z");
        let value = as_json(Some(&status()), now, std::slice::from_ref(&pair));
        assert_eq!(value["signed_in_since"], "2026-09-01T10:00:00Z");
        assert_eq!(value["trust_expected_until"], "2026-10-01T10:00:00Z");
        assert_eq!(value["pairs"][0]["local"], "/a");
        assert_eq!(value["needs_person"], Value::Null);
        assert_eq!(value["warning"], Value::Null);
        let late = as_json(Some(&status()), at("2026-09-25T10:00:00Z"), &[]);
        assert!(
            late["warning"]
                .as_str()
                .unwrap()
                .contains("2026-10-01 (6 days)")
        );
        assert_eq!(as_json(None, now, &[])["signed_in"], false);
    }
}
