//! What is around the service: the data folder, the proxy, many files.

use std::net::Ipv4Addr;

use serde_json::json;

use super::{Browser, EMAIL, emulator};
use crate::emulator::{Account, Config, start};

fn config(folder: &std::path::Path) -> Config {
    let mut account = Account::new(EMAIL, "demo");
    account.iterations = 3;
    Config {
        data: Some(folder.to_owned()),
        accounts: vec![account],
        ..Config::default()
    }
}

#[test]
fn the_data_folder_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(config(folder.path())).unwrap();
    let drive = first.drive(EMAIL);
    drive.write_with_mtime("a/b.txt", "kept", 1234).unwrap();
    drive.write("gone.txt", "trashed").unwrap();
    drive.trash("gone.txt").unwrap();
    drive
        .add_library("Pages", "com.apple.Pages", "documents")
        .unwrap();
    drive.mkpackage("Pages/x.pages", &[("a", b"b")]).unwrap();
    drive.write_twin("a/b.txt", "the same name again").unwrap();
    drive.write("never.txt", "deleted for good").unwrap();
    drive.delete_forever("never.txt").unwrap();
    drive.add_read_only_share("Team", "_bob").unwrap();
    drive
        .write("Team/with owner.txt", "the owner has it")
        .unwrap();
    drive.trash("Team/with owner.txt").unwrap();
    let mut browser = Browser::signed_in(&first, EMAIL, "demo");
    let (items, trash) = (drive.items().unwrap(), drive.trashed().unwrap());
    let with_owner = drive.trashed_at_owners().unwrap();
    let refused = start(config(folder.path()));
    assert_eq!(
        refused.unwrap_err().kind(),
        std::io::ErrorKind::ResourceBusy
    );
    drop(first);
    let second = start(config(folder.path())).unwrap();
    let drive = second.drive(EMAIL);
    assert_eq!(drive.items().unwrap(), items);
    assert_eq!(drive.trashed().unwrap(), trash);
    assert_eq!(drive.trashed_at_owners().unwrap(), with_owner);
    let contents = std::fs::read_dir(folder.path().join("contents"))
        .unwrap()
        .count();
    assert_eq!(contents, 5, "what nothing refers to is deleted");
    browser.url = second.url().to_owned();
    let login = browser.setup("validate", json!(null));
    assert_eq!(login.status, 200, "the session goes on");
    browser.services = login.json()["webservices"].clone();
    assert_eq!(
        browser.list("FOLDER::com.apple.CloudDocs::root")["numberOfItems"],
        json!(3)
    );
    let team = browser.list("FOLDER::com.apple.CloudDocs::root")["items"][1].clone();
    let mut share = team["shareID"].clone();
    share.as_object_mut().unwrap().remove("shareChangeTag");
    let body = json!({"destinationDrivewsId": team["drivewsid"], "shareID": share,
        "folders": [{"clientId": "1", "name": "mine"}]});
    assert_eq!(
        browser.drivews("createFolders", body).status,
        403,
        "the share is only read, as before"
    );
    let before = drive.entry("a/b.txt").unwrap().etag;
    drive.write("a/b.txt", "new").unwrap();
    let etag = drive.entry("a/b.txt").unwrap().etag;
    assert_ne!(etag, before);
    assert!(
        items.iter().all(|(_, entry)| entry.etag != etag),
        "counters go on"
    );
}

#[cfg(unix)]
#[test]
fn the_state_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    drop(start(config(folder.path())).unwrap());
    let mode = std::fs::metadata(folder.path().join("state.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_proxy_serves_the_real_names_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let with_proxy = Config {
        proxy: Some((Ipv4Addr::LOCALHOST, 0).into()),
        ..config(folder.path())
    };
    let emulator = start(with_proxy).unwrap();
    let mut browser = Browser::new(&emulator, EMAIL, "demo");
    let pem = std::fs::read(folder.path().join("ca.pem")).unwrap();
    assert_eq!(pem, emulator.ca_pem().unwrap().as_bytes());
    let ca = reqwest::Certificate::from_pem(&pem).unwrap();
    let proxy = reqwest::Proxy::all(emulator.proxy_url().unwrap()).unwrap();
    let client = reqwest::blocking::Client::builder()
        .tls_certs_only([ca])
        .proxy(proxy)
        .build()
        .unwrap();
    browser.client = client.clone();
    let page = client.get("https://www.icloud.com/").send().unwrap();
    assert_eq!(page.status().as_u16(), 200);
    client.get("https://example.com/").send().unwrap_err();
    let login = client
        .post("https://setup.icloud.com.cn/setup/ws/1/accountLogin")
        .header("origin", "https://www.icloud.com.cn")
        .body("{}")
        .send()
        .unwrap();
    assert_eq!(login.status().as_u16(), 400);
    let token = {
        let mut direct = Browser::signed_in(&emulator, EMAIL, "demo");
        direct.login();
        direct.token
    };
    let login = client
        .post("https://setup.icloud.com/setup/ws/1/accountLogin")
        .header("origin", "https://www.icloud.com")
        .body(json!({"dsWebAuthToken": token}).to_string())
        .send()
        .unwrap();
    let cookies: Vec<String> = login
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap().to_owned())
        .collect();
    let good = |cookie: &String| cookie.contains(";Domain=.icloud.com;Secure;HttpOnly");
    assert!(cookies.len() > 6 && cookies.iter().all(good), "{cookies:?}");
    let map: serde_json::Value = serde_json::from_str(&login.text().unwrap()).unwrap();
    assert_eq!(
        map["webservices"]["drivews"]["url"],
        json!("https://p31-drivews.icloud.com:443")
    );
    let log = emulator.requests();
    assert!(log.last().unwrap().proxied);
}

#[test]
fn many_files_are_seeded_and_listed_quickly() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    for folder in 0..10 {
        for file in 0..300 {
            drive
                .write(
                    format!("f{folder}/file {file}.txt"),
                    format!("{folder}-{file}"),
                )
                .unwrap();
        }
    }
    assert_eq!(drive.tree().unwrap().len(), 3010);
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let ids: Vec<_> = (0..10)
        .map(|f| json!({"drivewsid": drive.entry(format!("f{f}")).unwrap().drivewsid}))
        .collect();
    let answer = browser.ask("retrieveItemDetailsInFolders", json!(ids));
    let counts: Vec<_> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["numberOfItems"].clone())
        .collect();
    assert_eq!(counts, vec![json!(300); 10]);
}
