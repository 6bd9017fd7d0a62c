//! The shape of requests to set-up, drivews and docws: address, common query, headers, and the name that
//! a call is counted and logged by.

use reqwest::Url;

use super::{Services, Transport};
use crate::error::Result;

/// The web client's build, which goes into every query (protocol page 1.4).
const BUILD: &str = "2534Project66";
/// The same build's other name.
const MASTERING: &str = "2534B22";

/// Returns the address of a call with the common query, checked.
pub(crate) fn common_url(
    wire: &Transport,
    base: &str,
    path_and_query: &str,
    services: &Services,
) -> Result<Url> {
    let joined = format!(
        "{}/{}",
        base.trim_end_matches('/'),
        path_and_query.trim_start_matches('/')
    );
    let mut url = wire.endpoint.service(&joined)?;
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("clientBuildNumber", BUILD)
            .append_pair("clientMasteringNumber", MASTERING)
            .append_pair("clientId", &services.client_id);
        if !services.dsid.is_empty() {
            query.append_pair("dsid", &services.dsid);
        }
    }
    Ok(url)
}

/// Headers of setup, drivews and docws calls (protocol page 1.5): without `Origin` the answer is 421.
pub(crate) fn common_headers(wire: &Transport, has_body: bool) -> Vec<(&'static str, String)> {
    let home = wire.endpoint.home();
    let mut headers = vec![
        ("accept", "application/json".to_owned()),
        ("origin", home.to_owned()),
        ("referer", format!("{home}/")),
    ];
    if has_body {
        headers.push(("content-type", "application/json".to_owned()));
    }
    headers
}

/// The call's name without zone, ids and query: `ws/com.apple.CloudDocs/download/by_id?…` is
/// `download/by_id`.
pub(super) fn label(path_and_query: &str) -> String {
    let path = path_and_query
        .split('?')
        .next()
        .unwrap_or_default()
        .trim_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["ws", _zone, rest @ ..] => rest.join("/"),
        ["v1", what, ..] => format!("v1/{what}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_holds_no_zone_id_and_no_query() {
        for (path, name) in [
            ("retrieveItemDetails", "retrieveItemDetails"),
            ("/retrieveItemDetails?x=1", "retrieveItemDetails"),
            (
                "ws/com.apple.CloudDocs/download/by_id?document_id=secret",
                "download/by_id",
            ),
            (
                "ws/iCloud.md.x/update/documents?errorBreakdown=true",
                "update/documents",
            ),
            ("v1/item/CJC_secret", "v1/item"),
        ] {
            assert_eq!(label(path), name);
        }
    }
}
