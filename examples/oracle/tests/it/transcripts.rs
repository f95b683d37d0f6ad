//! What the embedded gateway says to the pairing driver and to the ladder as each of its releases, against what that release
//! says: the transcripts that the tests of openclaw-pairing and openclaw-probe replay.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads the project's own files")]

use openclaw_embedded_gateway::Release;
use openclaw_oracle::record_embedded;

#[tokio::test]
async fn the_embedded_gateway_says_what_the_real_one_says() {
    let checkout = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    for release in Release::ALL {
        let recordings = record_embedded(release).await.unwrap();
        assert_eq!(recordings.len(), 9);
        for recording in recordings {
            let said: String = recording.lines.iter().map(|line| format!("{line}\n")).collect();
            let file = checkout.join(recording.file(release.number()));
            assert!(!said.contains("oracle-test-token"), "{} holds the shared token", file.display());
            assert_eq!(std::fs::read_to_string(&file).unwrap(), said, "{}", file.display());
        }
    }
}
