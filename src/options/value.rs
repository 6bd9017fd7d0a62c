//! The forms of values: text in, a value or "what is accepted" out.
//!
//! The same functions read flags, environment, `.env` and config file, so that one spelling is accepted
//! everywhere. An error says only what is accepted; who calls adds where the value came from.

use std::ops::RangeInclusive;

use super::{Links, MaxDelete, Region, Shares};
use crate::{plan::Policy, scan::filter::check_pattern, tree::RelPath};

/// Content bytes a second; `None` is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(pub Option<u64>);

/// Reads 1/0, true/false, yes/no, on/off, y/n, in any case.
///
/// # Errors
/// What is accepted, for people; so for all functions here.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" | "y" => Ok(true),
        "0" | "false" | "no" | "off" | "n" => Ok(false),
        _ => Err("1, 0, true, false, yes, no, on, off, y or n is expected".into()),
    }
}

/// Reads a whole number within bounds.
///
/// # Errors
/// The bounds.
fn whole(text: &str, bounds: RangeInclusive<u64>) -> Result<u64, String> {
    text.trim()
        .parse()
        .ok()
        .filter(|number| bounds.contains(number))
        .ok_or_else(|| {
            format!(
                "a whole number from {} to {} is expected",
                bounds.start(),
                bounds.end()
            )
        })
}

fn small<T: TryFrom<u64>>(text: &str, bounds: RangeInclusive<u32>) -> Result<T, String> {
    let (low, high) = (u64::from(*bounds.start()), u64::from(*bounds.end()));
    let number = whole(text, low..=high)?;
    T::try_from(number).map_err(|_| format!("a whole number up to {high} is expected"))
}

/// Reads `--max-rate`.
///
/// # Errors
/// The bounds.
pub fn max_rate(text: &str) -> Result<u32, String> {
    small(text, 0..=10_000)
}

/// Reads `--trash-days`.
///
/// # Errors
/// The bounds.
pub fn trash_days(text: &str) -> Result<u32, String> {
    small(text, 0..=36_500)
}

/// Reads `--transfers`.
///
/// # Errors
/// The bounds.
pub fn transfers(text: &str) -> Result<usize, String> {
    small(text, 1..=256)
}

/// Reads `--listers`.
///
/// # Errors
/// The bounds.
pub fn listers(text: &str) -> Result<usize, String> {
    small(text, 1..=64)
}

/// Reads `--max-downloads`; 0 is no bound.
///
/// # Errors
/// The bounds.
pub fn max_downloads(text: &str) -> Result<usize, String> {
    small(text, 0..=u32::MAX)
}

/// Reads `--op-delay`, ms, up to an hour.
///
/// # Errors
/// The bounds.
pub fn op_delay_ms(text: &str) -> Result<u64, String> {
    whole(text, 0..=3_600_000)
}

/// Reads `--interval`, seconds.
///
/// # Errors
/// The bounds.
pub fn interval(text: &str) -> Result<u32, String> {
    small(text, 5..=604_800)
}

/// Reads `--stats-interval`, seconds; 0 is never.
///
/// # Errors
/// The bounds.
pub fn stats_interval(text: &str) -> Result<u32, String> {
    small(text, 0..=86_400)
}

/// Reads `--metrics-host`.
///
/// # Errors
/// The form.
pub fn metrics_host(text: &str) -> Result<std::net::IpAddr, String> {
    let text = text.trim();
    let text = if text.eq_ignore_ascii_case("localhost") {
        "127.0.0.1"
    } else {
        text
    };
    text.parse()
        .map_err(|_| "an IP address, such as 127.0.0.1, is expected".into())
}

/// Reads `--metrics-port`.
///
/// # Errors
/// The bounds.
pub fn metrics_port(text: &str) -> Result<u16, String> {
    small(text, 0..=65_535)
}

/// Reads `--metrics-path`.
///
/// # Errors
/// The form.
pub fn metrics_path(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_path = text.starts_with('/')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"?#%".contains(&byte));
    is_path
        .then(|| text.to_owned())
        .ok_or_else(|| "a path that begins with a slash, such as /metrics, is expected".into())
}

/// Reads `AUTO_REAUTH_MAX_ATTEMPTS`; -1 is `None`: no automatic sign-in at all.
///
/// # Errors
/// The bounds.
pub fn attempts(text: &str) -> Result<Option<u32>, String> {
    if text.trim() == "-1" {
        return Ok(None);
    }
    small(text, 0..=1000)
        .map(Some)
        .map_err(|_| "-1 or a whole number from 0 to 1000 is expected".into())
}

/// Reads a code of the second factor; blanks and hyphens in it do not count.
///
/// # Errors
/// The form.
pub fn code(text: &str) -> Result<String, String> {
    let code: String = (text.chars())
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect();
    let is_code = (4..=8).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
    is_code
        .then_some(code)
        .ok_or_else(|| "the six digits of the code are expected".into())
}

/// Reads `N` or `N%`.
///
/// # Errors
/// The forms.
pub fn max_delete(text: &str) -> Result<MaxDelete, String> {
    let text = text.trim();
    let expected = || "a number of files, or 0% to 100%, is expected".to_owned();
    match text.strip_suffix('%') {
        Some(percent) => small(percent, 0..=100)
            .map(MaxDelete::Percent)
            .map_err(|_| expected()),
        None => text.parse().map(MaxDelete::Items).map_err(|_| expected()),
    }
}

/// Reads a number of bytes a second, as [`size`] reads bytes; `/s` may follow. 0 and `off` are no bound.
///
/// # Errors
/// The forms.
pub fn rate(text: &str) -> Result<Rate, String> {
    let text = text.trim().to_ascii_lowercase();
    let bytes = size(text.strip_suffix("/s").unwrap_or(&text))?;
    Ok(Rate(Some(bytes).filter(|bytes| *bytes > 0)))
}

/// Reads a number of bytes: a number, maybe with a fraction, and B, K, M or G (1024 each; `iB` may follow). 0 and `off`
/// are none.
///
/// # Errors
/// The forms.
pub fn size(text: &str) -> Result<u64, String> {
    let expected =
        || "a number with B, K, M or G, such as 500K or 1.5M, or 0, is expected".to_owned();
    let text = text.trim().to_ascii_lowercase();
    if text == "0" || text == "off" {
        return Ok(0);
    }
    let text = text.strip_suffix("ib").unwrap_or(&text);
    let (number, factor) = [
        ("b", 1.0),
        ("k", 1024.0),
        ("m", 1_048_576.0),
        ("g", 1_073_741_824.0),
    ]
    .iter()
    .find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number, *factor)))
    .ok_or_else(expected)?;
    let is_plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let bytes = number
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|_| is_plain)
        .map(|number| number * factor)
        .filter(|bytes| *bytes >= 1.0)
        .ok_or_else(expected)?;
    if bytes > 1e15 {
        return Err("it is too large; at most 931322G is expected".to_owned());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked just above to lie between 1 and 1e15"
    )]
    Ok(bytes as u64)
}

/// Reads a conflict policy; underscores are as good as hyphens.
///
/// # Errors
/// The policies.
pub fn policy(text: &str) -> Result<Policy, String> {
    match text.trim().to_ascii_lowercase().replace('_', "-").as_str() {
        "prefer-newer" => Ok(Policy::PreferNewer),
        "prefer-local" => Ok(Policy::PreferLocal),
        "prefer-remote" => Ok(Policy::PreferRemote),
        "keep-both" => Ok(Policy::KeepBoth),
        _ => Err("prefer-newer, prefer-local, prefer-remote or keep-both is expected".into()),
    }
}

/// Reads what a symbolic link is taken for.
///
/// # Errors
/// The words.
pub fn links(text: &str) -> Result<Links, String> {
    match text.trim() {
        "skip" => Ok(Links::Skip),
        "follow" => Ok(Links::Follow),
        _ => Err("skip or follow is expected".into()),
    }
}

/// Reads what becomes of what others share.
///
/// # Errors
/// The words.
pub fn shares(text: &str) -> Result<Shares, String> {
    match text.trim() {
        "read" => Ok(Shares::Read),
        "write" => Ok(Shares::Write),
        "skip" => Ok(Shares::Skip),
        _ => Err("read, write or skip is expected".into()),
    }
}

/// Reads a region.
///
/// # Errors
/// The words.
pub fn region(text: &str) -> Result<Region, String> {
    match text.trim() {
        "global" => Ok(Region::Global),
        "china" => Ok(Region::China),
        _ => Err("global or china is expected".into()),
    }
}

/// Reads a folder of iCloud Drive: returns `/`, or `/a/b` without a slash at its end. The slash in
/// front may be left out.
///
/// # Errors
/// The form, or the part that can't be a name.
pub fn remote(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("a folder such as /Documents, or / for all, is expected".into());
    }
    if text.bytes().all(|byte| byte == b'/') {
        return Ok("/".into());
    }
    RelPath::parse(text)
        .map(|path| format!("/{path}"))
        .map_err(|error| format!("{error}; a folder such as /Documents is expected"))
}

/// Reads a log level, in the words of this program's log or of Python's.
///
/// # Errors
/// The words.
pub fn level(text: &str) -> Result<log::LevelFilter, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "off" => Ok(log::LevelFilter::Off),
        "error" | "critical" | "fatal" => Ok(log::LevelFilter::Error),
        "warn" | "warning" => Ok(log::LevelFilter::Warn),
        "info" => Ok(log::LevelFilter::Info),
        "debug" => Ok(log::LevelFilter::Debug),
        "trace" => Ok(log::LevelFilter::Trace),
        _ => Err("off, error, warn, info, debug or trace is expected".into()),
    }
}

/// Takes any text.
///
/// # Errors
/// None.
pub fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// Reads an Apple account; it is trimmed and in lower case then, as the service's own pages send it.
///
/// # Errors
/// The form.
pub fn account(text: &str) -> Result<String, String> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Err("an e-mail address is expected".into());
    }
    Ok(text)
}

/// Reads the name that a keyring has the passwords under.
///
/// # Errors
/// The form.
pub fn keyring_service(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("a name, such as icloud-sync, is expected".into());
    }
    Ok(text.to_owned())
}

/// Reads a bearer token: what a header can carry (RFC 6750, but with all visible ASCII).
///
/// # Errors
/// The form.
pub fn token(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("letters, digits and signs of ASCII without blanks are expected".into());
    }
    Ok(text.to_owned())
}

/// Reads a path of the config file: absolute, since nobody knows where the program will be started, or below the home
/// directory.
///
/// # Errors
/// The form.
pub fn path(text: &str) -> Result<String, String> {
    let is_absolute = text == "~" || text.starts_with("~/") || text.starts_with('/');
    is_absolute
        .then(|| text.to_owned())
        .ok_or_else(|| "a path that begins with / or ~/ is expected".into())
}

/// Reads one pattern of `--include` and its like.
///
/// # Errors
/// What is wrong with it, and what may be in one.
pub fn pattern(text: &str) -> Result<String, String> {
    check_pattern(text).map_err(|why| {
        format!("{why}; *, ?, [abc], {{a,b}}, **/ and a backslash before any of them are accepted")
    })?;
    Ok(text.to_owned())
}

/// Splits patterns at commas, but for those inside `{…}` and `[…]` or behind a backslash. White
/// space around a pattern goes, and so do empty patterns.
pub fn patterns(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let (mut braces, mut in_class, mut is_escaped) = (0_usize, false, false);
    for letter in text.chars() {
        let is_separator = letter == ',' && braces == 0 && !in_class && !is_escaped;
        match letter {
            _ if is_escaped => {}
            '[' => in_class = true,
            ']' => in_class = false,
            '{' if !in_class => braces += 1,
            '}' if !in_class => braces = braces.saturating_sub(1),
            _ => {}
        }
        is_escaped = letter == '\\' && !is_escaped;
        if is_separator {
            found.push(String::new());
        } else if let Some(last) = found.last_mut() {
            last.push(letter);
        }
    }
    found
        .iter()
        .map(|pattern| pattern.trim().to_owned())
        .filter(|pattern| !pattern.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_have_the_spellings_that_env_files_hold() {
        for yes in ["1", "true", "YES", "On", " true ", "y"] {
            assert_eq!(boolean(yes), Ok(true), "{yes:?}");
        }
        for no in ["0", "False", "no", "off", "N"] {
            assert_eq!(boolean(no), Ok(false), "{no:?}");
        }
        assert!(boolean("2").unwrap_err().contains("yes, no"));
        assert!(boolean("").is_err());
    }

    #[test]
    fn rates_count_in_1024() {
        assert_eq!(rate("500K"), Ok(Rate(Some(512_000))));
        assert_eq!(rate("1.5M"), Ok(Rate(Some(1_572_864))));
        assert_eq!(rate("2MiB/s"), Ok(Rate(Some(2_097_152))));
        assert_eq!(rate("1g"), Ok(Rate(Some(1 << 30))));
        assert_eq!(rate("0"), Ok(Rate(None)));
        assert_eq!(
            (size("64M"), size("0"), size("off")),
            (Ok(64 << 20), Ok(0), Ok(0))
        );
        assert!(size("1M/s").is_err());
        assert!(size("931322G").is_ok());
        for large in ["931323G", "99999999999999999999999999G"] {
            assert!(size(large).unwrap_err().starts_with("it is too large"));
        }
        for bad in ["", "K", "500", "-1K", "1e3K", "infK", "1.2.3M", "0.1B"] {
            assert!(rate(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_code_is_digits_however_they_are_grouped() {
        assert_eq!(code(" 012-345\n"), Ok("012345".to_owned()));
        for bad in ["", "abc", "12", "12345x", "١٢٣٤٥٦", "123456789"] {
            assert!(code(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_bound_on_deletions_is_a_number_or_a_percentage() {
        assert_eq!(max_delete("10"), Ok(MaxDelete::Items(10)));
        assert_eq!(max_delete("25%"), Ok(MaxDelete::Percent(25)));
        for bad in ["", "%", "101%", "-1", "ten"] {
            assert!(max_delete(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_remote_folder_has_one_spelling() {
        assert_eq!(remote("/"), Ok("/".into()));
        assert_eq!(remote("//"), Ok("/".into()));
        assert_eq!(remote("a//b/"), Ok("/a/b".into()));
        assert_eq!(remote("/Cafe\u{301}"), Ok("/Caf\u{e9}".into()));
        for bad in ["", "/a/../b", "."] {
            assert!(remote(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn policies_take_underscores() {
        assert_eq!(policy("keep_both"), Ok(Policy::KeepBoth));
        assert_eq!(policy("Prefer-Local"), Ok(Policy::PreferLocal));
        assert!(policy("newest").unwrap_err().contains("prefer-newer"));
    }

    #[test]
    fn minus_one_attempts_are_none() {
        assert_eq!(attempts("-1"), Ok(None));
        assert_eq!(attempts("3"), Ok(Some(3)));
        assert!(attempts("-2").unwrap_err().contains("-1 or"));
    }

    #[test]
    fn commas_separate_patterns_but_not_inside_braces() {
        assert_eq!(patterns("*.tmp, *.bak,,"), ["*.tmp", "*.bak"]);
        assert_eq!(patterns("*.{jpg,png},[a,b]x"), ["*.{jpg,png}", "[a,b]x"]);
        assert_eq!(patterns("a\\,b,c"), ["a\\,b", "c"]);
        assert!(patterns(" , ").is_empty());
    }

    #[test]
    fn levels_have_the_words_of_python_too() {
        assert_eq!(level("WARNING"), Ok(log::LevelFilter::Warn));
        assert_eq!(level("CRITICAL"), Ok(log::LevelFilter::Error));
        assert!(level("loud").is_err());
    }
}
