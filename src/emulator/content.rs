//! Fetching content by its signed URL (protocol page 9.5): whole, in ranges, until the URL has expired.

use super::call::{Call, Payload, Reply};
use super::log::Host;
use super::world::World;

/// `GET <url>`.
pub(super) fn fetch(world: &mut World, call: &Call) -> Reply {
    if world.switches.refuse_cookies && call.cookies().next().is_some() {
        return Reply::error(Host::Content, 400, "", "No cookies here");
    }
    let grant = call.param("a").and_then(|key| world.grants.get(key));
    let Some(grant) = grant.filter(|grant| grant.expires > world.now()) else {
        return Reply::error(Host::Content, 403, "", "The URL is not good any more");
    };
    let size = grant.blob.size;
    let label = match (grant.package, world.switches.octet_packages) {
        (true, false) => "application/zip",
        (true, true) | (false, _) => "application/octet-stream",
    };
    let (status, from, to) = match range(call.header("range"), size) {
        Range::All => (200, 0, size),
        Range::Part(from, to) => (206, from, to),
        Range::Beyond => {
            return Reply::empty(416).with("content-range", format!("bytes */{size}"));
        }
    };
    let mut reply = Reply {
        status,
        headers: vec![
            ("content-type", label.to_owned()),
            ("accept-ranges", "bytes".to_owned()),
        ],
        body: Payload::Blob {
            blob: grant.blob.clone(),
            from,
            length: to - from,
        },
    };
    if status == 206 {
        reply = reply.with("content-range", format!("bytes {from}-{}/{size}", to - 1));
    }
    reply
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    All,
    /// From the first byte up to, not including, the second.
    Part(u64, u64),
    Beyond,
}

/// Reads `bytes=a-b`, `bytes=a-` and `bytes=-n`; anything else means the whole.
fn range(header: Option<&str>, size: u64) -> Range {
    let Some((first, last)) = header
        .and_then(|h| h.strip_prefix("bytes="))
        .and_then(|h| h.split_once('-'))
    else {
        return Range::All;
    };
    let (first, last) = (first.trim(), last.trim());
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(from), _) if from >= size => Range::Beyond,
        (Ok(from), Ok(to)) if from <= to => Range::Part(from, to.saturating_add(1).min(size)),
        (Ok(from), Err(_)) if last.is_empty() => Range::Part(from, size),
        (Err(_), Ok(0)) if first.is_empty() => Range::Beyond,
        (Err(_), Ok(count)) if first.is_empty() => Range::Part(size.saturating_sub(count), size),
        _ => Range::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        for (header, expected) in [
            (None, Range::All),
            (Some("bytes=0-"), Range::Part(0, 10)),
            (Some("bytes=4-"), Range::Part(4, 10)),
            (Some("bytes=4-5"), Range::Part(4, 6)),
            (Some("bytes=4-99"), Range::Part(4, 10)),
            (Some("bytes=-3"), Range::Part(7, 10)),
            (Some("bytes=-30"), Range::Part(0, 10)),
            (Some("bytes=10-"), Range::Beyond),
            (Some("bytes=-0"), Range::Beyond),
            (Some("bytes=5-4"), Range::All),
            (Some("lines=1-"), Range::All),
        ] {
            assert_eq!(range(header, 10), expected, "{header:?}");
        }
    }
}
