//! What the embedded gateway says to the pairing driver and to the ladder, against the transcripts that the tests of
//! openclaw-pairing and openclaw-probe replay.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads the project's own files")]

use openclaw_examples::oracle::record_embedded;

#[tokio::test]
async fn the_recorded_transcripts_are_what_the_embedded_gateway_says() {
    let checkout = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let recordings = record_embedded().await.unwrap();
    assert_eq!(recordings.len(), 9);
    for recording in recordings {
        let said: String = recording.lines.iter().map(|line| format!("{line}\n")).collect();
        let file = checkout.join(recording.file("embedded"));
        assert!(!said.contains("oracle-test-token"), "{} holds the shared token", file.display());
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(kept, said, "{}: record anew with `oracle record-embedded CHECKOUT`", file.display());
    }
}

#[test]
fn the_embedded_gateway_answers_the_ladder_as_the_real_one_does() {
    let transcripts =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../openclaw-probe/tests/transcripts");
    for story in ["ready-inside", "ready-outside", "wrong-token", "locked-out"] {
        let said =
            |who: &str| std::fs::read_to_string(transcripts.join(format!("{who}-{story}.jsonl"))).unwrap();
        assert_eq!(said("embedded"), said("openclaw-2026.9.6"), "{story}");
    }
}
