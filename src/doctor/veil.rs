//! What keeps a report from telling who its owner is.
//!
//! Comes in: the account and the home folder. Goes out: texts in which these are shortened beyond
//! recognition. Passwords, cookies and tokens never come near a finding; this is about names.

use std::path::Path;

/// Takes names out of texts.
#[derive(Debug, Clone, Default)]
pub struct Veil {
    home: Option<String>,
    account: Option<String>,
}

impl Veil {
    /// Knows the home folder, if there is one, and the account, if it is known.
    pub fn new(home: Option<&Path>, account: Option<&str>) -> Self {
        Self {
            home: home
                .map(|home| home.to_string_lossy().trim_end_matches('/').to_owned())
                .filter(|home| !home.is_empty()),
            account: account.map(str::to_owned).filter(|it| !it.is_empty()),
        }
    }

    /// Returns the text with the account as `a…@example.com` and the home folder as `~`.
    pub fn over(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if let Some(account) = &self.account {
            text = replace_any_case(&text, account, &short(account));
        }
        if let Some(home) = &self.home {
            text = shorten_home(&text, home);
        }
        text
    }
}

/// Returns an account's address as it may be shown.
fn short(account: &str) -> String {
    let first: String = account.chars().take(1).collect();
    match account.rsplit_once('@') {
        Some((_, domain)) => format!("{first}…@{domain}"),
        None => format!("{first}…"),
    }
}

fn replace_any_case(text: &str, what: &str, by: &str) -> String {
    // Only ASCII changes its case here, so both texts have the same bytes at the same places.
    let (low, what) = (text.to_ascii_lowercase(), what.to_ascii_lowercase());
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in low.match_indices(&what) {
        out.push_str(text.get(from..at).unwrap_or_default());
        out.push_str(by);
        from = at + what.len();
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Replaces the home folder where it is a whole path or the beginning of one: `/home/anna2` is another.
fn shorten_home(text: &str, home: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(home) {
        out.push_str(before);
        let is_name = after
            .chars()
            .next()
            .is_some_and(|next| next.is_alphanumeric() || "-_.".contains(next));
        let goes_on = before
            .chars()
            .next_back()
            .is_some_and(|last| last.is_alphanumeric() || last == '/');
        out.push_str(if is_name || goes_on { home } else { "~" });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_and_nothing_else() {
        let veil = Veil::new(Some(Path::new("/home/anna/")), Some("anna@example.com"));
        for (text, shown) in [
            ("/home/anna/x and \"/home/anna\"", "~/x and \"~\""),
            ("/home/anna2/x", "/home/anna2/x"),
            ("/mnt/home/anna/x", "/mnt/home/anna/x"),
            (
                "Anna@Example.com is signed in",
                "a…@example.com is signed in",
            ),
            ("ä Anna@example.com ö", "ä a…@example.com ö"),
        ] {
            assert_eq!(veil.over(text), shown);
        }
    }

    #[test]
    fn an_account_that_is_a_telephone_number_is_shortened_too() {
        assert_eq!(
            Veil::new(None, Some("+4912345")).over("of +4912345"),
            "of +…"
        );
    }
}
