//! Who wins where both sides changed one file, and what a kept copy is called.

use super::{Policy, Side, change::is_tie};

/// Returns the winner, or `None` where both are to be kept.
pub fn winner(
    policy: Policy,
    local_mtime_ns: i64,
    remote_modified_ms: Option<i64>,
) -> Option<Side> {
    match policy {
        Policy::PreferLocal => Some(Side::Local),
        Policy::PreferRemote => Some(Side::Remote),
        Policy::KeepBoth => None,
        Policy::PreferNewer => {
            let local_ms = local_mtime_ns.div_euclid(1_000_000);
            let remote_ms = remote_modified_ms?;
            if is_tie(Some(local_ms), Some(remote_ms)) {
                None
            } else if local_ms > remote_ms {
                Some(Side::Local)
            } else {
                Some(Side::Remote)
            }
        }
    }
}

/// Returns the name under which the loser of a conflict is kept: `NAME.conflict-YYYYMMDDTHHMMSSZ.EXT`, the
/// time being the loser's own, in UTC; `-2`, `-3`, … follows the time where that is taken.
pub fn kept_name(name: &str, mtime_ms: i64, is_taken: impl Fn(&str) -> bool) -> String {
    // What is longer is no extension but a title with a dot in it, and gives way as a stem does.
    let is_extension = |text: &str| text.len() <= 32;
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && is_extension(extension) => {
            (stem, Some(extension))
        }
        _ => (name, None),
    };
    let stamp = stamp(mtime_ms);
    let mut number = 1;
    loop {
        let count = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let mut tail = format!(".conflict-{stamp}{count}");
        if let Some(extension) = extension {
            tail.push('.');
            tail.push_str(extension);
        }
        // A name of more than 255 bytes fits no file system: the stem gives way.
        let mut kept = String::with_capacity(255);
        for character in stem.chars() {
            if kept.len() + character.len_utf8() + tail.len() > 255 {
                break;
            }
            kept.push(character);
        }
        kept.push_str(&tail);
        if !is_taken(&kept) {
            return kept;
        }
        number += 1;
    }
}

/// Returns whether a name is one that [`kept_name`] gives.
pub fn is_kept_name(name: &str) -> bool {
    let is_stamp = |text: &str| {
        let (stamp, number) = text.split_once('-').unwrap_or((text, "2"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let time = stamp.strip_suffix('Z').and_then(|it| it.split_once('T'));
        time.is_some_and(|(day, time)| {
            day.len() == 8 && time.len() == 6 && is_number(day) && is_number(time)
        }) && is_number(number)
    };
    name.rsplit_once(".conflict-").is_some_and(|(stem, tail)| {
        let stamp = tail.split_once('.').map_or(tail, |(stamp, _)| stamp);
        !stem.is_empty() && is_stamp(stamp)
    })
}

/// Writes a time as `YYYYMMDDTHHMMSSZ`; what no calendar holds is written as 1970's first second.
fn stamp(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_wins_and_a_tie_keeps_both() {
        let newer =
            |local_ms: i64, remote| winner(Policy::PreferNewer, local_ms * 1_000_000, remote);
        assert_eq!(newer(10_000, Some(5_000)), Some(Side::Local));
        assert_eq!(newer(5_000, Some(10_000)), Some(Side::Remote));
        assert_eq!(newer(5_000, Some(6_000)), None);
        assert_eq!(newer(5_000, Some(6_001)), Some(Side::Remote));
        assert_eq!(newer(5_000, None), None);
        assert_eq!(winner(Policy::PreferLocal, 0, None), Some(Side::Local));
        assert_eq!(winner(Policy::PreferRemote, 0, None), Some(Side::Remote));
        assert_eq!(winner(Policy::KeepBoth, 9, Some(0)), None);
    }

    #[test]
    fn a_kept_copy_tells_when_and_keeps_its_extension() {
        let ms = 1_759_152_000_000;
        assert_eq!(
            kept_name("a.txt", ms, |_| false),
            "a.conflict-20250929T132000Z.txt"
        );
        assert_eq!(
            kept_name("README", ms, |_| false),
            "README.conflict-20250929T132000Z"
        );
        assert_eq!(
            kept_name(".bashrc", ms, |_| false),
            ".bashrc.conflict-20250929T132000Z"
        );
        for name in ["a.txt", "README", ".bashrc", "a.b.pages"] {
            assert!(!is_kept_name(name));
            assert!(is_kept_name(&kept_name(name, ms, |_| false)));
            assert!(is_kept_name(&kept_name(name, ms, |it| !it.contains("-12"))));
        }
        assert!(!is_kept_name("a.conflict-mine.pages"));
        let taken = |name: &str| !name.contains("-3");
        assert_eq!(
            kept_name("a.txt", ms, taken),
            "a.conflict-20250929T132000Z-3.txt"
        );
        let long = kept_name(&format!("{}.txt", "é".repeat(125)), ms, |_| false);
        assert!(
            long.len() <= 255 && long.ends_with(".conflict-20250929T132000Z.txt"),
            "{long}"
        );
        let title = format!("Dr. {}", "y".repeat(240));
        let kept = kept_name(&title, ms, |it| !it.contains("-12"));
        assert!(kept.len() <= 255 && is_kept_name(&kept), "{kept}");
        assert!(kept.starts_with("Dr. y"), "{kept}");
    }
}
