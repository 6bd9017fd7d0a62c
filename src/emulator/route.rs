//! From a request line to a handler: which host, which endpoint, and who answers.
//!
//! The labels given here are those of the log, of faults and of hooks. Unknown paths get 404 in the form of the host.

use super::call::{Call, Reply};
use super::log::Host;
use super::server::Shared;
use super::world::World;
use super::{content, docws, drivews, drivews_write, identity, pcs, setup, twofactor, upload};

/// A handler that needs the world for a moment, or one that does heavy work beside it.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    Quick(fn(&mut World, &Call) -> Reply),
    Heavy(fn(&Shared, &Call) -> Reply),
}

/// Finds the host of a path when all hosts share one origin; gives the rest of the path.
pub(super) fn direct(path: &str) -> (Host, &str) {
    if let Some(rest) = path.strip_prefix("/appleauth/auth") {
        return (Host::Identity, rest);
    }
    if let Some(rest) = path.strip_prefix("/setup/ws/1") {
        return (Host::Setup, rest);
    }
    if let Some(rest) = path.strip_prefix("/content") {
        return (Host::Content, rest);
    }
    let rest = path.strip_prefix('/').unwrap_or(path);
    let (first, _) = rest.split_once('/').unwrap_or((rest, ""));
    let tail = rest.strip_prefix(first).unwrap_or_default();
    // With the partition of the map, or without.
    let service = match first.split_once('-') {
        Some((partition, service)) if is_partition(partition) => service,
        _ => first,
    };
    match service {
        "drivews" => (Host::Drivews, tail),
        "docws" => (Host::Docws, tail),
        _ => (Host::Home, path),
    }
}

/// Finds the host by its real name; none if it is not of the service. True for one of mainland China.
pub(super) fn by_name(name: &str) -> Option<(Host, bool)> {
    let name = name.split(':').next().unwrap_or(name).to_ascii_lowercase();
    let cn = name.strip_suffix(".cn");
    let plain = cn.unwrap_or(&name);
    let host = match plain {
        "idmsa.apple.com" => Host::Identity,
        "setup.icloud.com" => Host::Setup,
        "www.icloud.com" | "www.apple.com" => Host::Home,
        "cvws.icloud-content.com" | "cws.icloud-content.com" => Host::Content,
        _ => {
            let (partition, service) = plain.strip_suffix(".icloud.com")?.split_once('-')?;
            match service {
                _ if !is_partition(partition) => return None,
                "drivews" => Host::Drivews,
                "docws" => Host::Docws,
                "setup" => Host::Setup,
                _ => Host::Home,
            }
        }
    };
    Some((host, cn.is_some()))
}

/// The path below a host's base, when the host is known by its name.
pub(super) fn below(host: Host, path: &str) -> &str {
    let base = match host {
        Host::Identity => "/appleauth/auth",
        Host::Setup => "/setup/ws/1",
        Host::Drivews | Host::Docws | Host::Content | Host::Home => "",
    };
    path.strip_prefix(base).unwrap_or(path)
}

fn is_partition(text: &str) -> bool {
    text.strip_prefix('p')
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The label of a request.
pub(super) fn label(host: Host, method: &str, path: &str) -> &'static str {
    match host {
        Host::Identity => identity_label(method, path),
        Host::Setup => known(path.trim_start_matches('/'), &SETUP),
        Host::Drivews => known(path.trim_start_matches('/'), &DRIVEWS),
        Host::Docws => docws_label(path),
        Host::Content if method == "GET" => "content GET",
        Host::Content => "content POST",
        Host::Home => "home",
    }
}

const SETUP: [&str; 8] = [
    "accountLogin",
    "validate",
    "logout",
    "requestWebAccessState",
    "enableDeviceConsentForPCS",
    "requestPCS",
    "getTerms",
    "repairDone",
];
const DRIVEWS: [&str; 9] = [
    "retrieveItemDetailsInFolders",
    "retrieveItemDetails",
    "retrieveAppLibraries",
    "createFolders",
    "renameItems",
    "moveItems",
    "moveItemsToTrash",
    "putBackItemsFromTrash",
    "deleteItems",
];

/// The endpoints that change a Drive, which the zone lock is about.
pub(super) const WRITES: [&str; 8] = [
    "createFolders",
    "renameItems",
    "moveItems",
    "moveItemsToTrash",
    "putBackItemsFromTrash",
    "deleteItems",
    "update/documents",
    "update/shared",
];

fn known(path: &str, words: &[&'static str]) -> &'static str {
    words
        .iter()
        .find(|word| **word == path)
        .copied()
        .unwrap_or("unknown")
}

fn identity_label(method: &str, path: &str) -> &'static str {
    match (method, path.trim_end_matches('/')) {
        ("GET", "") => "auth",
        ("GET", "/authorize/signin") => "authorize/signin",
        ("POST", "/federate") => "federate",
        ("POST", "/signin/init") => "signin/init",
        ("POST", "/signin/complete") => "signin/complete",
        ("POST", "/repair/complete") => "repair/complete",
        ("PUT", "/verify/trusteddevice/securitycode") => "verify/trusteddevice PUT",
        ("GET", "/verify/trusteddevice" | "/verify/trusteddevice/securitycode") => {
            "verify/trusteddevice GET"
        }
        ("POST", "/verify/trusteddevice/securitycode") => "verify/trusteddevice/securitycode",
        ("PUT", "/verify/phone") => "verify/phone PUT",
        ("POST", "/verify/phone/securitycode") => "verify/phone/securitycode",
        ("POST", "/verify/security/key") => "verify/security/key",
        ("GET", "/2sv/trust") => "2sv/trust",
        _ => "unknown",
    }
}

fn docws_label(path: &str) -> &'static str {
    if path.starts_with("/v1/item/") {
        return "v1/item";
    }
    if path.starts_with("/v1/enumerate/") {
        return "v1/enumerate";
    }
    let mut parts = path.splitn(4, '/');
    let (_, ws, _, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
    match (ws, rest.unwrap_or_default()) {
        (Some("ws"), "list/lookup_by_path") => "lookup_by_path",
        (Some("ws"), "list/lookup_by_id") => "lookup_by_id",
        (Some("ws"), "download/batch") => "download/batch",
        (Some("ws"), "update/documents") => "update/documents",
        (Some("ws"), "list/enumerate/recentDocs") => "recentDocs enumerate",
        (Some("ws"), "list/changes/recentDocs") => "recentDocs changes",
        // What may follow is the owner of a share.
        (Some("ws"), rest) if rest.starts_with("download/by_id") => "download/by_id",
        (Some("ws"), rest) if rest.starts_with("update/shared/") => "update/shared",
        // Likewise, with the share's record name.
        (Some("ws"), rest) if rest == "upload/web" || rest.starts_with("upload/web/") => {
            "upload/web"
        }
        _ => "unknown",
    }
}

/// Who answers a request.
pub(super) fn handler(host: Host, endpoint: &str) -> Handler {
    match endpoint {
        "authorize/signin" => Handler::Quick(identity::authorize),
        "federate" => Handler::Quick(identity::federate),
        "signin/init" => Handler::Heavy(identity::init),
        "signin/complete" => Handler::Heavy(identity::complete),
        "repair/complete" => Handler::Quick(identity::repair),
        "auth" => Handler::Quick(twofactor::state),
        "verify/trusteddevice PUT" => Handler::Quick(twofactor::push),
        "verify/trusteddevice GET" => Handler::Quick(twofactor::push_by_get),
        "verify/trusteddevice/securitycode" => Handler::Quick(twofactor::check_push),
        "verify/phone PUT" => Handler::Quick(twofactor::phone),
        "verify/phone/securitycode" => Handler::Quick(twofactor::check_phone),
        "verify/security/key" => Handler::Quick(twofactor::check_key),
        "2sv/trust" => Handler::Quick(twofactor::trust),
        "accountLogin" => Handler::Quick(setup::account_login),
        "validate" => Handler::Quick(setup::validate),
        "logout" => Handler::Quick(setup::logout),
        "getTerms" => Handler::Quick(|_, _| setup::terms()),
        "repairDone" => Handler::Quick(setup::repair_done),
        "requestWebAccessState" => Handler::Quick(pcs::state),
        "enableDeviceConsentForPCS" => Handler::Quick(pcs::ask_consent),
        "requestPCS" => Handler::Quick(pcs::request),
        "retrieveItemDetailsInFolders" => Handler::Quick(drivews::list),
        "retrieveItemDetails" => Handler::Quick(drivews::details),
        "retrieveAppLibraries" => Handler::Quick(drivews::libraries),
        "createFolders" => Handler::Quick(drivews_write::create_folders),
        "renameItems" => Handler::Quick(drivews_write::rename),
        "moveItems" => Handler::Quick(drivews_write::relocate),
        "moveItemsToTrash" => Handler::Quick(drivews_write::trash),
        "putBackItemsFromTrash" => Handler::Quick(drivews_write::put_back),
        "deleteItems" => Handler::Quick(drivews_write::delete),
        "download/by_id" => Handler::Quick(docws::by_id),
        "download/batch" => Handler::Quick(docws::batch),
        "lookup_by_id" => Handler::Quick(docws::lookup_by_id),
        "lookup_by_path" => Handler::Quick(docws::lookup_by_path),
        "v1/item" | "v1/enumerate" => Handler::Quick(docws::v1),
        "recentDocs enumerate" => Handler::Quick(docws::recent),
        "recentDocs changes" => Handler::Quick(docws::changes),
        "upload/web" => Handler::Quick(upload::begin),
        "update/documents" => Handler::Quick(upload::commit),
        "update/shared" => Handler::Quick(upload::commit_shared),
        "content GET" => Handler::Quick(content::fetch),
        "content POST" => Handler::Heavy(upload::content),
        _ if host == Host::Home => {
            Handler::Quick(|_, _| Reply::html(200, "<!DOCTYPE html><title>iCloud</title>"))
        }
        _ => {
            Handler::Quick(|_, call| Reply::error(call.host, 404, "NOT_FOUND", "No such resource"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_origin_leads_to_each_host() {
        for (path, host, rest) in [
            ("/appleauth/auth", Host::Identity, ""),
            (
                "/appleauth/auth/signin/init",
                Host::Identity,
                "/signin/init",
            ),
            ("/setup/ws/1/validate", Host::Setup, "/validate"),
            (
                "/p31-drivews/createFolders",
                Host::Drivews,
                "/createFolders",
            ),
            ("/drivews/createFolders", Host::Drivews, "/createFolders"),
            (
                "/p31-docws/ws/a/upload/web",
                Host::Docws,
                "/ws/a/upload/web",
            ),
            ("/content/B/x", Host::Content, "/B/x"),
            ("/px-docws/ws", Host::Home, "/px-docws/ws"),
        ] {
            assert_eq!(direct(path), (host, rest), "{path}");
        }
    }

    #[test]
    fn real_names_lead_to_each_host_and_others_nowhere() {
        for (name, expected) in [
            ("idmsa.apple.com", Some((Host::Identity, false))),
            ("setup.icloud.com.cn:443", Some((Host::Setup, true))),
            ("p31-drivews.icloud.com", Some((Host::Drivews, false))),
            ("P104-docws.icloud.com.cn", Some((Host::Docws, true))),
            ("cvws.icloud-content.com", Some((Host::Content, false))),
            ("cws.icloud-content.com.cn", Some((Host::Content, true))),
            ("www.icloud.com", Some((Host::Home, false))),
            ("p31-drivews.icloud.com.evil.example", None),
            ("drivews.icloud.com", None),
            ("example.com", None),
        ] {
            assert_eq!(by_name(name), expected, "{name}");
        }
    }

    #[test]
    fn labels_name_the_endpoint() {
        for (host, method, path, expected) in [
            (Host::Identity, "GET", "", "auth"),
            (
                Host::Identity,
                "PUT",
                "/verify/trusteddevice/securitycode",
                "verify/trusteddevice PUT",
            ),
            (
                Host::Docws,
                "GET",
                "/ws/com.apple.CloudDocs/download/by_id",
                "download/by_id",
            ),
            (
                Host::Docws,
                "GET",
                "/ws/_all_/list/changes/recentDocs",
                "recentDocs changes",
            ),
            (
                Host::Docws,
                "POST",
                "/ws/com.apple.CloudDocs/upload/web/_owner/RECORD",
                "upload/web",
            ),
            (
                Host::Docws,
                "POST",
                "/ws/com.apple.CloudDocs/update/shared/_owner",
                "update/shared",
            ),
            (Host::Drivews, "POST", "/nothing", "unknown"),
            (Host::Content, "POST", "/1/singleFileUpload", "content POST"),
        ] {
            assert_eq!(label(host, method, path), expected);
        }
    }
}
