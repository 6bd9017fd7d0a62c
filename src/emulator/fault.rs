//! Faults on command: rules that spoil chosen requests, and hooks that run between two of them.
//!
//! A [`Fault`] says which requests it means (endpoint, text, how many to let pass, how often, how likely) and what happens to
//! them. Rules are tried in the order of their making; all that match a request take effect. A hook is a closure of a test
//! in the same process, called with no lock held, so that it may act as another device.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::util::Rng;

/// What happens to a request. Answers are spoilt after the request was carried out, except where said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Answers with this instead of carrying it out.
    Status {
        /// The HTTP status.
        status: u16,
        /// The body; the form of the host if left out.
        #[serde(default)]
        body: Option<String>,
        /// Seconds or a date for `Retry-After`.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// 409 `ZONE_BUSY`, not carried out.
    ZoneBusy,
    /// 502 with an HTML page, not carried out.
    Html502,
    /// Drops the connection, not carried out.
    DropBefore,
    /// Carries it out and drops the connection: the answer is lost.
    DropAfter,
    /// Waits so many milliseconds before carrying it out.
    Delay(u64),
    /// Cuts the JSON in two; the length is right for what is sent.
    TruncateJson,
    /// Sends half of the announced body, then drops the connection.
    HalfBody,
    /// `numberOfItems` says one more than there are.
    WrongCount,
    /// The folders of a listing have no `items`.
    MissingItems,
    /// The folders of a listing lack their last item; `numberOfItems` is as before.
    ShortItems,
    /// The same with a `numberOfItems` that agrees: nothing tells.
    ShortItemsUnnoticed,
    /// The answer's array lacks its last element.
    ShortArray,
    /// The elements of the answer's array come the other way round.
    ReverseArray,
    /// Content URLs point to this host.
    ContentHost(String),
    /// Content URLs begin with `http:` (in direct mode, at the real host's name).
    ContentInsecure,
    /// Tokens of a download lack data and package.
    NoToken,
    /// Flips a byte in the middle of the content.
    Corrupt,
    /// Sends half of the content with a length that agrees.
    ShortContent,
    /// Sends half of the content without a length.
    ShortContentUnsized,
    /// 200 with the whole content, whatever range was asked for.
    IgnoreRange,
    /// 330 with a `Location` that works.
    Redirect330,
    /// A success turns into this inner status code of `update/documents`, without being carried out.
    InnerStatus(i64),
    /// Per-item status of a write, not carried out.
    ItemStatus(String),
    /// The JSON has other values here and there, by this seed; a body that is none, other bytes.
    Wild(u64),
    /// The body is random bytes, by this seed.
    Noise(u64),
    /// The body is arrays in arrays, so many deep.
    Deep(usize),
    /// The body is a folder of so many items of which nothing is told.
    Hollow(usize),
    /// One more header. Known are those that a client looks at, and `warning`.
    Header(String, String),
    /// This status and this `Location`, not carried out.
    Redirect(u16, String),
    /// All addresses begin with this scheme, host and port.
    Elsewhere(String),
    /// So many bytes more than the content has, with a length that agrees.
    LongContent(usize),
    /// The body begins as it should and never ends, as fast as it is read.
    Flood,
    /// The same, 16 bytes at a time, so many milliseconds apart.
    Drip(u64),
}

impl Action {
    /// Whether the request is answered without being carried out.
    pub(super) fn instead(&self) -> bool {
        matches!(
            self,
            Self::Status { .. }
                | Self::ZoneBusy
                | Self::Html502
                | Self::DropBefore
                | Self::Redirect330
                | Self::InnerStatus(_)
                | Self::ItemStatus(_)
                | Self::Redirect(..)
        )
    }
}

/// A rule: which requests, and what happens to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The endpoint label; all endpoints if left out.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// A text that the path or the body must contain.
    #[serde(default)]
    pub contains: Option<String>,
    /// Matching requests to let pass first.
    #[serde(default)]
    pub skip: u32,
    /// Requests to spoil then; all if left out.
    #[serde(default)]
    pub times: Option<u32>,
    /// How likely each is spoilt, 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// What happens.
    pub action: Action,
}

fn always() -> f64 {
    1.0
}

impl Fault {
    /// Spoils the next request of an endpoint, once.
    pub fn once(endpoint: &str, action: Action) -> Self {
        Self {
            times: Some(1),
            ..Self::always(endpoint, action)
        }
    }

    /// Spoils all requests of an endpoint.
    pub fn always(endpoint: &str, action: Action) -> Self {
        Self {
            endpoint: Some(endpoint.to_owned()),
            contains: None,
            skip: 0,
            times: None,
            probability: 1.0,
            action,
        }
    }

    /// Lets `skip` matching requests pass first.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Spoils `times` requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Means only requests with this text in path or body.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.contains = Some(text.to_owned());
        self
    }

    /// Spoils by chance.
    #[must_use]
    pub fn probability(mut self, p: f64) -> Self {
        self.probability = p;
        self
    }

    fn matches(&self, seen: &Seen) -> bool {
        self.endpoint
            .as_ref()
            .is_none_or(|endpoint| endpoint == seen.endpoint)
            && self
                .contains
                .as_ref()
                .is_none_or(|text| seen.path.contains(text) || seen.body.contains(text))
    }
}

/// What faults and hooks see of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The endpoint label.
    pub endpoint: &'static str,
    /// The path with its query, decoded.
    pub path: String,
    /// The body of JSON requests; empty for contents.
    pub body: String,
}

/// The rules in force.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Vec<Fault>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.rules.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(super) fn rules(&self) -> &[Fault] {
        &self.rules
    }

    /// The actions for one request; counts it on the rules that match.
    pub(super) fn take(&mut self, seen: &Seen, rng: &mut Rng) -> Vec<Action> {
        let mut actions = Vec::new();
        for rule in &mut self.rules {
            if !rule.matches(seen) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            if rule.times == Some(0) || !rng.chance(rule.probability) {
                continue;
            }
            rule.times = rule.times.map(|times| times - 1);
            actions.push(rule.action.clone());
        }
        self.rules.retain(|rule| rule.times != Some(0));
        actions
    }
}

type Closure = Arc<dyn Fn(&Seen) + Send + Sync>;

/// Whether a hook runs before a request is carried out, or after it and before its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

struct Hook {
    when: When,
    endpoint: String,
    closure: Closure,
}

/// The hooks of the Rust API.
#[derive(Default)]
pub(super) struct Hooks(Vec<Hook>);

impl Hooks {
    pub(super) fn add(
        &mut self,
        when: When,
        endpoint: &str,
        closure: impl Fn(&Seen) + Send + Sync + 'static,
    ) {
        let closure = Arc::new(closure);
        self.0.push(Hook {
            when,
            endpoint: endpoint.to_owned(),
            closure,
        });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The closures for one request, to be called outside of any lock.
    pub(super) fn matching(&self, when: When, endpoint: &str) -> Vec<Closure> {
        let meant =
            |hook: &&Hook| hook.when == when && (hook.endpoint == endpoint || hook.endpoint == "*");
        self.0
            .iter()
            .filter(meant)
            .map(|hook| Arc::clone(&hook.closure))
            .collect()
    }
}

/// Calls closures one after the other.
pub(super) fn call(closures: &[Closure], seen: &Seen) {
    for closure in closures {
        closure(seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(endpoint: &'static str, body: &str) -> Seen {
        Seen {
            endpoint,
            path: "/x".into(),
            body: body.into(),
        }
    }

    #[test]
    fn a_rule_skips_then_counts_then_goes() {
        let mut faults = Faults::default();
        let mut rng = Rng::seeded(1);
        faults.add(
            Fault::once("moveItems", Action::ZoneBusy)
                .after(1)
                .times(2)
                .containing("abc"),
        );
        let mut hits = |endpoint, body| faults.take(&seen(endpoint, body), &mut rng).len();
        assert_eq!(hits("moveItems", "xyz"), 0);
        assert_eq!(hits("renameItems", "abc"), 0);
        assert_eq!(hits("moveItems", "abc"), 0);
        assert_eq!(hits("moveItems", "abc"), 1);
        assert_eq!(hits("moveItems", "abc"), 1);
        assert_eq!(hits("moveItems", "abc"), 0);
        assert!(faults.rules().is_empty());
    }

    #[test]
    fn rules_come_as_json() {
        let text =
            r#"{"endpoint":"upload/web","action":{"status":{"status":503,"retry_after":"2"}}}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        let expected = Action::Status {
            status: 503,
            body: None,
            retry_after: Some("2".into()),
        };
        assert_eq!(fault, Fault::always("upload/web", expected));
        let fault: Fault = serde_json::from_str(r#"{"action":"drop_after","times":1}"#).unwrap();
        assert_eq!((fault.endpoint, fault.action), (None, Action::DropAfter));
    }
}
