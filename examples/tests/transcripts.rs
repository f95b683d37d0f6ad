//! What the embedded gateway says to the pairing driver, against the transcripts that openclaw-pairing's tests replay.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads the project's own files")]

use openclaw_examples::oracle::record_embedded;

#[tokio::test]
async fn the_recorded_transcripts_are_what_the_embedded_gateway_says() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../openclaw-pairing/tests/transcripts");
    let recordings = record_embedded().await.unwrap();
    assert_eq!(recordings.len(), 5);
    for (name, lines) in recordings {
        let said: String = lines.iter().map(|line| format!("{line}\n")).collect();
        assert!(!said.contains("oracle-test-token"), "{name} holds the shared token");
        let file = format!("{directory}/embedded-{name}.jsonl");
        let kept = std::fs::read_to_string(&file).unwrap();
        assert_eq!(kept, said, "{file}: record anew with `oracle record-embedded {directory}`");
    }
}
