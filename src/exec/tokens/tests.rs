use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Answers for tokens, and counts the requests.
#[derive(Default)]
struct Service {
    requests: Mutex<Vec<usize>>,
    fails: Option<Kind>,
    is_short: bool,
    batch: Option<usize>,
}

impl Source for Service {
    fn batch(&self) -> usize {
        self.batch.unwrap_or(10)
    }

    fn tokens(&self, _: &Zone, docs: &[DocId]) -> Result<Vec<Result<Token>>> {
        self.requests.lock().unwrap().push(docs.len());
        if let Some(kind) = self.fails {
            return Err(Error::new(kind, "told to fail"));
        }
        let docs = if self.is_short {
            &docs[..docs.len() - 1]
        } else {
            docs
        };
        let token = |doc: &DocId| Token {
            doc: doc.clone(),
            url: String::new(),
            is_package: false,
            signature: None,
            etag: None,
        };
        Ok(docs.iter().map(|doc| Ok(token(doc))).collect())
    }
}

fn tokens(sizes: &[u64]) -> Tokens {
    Tokens::of(sizes.iter().enumerate().map(|(number, size)| {
        Some(Wanted {
            zone: Zone::drive(),
            doc: DocId::new(&format!("D{number}")),
            size: *size,
        })
    }))
}

fn doc(token: Result<Token>) -> String {
    token.unwrap().doc.to_string()
}

#[test]
fn each_download_gets_its_own_and_a_batch_is_one_request() {
    let service = Service::default();
    let tokens = tokens(&[1; 25]);
    for number in 0..25 {
        let token = tokens.get(number, 0, &service);
        assert_eq!(doc(token), format!("D{number}"));
    }
    assert_eq!(*service.requests.lock().unwrap(), [10, 10, 5]);
}

#[test]
fn tokens_are_got_ahead_of_the_transfers_and_no_further() {
    let service = Service::default();
    let tokens = tokens(&[1; 100]);
    tokens.get(0, 8, &service).unwrap();
    assert_eq!(service.requests.lock().unwrap().len(), 1, "nine are ahead");
    tokens.get(1, 8, &service).unwrap();
    assert_eq!(service.requests.lock().unwrap().len(), 1);
    tokens.get(2, 8, &service).unwrap();
    assert_eq!(service.requests.lock().unwrap().len(), 2, "seven are ahead");
    tokens.get(3, 8, &service).unwrap();
    assert_eq!(service.requests.lock().unwrap().len(), 2);
}

#[test]
fn large_files_are_asked_for_when_their_turn_comes() {
    let service = Service::default();
    let tokens = tokens(&[1, LARGE, LARGE, 1, 1]);
    for number in 0..5 {
        tokens.get(number, 8, &service).unwrap();
    }
    // A large one may have small ones behind it in its request.
    assert_eq!(*service.requests.lock().unwrap(), [1, 1, 3]);
    let many = self::tokens(&[LARGE - 1; 100]);
    let service = Service::default();
    many.get(0, 1000, &service).unwrap();
    assert_eq!(service.requests.lock().unwrap().len(), 1, "enough is ahead");
}

#[test]
fn what_fails_for_one_reason_fails_for_the_whole_batch_and_nobody_waits_for_ever() {
    let service = Service {
        fails: Some(Kind::Temporary),
        ..Service::default()
    };
    let tokens = tokens(&[1; 10]);
    for number in 0..10 {
        let error = tokens.get(number, 0, &service).unwrap_err();
        assert_eq!(error.kind(), Kind::Temporary);
    }
    assert_eq!(service.requests.lock().unwrap().len(), 1);
    let short = Service {
        is_short: true,
        ..Service::default()
    };
    let tokens = self::tokens(&[1; 10]);
    let last = tokens.get(9, 0, &short).unwrap_err();
    assert_eq!(last.kind(), Kind::Protocol);
    let twice = tokens.get(9, 0, &short).unwrap_err();
    assert_eq!(twice.kind(), Kind::Protocol);
}

#[test]
fn many_threads_get_all_of_them() {
    let service = Service {
        batch: Some(3),
        ..Service::default()
    };
    let tokens = tokens(&[1; 200]);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= 200 {
                        return;
                    }
                    let token = tokens.get(number, 8, &service);
                    assert_eq!(doc(token), format!("D{number}"));
                }
            });
        }
    });
    assert_eq!(service.requests.lock().unwrap().iter().sum::<usize>(), 200);
}
