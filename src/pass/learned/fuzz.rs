//! What was learned of the service, spoilt: it only ever makes a pass slower.

use super::*;
use crate::fuzz::fuzz;

const LEARNED: &[u8] = br#"{"is_signature_proven":true,"list_chunk":12,"listers":3,"transfers":20,"write_run":512,"token_batch":5,
"full_since":"2026-09-30T12:00:00Z","read_batch":1,"most_folders":120,"most_tokens":7,"most_reads":2}"#;

#[test]
fn learned_limits() {
    let folder = tempfile::tempdir().unwrap();
    let path = Learned::load(folder.path(), "me").path;
    create_private(path.parent().unwrap()).unwrap();
    fuzz("learned_limits", &[LEARNED, b"{}"], |bytes| {
        fs::write(&path, bytes).unwrap();
        let mut learned = Learned::load(folder.path(), "me");
        let Batches {
            tokens,
            most_tokens,
            reads,
            most_reads,
        } = learned.batches;
        let (limits, exec) = (learned.limits, learned.exec);
        for limit in [
            limits.chunk,
            limits.most,
            limits.listers,
            exec.transfers,
            exec.write_run,
        ]
        .into_iter()
        .chain([tokens, most_tokens, reads, most_reads])
        {
            assert!((1..=1_024).contains(&limit), "{limit}");
        }
        drop(learned.full_since());
        assert!(!learned.to_string().is_empty());
        learned.limits.chunk = 7;
        learned.save().unwrap();
        let again = Learned::load(folder.path(), "me");
        assert_eq!(
            (again.limits, again.exec, again.batches),
            (learned.limits, exec, learned.batches)
        );
    });
}
