//! A bare client: keeps cookies and identity headers, proves passwords, and says what came back.

use std::collections::BTreeMap;
use std::sync::Once;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::emulator::{Emulator, Protocol};

/// What a request got.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> String {
        self.headers
            .get(name)
            .map(|v| v.to_str().unwrap().to_owned())
            .unwrap_or_default()
    }
}

pub(crate) struct Browser {
    pub(crate) client: Client,
    pub(crate) url: String,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) identity: BTreeMap<String, String>,
    pub(crate) token: String,
    pub(crate) trust: String,
    pub(crate) services: Value,
}

/// A client without TLS trust and without redirects.
pub(crate) fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Taken already where another test of this process has made a client: it is the same one.
        let _earlier = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

impl Browser {
    pub(crate) fn new(emulator: &Emulator, email: &str, password: &str) -> Self {
        Self {
            client: client(),
            url: emulator.url().to_owned(),
            email: email.to_owned(),
            password: password.to_owned(),
            cookies: BTreeMap::new(),
            identity: BTreeMap::new(),
            token: String::new(),
            trust: String::new(),
            services: Value::Null,
        }
    }

    /// A browser that has gone through everything.
    pub(crate) fn signed_in(emulator: &Emulator, email: &str, password: &str) -> Self {
        let mut browser = Self::new(emulator, email, password);
        assert_eq!(browser.prove().status, 409);
        assert_eq!(
            browser
                .identity("PUT", "/verify/trusteddevice/securitycode", None)
                .status,
            202
        );
        let code = emulator.code(email).unwrap();
        assert_eq!(browser.send_code(&code).status, 204);
        assert_eq!(browser.identity("GET", "/2sv/trust", None).status, 204);
        let login = browser.login();
        assert_eq!(login.status, 200, "{}", login.text());
        browser
    }

    fn took(&mut self, response: Response) -> Got {
        for line in response.headers().get_all("set-cookie") {
            let (pair, _) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Got {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            bytes: response.bytes().unwrap().to_vec(),
        }
    }

    fn cookie_header(&self) -> String {
        self.cookies
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>()
            .join("; ")
    }

    pub(crate) fn identity(&mut self, method: &str, path: &str, body: Option<Value>) -> Got {
        let url = format!("{}/appleauth/auth{path}", self.url);
        let mut request = self.client.request(method.parse().unwrap(), url);
        for (name, value) in &self.identity {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let got = request.send().unwrap();
        let got = self.took(got);
        for name in ["scnt", "x-apple-id-session-id"] {
            if !got.header(name).is_empty() {
                self.identity.insert(name.to_owned(), got.header(name));
            }
        }
        for (name, to) in [
            ("x-apple-session-token", &mut self.token),
            ("x-apple-twosv-trust-token", &mut self.trust),
        ] {
            if !got.header(name).is_empty() {
                *to = got.header(name);
            }
        }
        got
    }

    /// Authorize, init, complete.
    pub(crate) fn prove(&mut self) -> Got {
        assert_eq!(
            self.identity("GET", "/authorize/signin?frame_id=auth-1", None)
                .status,
            200
        );
        let own = BigUint::from_bytes_be(&Sha256::digest(self.url.as_bytes()));
        let n = BigUint::parse_bytes(N_HEX.as_bytes(), 16).unwrap();
        let g = BigUint::from(2u8);
        let public = g.modpow(&own, &n);
        let init = self.identity(
            "POST",
            "/signin/init",
            Some(
                json!({"a": STANDARD.encode(pad(&public)), "accountName": self.email,
                "protocols": ["s2k", "s2k_fo"]}),
            ),
        );
        if init.status != 200 {
            return init;
        }
        let answer = init.json();
        let salt = STANDARD.decode(answer["salt"].as_str().unwrap()).unwrap();
        let b = BigUint::from_bytes_be(&STANDARD.decode(answer["b"].as_str().unwrap()).unwrap());
        let protocol = match answer["protocol"].as_str().unwrap() {
            "s2k_fo" => Protocol::S2kFo,
            _ => Protocol::S2k,
        };
        let rounds = u32::try_from(answer["iteration"].as_u64().unwrap()).unwrap();
        let private = private_key(&self.password, &salt, rounds, protocol);
        let u = int(&[&pad(&public), &pad(&b)]);
        let base = (&b + &n - (int(&[&pad(&n), &pad(&g)]) * g.modpow(&private, &n)) % &n) % &n;
        let secret = base.modpow(&(&own + &u * &private), &n);
        let key = sha(&[&pad(&secret)]);
        let mixed: Vec<u8> = sha(&[&pad(&n)])
            .iter()
            .zip(sha(&[&pad(&g)]))
            .map(|(a, b)| a ^ b)
            .collect();
        let name = sha(&[self.email.as_bytes()]);
        let m1 = sha(&[&mixed, &name, &salt, &pad(&public), &pad(&b), &key]);
        let m2 = sha(&[&pad(&public), &m1, &key]);
        self.identity(
            "POST",
            "/signin/complete?isRememberMeEnabled=true",
            Some(
                json!({"accountName": self.email, "c": answer["c"], "m1": STANDARD.encode(m1),
                "m2": STANDARD.encode(m2), "rememberMe": true, "trustTokens": [self.trust]}),
            ),
        )
    }

    pub(crate) fn send_code(&mut self, code: &str) -> Got {
        let body = json!({"securityCode": {"code": code}});
        self.identity("POST", "/verify/trusteddevice/securitycode", Some(body))
    }

    /// A request with cookies and `Origin`.
    pub(crate) fn web(&mut self, method: &str, url: &str, body: Option<Value>) -> Got {
        let mut request = self
            .client
            .request(method.parse().unwrap(), url)
            .header("origin", "https://www.icloud.com")
            .header("cookie", self.cookie_header());
        if let Some(body) = body {
            request = request
                .header("content-type", "text/plain")
                .body(body.to_string());
        }
        let response = request.send().unwrap();
        self.took(response)
    }

    pub(crate) fn setup(&mut self, path: &str, body: Value) -> Got {
        let url = format!("{}/setup/ws/1/{path}", self.url);
        self.web("POST", &url, Some(body))
    }

    pub(crate) fn login(&mut self) -> Got {
        let body = json!({"accountCountryCode": "USA", "dsWebAuthToken": self.token,
            "extended_login": true, "trustToken": self.trust});
        let got = self.setup("accountLogin", body);
        self.services = got.json()["webservices"].clone();
        got
    }

    pub(crate) fn service(&self, name: &str) -> String {
        self.services[name]["url"].as_str().unwrap().to_owned()
    }

    pub(crate) fn drivews(&mut self, path: &str, body: Value) -> Got {
        let url = format!("{}/{path}", self.service("drivews"));
        self.web("POST", &url, Some(body))
    }

    /// The answer of a metadata call that has to be 200.
    pub(crate) fn ask(&mut self, path: &str, body: Value) -> Value {
        let got = self.drivews(path, body);
        assert_eq!(got.status, 200, "{path}: {}", got.text());
        got.json()
    }

    pub(crate) fn docws(&mut self, method: &str, path: &str, body: Option<Value>) -> Got {
        let url = format!("{}{path}", self.service("docws"));
        self.web(method, &url, body)
    }

    /// Lists one folder: the details object.
    pub(crate) fn list(&mut self, id: &str) -> Value {
        let body = json!([{"drivewsid": id, "partialData": false}]);
        self.ask("retrieveItemDetailsInFolders", body)[0].clone()
    }

    /// Step 1 of an upload; `behind` follows the call's path, such as a share's owner and record name.
    pub(crate) fn begin(&mut self, zone: &str, behind: &str, name: &str, size: usize) -> Got {
        let body = json!({"filename": name, "type": "FILE", "content_type": "", "size": size});
        self.docws(
            "POST",
            &format!("/ws/{zone}/upload/web{behind}"),
            Some(body),
        )
    }

    /// Steps 1 and 2 of an upload; gives the new document id and the answer of the content host.
    pub(crate) fn stage(&mut self, zone: &str, name: &str, content: &[u8]) -> (String, Value) {
        self.stage_behind(zone, "", name, content)
    }

    /// The same with what follows the path of step 1.
    pub(crate) fn stage_behind(
        &mut self,
        zone: &str,
        behind: &str,
        name: &str,
        content: &[u8],
    ) -> (String, Value) {
        let begun = self.begin(zone, behind, name, content.len());
        assert_eq!(begun.status, 200, "{}", begun.text());
        let begun = begun.json();
        let url = begun[0]["url"].as_str().unwrap();
        let sent = self.client.post(url).body(content.to_vec()).send().unwrap();
        let sent: Value = serde_json::from_slice(&sent.bytes().unwrap()).unwrap();
        (
            begun[0]["document_id"].as_str().unwrap().to_owned(),
            sent["singleFile"].clone(),
        )
    }

    /// Step 3.
    pub(crate) fn commit(
        &mut self,
        zone: &str,
        id: &str,
        place: (&str, &str),
        file: &Value,
        conflict: bool,
    ) -> Got {
        let call = format!("/ws/{zone}/update/documents");
        self.commit_by(&call, id, place, file, conflict)
    }

    /// Step 3 by the path of another call.
    pub(crate) fn commit_by(
        &mut self,
        call: &str,
        id: &str,
        place: (&str, &str),
        file: &Value,
        conflict: bool,
    ) -> Got {
        let body = json!({"command": "add_file", "document_id": id, "create_short_guid": true,
            "allow_conflict": conflict, "path": {"starting_document_id": place.0, "path": place.1},
            "file_flags": {"is_writable": true, "is_executable": false, "is_hidden": false},
            "mtime": 1_759_152_000_999_i64, "btime": 1_759_152_000_000_i64,
            "data": {"signature": file["fileChecksum"], "reference_signature": file["referenceChecksum"],
                "wrapping_key": file["wrappingKey"], "size": file["size"], "receipt": file["receipt"]}});
        self.docws("POST", &format!("{call}?errorBreakdown=true"), Some(body))
    }
}

const N_HEX: &str = "AC6BDB41324A9A9BF166DE5E1389582FAF72B6651987EE07FC3192943DB56050A37329CBB4A099ED8193E0757767A13DD52312AB4B03310DCD7F48A9DA04FD50E8083969EDB767B0CF6095179A163AB3661A05FBD5FAAAE82918A9962F0B93B855F97993EC975EEAA80D740ADBF4FF747359D041D5C33EA71D281E446B14773BCA97B43A23FB801676BD207A436C6481F1D2B9078717461A5B9D32E688F87748544523B524B0D57D5EA77A2775D2ECFA032CFBDBF52FB3786160279004E57AE6AF874E7303CE53299CCC041C7BC308D82A5698F3A8D0C38271AE35F8E9DBFBB694B5C803D89F7AE435DE236D525F54759B65E372FCD68EF20FA7111F9E4AFF73";

fn private_key(password: &str, salt: &[u8], rounds: u32, protocol: Protocol) -> BigUint {
    let digest = Sha256::digest(password.as_bytes());
    let input = match protocol {
        Protocol::S2k => digest.to_vec(),
        Protocol::S2kFo => digest
            .iter()
            .flat_map(|b| format!("{b:02x}").into_bytes())
            .collect(),
    };
    let mut key = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(&input, salt, rounds, &mut key);
    int(&[salt, &sha(&[b":", &key])])
}

fn sha(parts: &[&[u8]]) -> Vec<u8> {
    Sha256::digest(parts.concat()).to_vec()
}

fn int(parts: &[&[u8]]) -> BigUint {
    BigUint::from_bytes_be(&sha(parts))
}

fn pad(number: &BigUint) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    [vec![0; 256 - bytes.len()], bytes].concat()
}
