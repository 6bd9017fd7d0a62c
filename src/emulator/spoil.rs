//! Carries out the faults of a request: answers in place of the real one, and answers that are spoilt.

use hyper::body::Bytes;
use serde_json::{Value, json};

use super::call::{Call, Payload, Reply, zone_busy};
use super::fault::Action;
use super::upload::finished;
use super::wild;

/// What goes over the wire in the end.
#[derive(Debug)]
pub(super) enum Sent {
    /// The answer as it is.
    Whole(Reply),
    /// The answer's head and the first half of its body, then the end of the connection.
    Half(Reply),
    /// The answer without a length.
    Unsized(Reply),
    /// The answer, and then more of it for ever, with so many milliseconds in between.
    Endless(Reply, u64),
    /// Nothing: the connection ends.
    Nothing,
}

/// The answer that a fault gives without the request being carried out.
pub(super) fn instead(action: &Action, call: &Call) -> Option<Sent> {
    let reply = match action {
        Action::Status {
            status,
            body,
            retry_after,
        } => {
            let reply = match body {
                Some(body) if body.starts_with('{') || body.starts_with('[') => {
                    Reply::raw_json(*status, body.clone().into_bytes())
                }
                Some(body) => Reply::html(*status, body),
                None => Reply::error(call.host, *status, "INJECTED", "A fault on command"),
            };
            match retry_after {
                Some(value) => reply.with("retry-after", value.clone()),
                None => reply,
            }
        }
        Action::ZoneBusy => zone_busy(),
        Action::Html502 => Reply::html(
            502,
            "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
        ),
        Action::DropBefore => return Some(Sent::Nothing),
        Action::Redirect330 => {
            // Once redirected, the request is answered.
            if call.param("redirected").is_some() {
                return None;
            }
            let query: Vec<String> = call
                .query
                .iter()
                .map(|(key, value)| {
                    format!(
                        "{}={}",
                        super::util::percent_encode(key),
                        super::util::percent_encode(value)
                    )
                })
                .collect();
            let base = call.bases.download();
            let target = format!("{base}{}?{}&redirected=1", call.path, query.join("&"));
            Reply::empty(330).with("location", target)
        }
        Action::InnerStatus(code) => finished(*code, "A fault on command", &Value::Null),
        Action::ItemStatus(word) => {
            let body = call.json().unwrap_or_default();
            let list = if body.get("folders").is_some() {
                "folders"
            } else {
                "items"
            };
            let asked = body
                .get(list)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let items: Vec<Value> = asked
                .iter()
                .map(|one| {
                    json!({"drivewsid": one.get("drivewsid"), "clientId": one.get("clientId"), "status": word})
                })
                .collect();
            Reply::json(200, &json!({ list: items }))
        }
        Action::Redirect(status, target) => Reply::empty(*status).with("location", target.clone()),
        Action::DropAfter
        | Action::Wild(_)
        | Action::Noise(_)
        | Action::Deep(_)
        | Action::Hollow(_)
        | Action::Header(..)
        | Action::Elsewhere(_)
        | Action::LongContent(_)
        | Action::Flood
        | Action::Drip(_)
        | Action::Delay(_)
        | Action::TruncateJson
        | Action::HalfBody
        | Action::WrongCount
        | Action::MissingItems
        | Action::ShortItems
        | Action::ShortItemsUnnoticed
        | Action::ShortArray
        | Action::ReverseArray
        | Action::ContentHost(_)
        | Action::ContentInsecure
        | Action::NoToken
        | Action::Corrupt
        | Action::ShortContent
        | Action::ShortContentUnsized
        | Action::IgnoreRange => return None,
    };
    Some(Sent::Whole(reply))
}

/// Spoils an answer that was made.
pub(super) fn afterwards(action: &Action, sent: Sent) -> Sent {
    let Sent::Whole(mut reply) = sent else {
        return sent;
    };
    match action {
        Action::DropAfter => return Sent::Nothing,
        Action::HalfBody => return Sent::Half(reply),
        Action::TruncateJson => {
            if let Payload::Bytes(bytes) = &reply.body {
                reply.body = Payload::Bytes(bytes.slice(..bytes.len() / 2));
            }
        }
        Action::WrongCount => edit(&mut reply, |value| {
            each_folder(value, |folder| {
                let count = folder
                    .get("numberOfItems")
                    .and_then(Value::as_u64)
                    .unwrap_or(0);
                folder["numberOfItems"] = json!(count + 1);
            });
        }),
        Action::MissingItems => edit(&mut reply, |value| {
            each_folder(value, |folder| {
                if let Some(fields) = folder.as_object_mut() {
                    fields.remove("items");
                }
            });
        }),
        Action::ShortItems => edit(&mut reply, |value| {
            each_folder(value, |folder| {
                folder
                    .get_mut("items")
                    .and_then(Value::as_array_mut)
                    .and_then(Vec::pop);
            });
        }),
        Action::ShortItemsUnnoticed => edit(&mut reply, |value| {
            each_folder(value, |folder| {
                let Some(items) = folder.get_mut("items").and_then(Value::as_array_mut) else {
                    return;
                };
                items.pop();
                let count = items.len();
                folder["numberOfItems"] = json!(count);
            });
        }),
        Action::ShortArray => edit(&mut reply, |value| {
            value.as_array_mut().and_then(Vec::pop);
        }),
        Action::ReverseArray => edit(&mut reply, |value| {
            if let Some(list) = value.as_array_mut() {
                list.reverse();
            }
        }),
        Action::ContentHost(host) => edit(&mut reply, |value| {
            each_url(value, &|url| at_host(url, "https", host));
        }),
        Action::ContentInsecure => edit(&mut reply, |value| {
            // In direct mode all is plain HTTP, and only the real name of a host is a wrong one.
            each_url(value, &|url| match url.strip_prefix("https://") {
                Some(rest) => format!("http://{rest}"),
                None => at_host(url, "http", "cvws.icloud-content.com"),
            });
        }),
        Action::NoToken => edit(&mut reply, |value| {
            let strip = |token: &mut Value| {
                if let Some(fields) = token.as_object_mut() {
                    fields.remove("data_token");
                    fields.remove("package_token");
                }
            };
            if let Value::Array(list) = value {
                list.iter_mut().for_each(strip);
            } else {
                strip(value);
            }
        }),
        Action::Corrupt => change_content(&mut reply, |bytes| {
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 0x20;
            }
        }),
        Action::ShortContent => change_content(&mut reply, |bytes| bytes.truncate(bytes.len() / 2)),
        Action::ShortContentUnsized => {
            change_content(&mut reply, |bytes| bytes.truncate(bytes.len() / 2));
            return Sent::Unsized(reply);
        }
        Action::IgnoreRange => ignore_range(&mut reply),
        Action::Wild(seed) => wild::spoil(*seed, &mut reply),
        Action::Noise(seed) => wild::noise(*seed, &mut reply),
        Action::Deep(depth) => wild::deep(*depth, &mut reply),
        Action::Hollow(count) => wild::hollow(*count, &mut reply),
        Action::Header(name, value) => wild::header(name, value, &mut reply),
        Action::Elsewhere(base) => edit(&mut reply, |value| {
            each_url(value, &|url| wild::elsewhere(base, url));
        }),
        Action::LongContent(more) => change_content(&mut reply, |bytes| {
            bytes.resize(bytes.len() + more, b'x');
        }),
        Action::Flood => return Sent::Endless(reply, 0),
        Action::Drip(ms) => return Sent::Endless(reply, *ms),
        Action::Status { .. }
        | Action::ZoneBusy
        | Action::Html502
        | Action::DropBefore
        | Action::Redirect330
        | Action::InnerStatus(_)
        | Action::ItemStatus(_)
        | Action::Redirect(..)
        | Action::Delay(_) => {}
    }
    Sent::Whole(reply)
}

fn edit(reply: &mut Reply, change: impl FnOnce(&mut Value)) {
    if let Some(mut value) = reply.as_json() {
        change(&mut value);
        reply.body = Payload::Bytes(value.to_string().into());
    }
}

fn each_folder(value: &mut Value, change: impl FnMut(&mut Value)) {
    if let Some(list) = value.as_array_mut() {
        list.iter_mut()
            .filter(|folder| folder.get("items").is_some())
            .for_each(change);
    }
}

/// Changes each string under a key `url`.
fn each_url(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|one| each_url(one, change)),
        Value::Object(fields) => {
            for (key, field) in fields {
                if let (Value::String(url), "url") = (&mut *field, key.as_str()) {
                    *url = change(url);
                } else {
                    each_url(field, change);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The same path at another host.
fn at_host(url: &str, scheme: &str, host: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    format!("{scheme}://{host}/{path}")
}

fn change_content(reply: &mut Reply, change: impl FnOnce(&mut Vec<u8>)) {
    let bytes: Bytes = match &reply.body {
        Payload::Bytes(bytes) => bytes.clone(),
        Payload::Blob { blob, from, length } => {
            let length = usize::try_from(*length).unwrap_or(usize::MAX);
            blob.read(*from, length).unwrap_or_default()
        }
    };
    let mut bytes = bytes.to_vec();
    change(&mut bytes);
    reply.body = Payload::Bytes(bytes.into());
}

fn ignore_range(reply: &mut Reply) {
    if let Payload::Blob { blob, .. } = &reply.body
        && reply.status == 206
    {
        reply.body = Payload::Blob {
            blob: blob.clone(),
            from: 0,
            length: blob.size,
        };
        reply.status = 200;
        reply.headers.retain(|(name, _)| *name != "content-range");
    }
}
