//! What gives a secret away: its name, and how it reads itself.

/// Words that give a secret away wherever they stand in a name and however they are joined: `api_key`, `apiKey`.
const PARTS: &[&str] = &[
    "token",
    "secret",
    "passwd",
    "password",
    "passphrase",
    "passcode",
    "apikey",
    "authkey",
    "privatekey",
    "accesskey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "credential",
    "basicauth",
    "sessionkey",
    "bearer",
    "cookie",
    "mnemonic",
    "seedphrase",
];
/// Last words of a name that do where something stands before them: `TLS_KEY`, `encryptKey`, `basic-auth`.
const ENDS: &[&str] = &["key", "auth"];
/// Last words that do even alone.
const LAST: &[&str] =
    &["pass", "pwd", "pw", "pat", "psk", "dsn", "jwt", "otp", "salt", "sig", "signature", "webhook"];
/// Whoever knows the address may post there.
const ADDRESSES: &[&str] = &["webhookurl", "webhookuri"];
/// The directory that a shell is in, which every program of it is told.
const DIRECTORY: &str = "PWD";
/// A key that everybody may know.
const PUBLIC: &[&str] = &["publickey"];
/// Last words that say the value is a place or a measure, not the secret itself.
const HARMLESS: &[&str] = &[
    "file", "path", "dir", "url", "ttl", "timeout", "length", "limit", "name", "env", "mode", "type",
    "count", "error",
];

/// True for names such as `OPENCLAW_GATEWAY_TOKEN`, `DB_PASSWORD`, `apiKey`; false for `TOKEN_FILE`.
///
/// ```
/// use openclaw_compose::project::looks_secret;
///
/// assert!(looks_secret("OPENCLAW_GATEWAY_TOKEN") && looks_secret("botToken"));
/// assert!(!looks_secret("OPENCLAW_GATEWAY_PORT"));
/// assert!(!looks_secret("GATEWAY_TOKEN_FILE") && !looks_secret("publicKey"));
/// ```
#[must_use]
pub fn looks_secret(name: &str) -> bool {
    let bytes = name.as_bytes();
    let ends = |words: &[&str]| words.iter().any(|word| last_word(bytes, word).is_some());
    let alone =
        |words: &[&str]| words.iter().any(|word| name.eq_ignore_ascii_case(word)) && name != DIRECTORY;
    let last = |words: &[&str]| ends(words) || alone(words);
    // Asked for every key of a project: in most of them no word begins, and none ends.
    let begun = bytes.windows(2).any(|pair| BEGINNINGS.hold(pair));
    begun && (holds(bytes, PARTS) && !ends(HARMLESS) || holds(bytes, ADDRESSES))
        || bytes.last_chunk::<2>().is_some_and(|pair| ENDINGS.hold(pair))
            && (ends(ENDS) && !holds(bytes, PUBLIC) || last(LAST))
}

/// True where one of the parts begins somewhere in the name.
fn holds(name: &[u8], parts: &[&str]) -> bool {
    name.windows(2).enumerate().any(|(at, pair)| {
        let rest = name.get(at..).unwrap_or_default();
        BEGINNINGS.hold(pair) && parts.iter().any(|part| begins(rest, part))
    })
}

/// What [`PARTS`], [`ADDRESSES`] and [`PUBLIC`] begin with.
const BEGINNINGS: Pairs = Pairs::none().first_of(PARTS).first_of(ADDRESSES).first_of(PUBLIC);
/// What [`ENDS`] and [`LAST`] end with.
const ENDINGS: Pairs = Pairs::none().last_of(ENDS).last_of(LAST);

/// Pairs of letters in either case: for each first one, the bits of those that follow it.
struct Pairs([u32; 32]);

impl Pairs {
    const fn none() -> Self {
        Self([0; 32])
    }

    const fn and(mut self, first: u8, second: u8) -> Self {
        self.0[(first & 31) as usize] |= 1 << (second & 31);
        self
    }

    const fn first_of(mut self, words: &[&str]) -> Self {
        let mut at = 0;
        while at < words.len() {
            let word = words[at].as_bytes();
            self = self.and(word[0], word[1]);
            at += 1;
        }
        self
    }

    const fn last_of(mut self, words: &[&str]) -> Self {
        let mut at = 0;
        while at < words.len() {
            let word = words[at].as_bytes();
            self = self.and(word[word.len() - 2], word[word.len() - 1]);
            at += 1;
        }
        self
    }

    /// True also for some other characters, whose last five bits are those of a letter.
    fn hold(&self, pair: &[u8]) -> bool {
        matches!(*pair, [first, second] if self.0[usize::from(first & 31)] >> (second & 31) & 1 == 1)
    }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'_' | b'-' | b'.' | b' ')
}

/// True where `name` begins with the word, whatever stands between its letters to join it from others.
fn begins(name: &[u8], word: &str) -> bool {
    let mut letters = word.bytes().peekable();
    for (at, byte) in name.iter().enumerate() {
        match letters.peek() {
            None => return true,
            Some(letter) if byte.eq_ignore_ascii_case(letter) => {
                letters.next();
            }
            Some(_) if at > 0 && is_separator(*byte) => {}
            Some(_) => return false,
        }
    }
    letters.peek().is_none()
}

/// Where `word` begins as the last word of a name that has more: behind a separator, or a capital behind a small letter.
fn last_word(name: &[u8], word: &str) -> Option<usize> {
    let at = name.len().checked_sub(word.len()).filter(|&at| at > 0)?;
    let (before, found) = name.split_at_checked(at)?;
    let (&end, &first) = (before.last()?, found.first()?);
    let joined = is_separator(end) || first.is_ascii_uppercase() && !end.is_ascii_uppercase();
    (joined && found.eq_ignore_ascii_case(word.as_bytes())).then_some(at)
}

/// Beginnings of the tokens that well-known services hand out.
const ISSUED: &[&str] = &[
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "AKIA",
    "ASIA",
    "AIza",
    "eyJ",
    "hf_",
    "npm_",
    "dckr_pat_",
];
/// No name, number or path part of a stack is longer.
const LONGEST_WORD: usize = 40;

/// True for text in which some word reads like a key or a token: drawn at random, or too long for anything else. Words are
/// what stands between blanks and the punctuation of paths, URLs and lists.
///
/// A password that is a word looks like one, so this is a second look at what is thought harmless, never the only one.
///
/// ```
/// use openclaw_compose::project::looks_random;
///
/// assert!(looks_random("Bearer 9f3k2m7q5x8w1z4v6b0n"));
/// assert!(!looks_random("ghcr.io/openclaw/openclaw:2026.9.6"));
/// ```
#[must_use]
pub fn looks_random(text: &str) -> bool {
    words(text).any(|word| word.len() > LONGEST_WORD || is_random(word))
}

/// What stands between blanks and the punctuation of paths, URLs and lists.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '+' | '=')))
}

fn is_random(word: &str) -> bool {
    ISSUED.iter().any(|start| word.starts_with(start) && word.len() >= start.len() + 8)
        || is_uuid(word)
        || word.split(|c: char| !c.is_alphanumeric()).any(is_drawn)
}

/// The words of a file that a person wrote which read as if they were drawn at random. A commit, where one belongs, and a
/// digest are drawn as well, and are to be seen.
pub(crate) fn random_words(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| {
        let mut before = "";
        let release = names_a_release(line);
        // A name and its value are two.
        let drawn = words(line).flat_map(|word| word.split('=')).filter(move |word| {
            let is_digest = matches!(std::mem::replace(&mut before, word), "sha256" | "sha512");
            let is_commit = release && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            !is_digest && !is_commit && is_random(word)
        });
        // As in `${NAME:-word}`.
        drawn.map(|word| word.trim_matches(['-', '+']))
    })
}

/// `image: x`, `GIT_COMMIT=x`, `"x-version": x`
fn names_a_release(line: &str) -> bool {
    const WORDS: &[&str] = &["image", "tag", "version", "digest", "commit", "revision", "build", "release"];
    let name = line.split([':', '=']).next().unwrap_or_default();
    let name = name.trim_matches(|c: char| !c.is_alphanumeric());
    WORDS.iter().any(|word| name.eq_ignore_ascii_case(word) || last_word(name.as_bytes(), word).is_some())
}

/// True for a word that nobody but a service hands out: known by its beginning, or long and drawn from all letters and
/// digits. Digests, ids and UUIDs are drawn as well, and are none.
pub(crate) fn looks_issued(word: &str) -> bool {
    let digit = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
    let known = |start: &str| word.strip_prefix(start).is_some_and(|rest| rest.len() >= 12 && digit(rest));
    let drawn = |run: &str| {
        run.len() >= 20
            && digit(run)
            && run.bytes().any(|byte| byte.is_ascii_uppercase())
            && run.bytes().any(|byte| byte.is_ascii_lowercase())
            && !run.bytes().all(|byte| byte.is_ascii_hexdigit())
            && is_drawn(run)
    };
    word.len() >= 16
        && (ISSUED.iter().any(|start| known(start)) || word.split(|c: char| !c.is_alphanumeric()).any(drawn))
}

/// True for a run of letters and digits in which they change too often for a word, a number or a version.
fn is_drawn(run: &str) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Digit,
        Upper,
        Lower,
    }
    let kinds: Vec<Kind> = run
        .chars()
        .map(|c| match c {
            _ if c.is_ascii_digit() => Kind::Digit,
            _ if c.is_uppercase() => Kind::Upper,
            _ => Kind::Lower,
        })
        .collect();
    let length = kinds.len();
    if length < 8 {
        return false;
    }
    let changes = kinds.windows(2).filter(|pair| pair[0] != pair[1]).count();
    // A capital and what follows it are one word.
    let capitals = kinds.windows(2).filter(|pair| *pair == [Kind::Upper, Kind::Lower]).count();
    let breaks = changes.saturating_sub(capitals);
    let digits = kinds.iter().filter(|kind| **kind == Kind::Digit).count();
    if digits == length {
        return length > 13;
    }
    if digits == 0 {
        return length > 24 && breaks == 0 || breaks >= 3 && breaks * 3 >= length;
    }
    let hexadecimal = run.bytes().all(|byte| byte.is_ascii_hexdigit());
    let capitals = kinds.contains(&Kind::Upper);
    breaks >= 3 && breaks * 4 >= length
        || length >= 16 && (hexadecimal || capitals && breaks >= 2)
        || length > 24
}

fn is_uuid(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_in_either_case_and_however_it_is_joined() {
        for part in PARTS.iter().chain(ADDRESSES) {
            assert!(looks_secret(&format!("x{}y", part.to_uppercase())), "{part}");
            assert!(looks_secret(part), "{part}");
        }
        for end in ENDS.iter().chain(LAST) {
            let capital = format!("{}{}", end[..1].to_uppercase(), &end[1..]);
            for name in [format!("X_{}", end.to_uppercase()), format!("x-{end}"), format!("x{capital}")] {
                assert!(looks_secret(&name), "{name}");
            }
            assert!(!looks_secret(&format!("x{end}")), "{end} is the end of another word");
        }
        for harmless in HARMLESS {
            let capital = format!("{}{}", harmless[..1].to_uppercase(), &harmless[1..]);
            for name in [format!("TOKEN_{}", harmless.to_uppercase()), format!("token{capital}")] {
                assert!(!looks_secret(&name), "{name}");
            }
        }
    }

    /// Names as providers, channels and servers have them.
    #[test]
    #[rustfmt::skip]
    fn names_that_look_secret() {
        for name in [
            "TOKEN", "gateway_token", "DB_PASSWORD", "Api-Key", "CLAUDE_AI_SESSION_KEY", "x_pwd",
            // providers
            "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY", "AZURE_OPENAI_KEY",
            "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK",
            "ELEVENLABS_API_KEY", "XI_API_KEY", "BRAVE_API_KEY", "HF_TOKEN", "GITHUB_PAT", "COPILOT_GITHUB_TOKEN",
            "apiKey", "accessKeyId", "secretAccessKey", "sessionToken", "serviceAccountKey", "x-api-key",
            "Ocp-Apim-Subscription-Key",
            // channels
            "TELEGRAM_BOT_TOKEN", "DISCORD_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_WEBHOOK_URL",
            "MATRIX_ACCESS_TOKEN", "botToken", "appToken", "userToken", "signingSecret", "appSecret", "appPassword",
            "channelAccessToken", "channelSecret", "webhookSecret", "webhookUrl", "encryptKey", "verificationToken",
            "accessToken", "refreshToken", "idToken", "hookToken", "privateKey", "clientSecret", "authKey",
            // servers and networks
            "OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD", "TS_AUTHKEY", "TAILSCALE_AUTH_KEY",
            "NGROK_AUTHTOKEN", "CLOUDFLARE_TUNNEL_TOKEN", "SENTRY_DSN", "PGPASSWORD", "MYSQL_PWD", "SMTP_PASS",
            "ROOT_PW", "pass", "JWT_SECRET", "SECRET_KEY_BASE", "ENCRYPTION_KEY", "TLS_KEY", "sshKey", "BASIC_AUTH",
            "traefik.http.middlewares.x.basicauth.users", "Set-Cookie", "passPhrase", "WPA_PSK", "NEXTAUTH_SALT",
            "TOTP_OTP", "X-Hub-Signature",
        ] {
            assert!(looks_secret(name), "{name}");
        }
        for name in [
            "PORT", "image", "TOKEN_FILE", "tokenFile", "SECRETS_DIR", "passwordPath", "key", "auth", "environment",
            "", "publicKey", "SSH_PUBLIC_KEY", "OAUTH_TOKEN_URL", "authMode", "TOKEN_TYPE", "monkey", "compass",
            "bypass", "PWD", "OLDPWD", "keyboard", "healthcheck", "webhookPath", "webhookPort", "openclaw-gateway", "apiKeyEnv",
        ] {
            assert!(!looks_secret(name), "{name}");
        }
    }

    #[test]
    fn what_was_drawn_at_random_looks_so() {
        for drawn in [
            "Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC",
            "9f3k2m7q5x8w1z4v6b0n",
            "4f0f9d1c5f2b4c8f",
            "8d0f3b62-9df4-4f0c-8f53-0d6a3b1fb6a2",
            "canary-7QzToken-never-shown-anywhere-0123456789",
            "sk-proj-abcdefgh",
            "AKIAIOSFODNN7EXAMPLE",
            "aGVsbG8gd29ybGQgaGVsbG8",
            "qWeRtYuIoPaS",
            "83920184029384",
            "/srv/hooks/T0A1B2C3D4/x",
            "abcdefghijklmnopqrstuvwxyz",
        ] {
            assert!(looks_random(drawn), "{drawn}");
        }
    }

    #[test]
    fn a_random_word_is_found_in_a_file_but_for_commits_and_digests() {
        let text = "# was 9f3k2m7q5x8w1z4v6b0n\nA_NAME=5q8w1z4v6b0n==\nNOTE=\"${A:-RLJEQ-pl2j8ohohV8j-MR3t0EB}\"\nimage: app:5f3d7a1b q9w8E7r6T5\n\
                    GIT_COMMIT=4f0f9d1c5f2b4c8f\nbase: x@sha256:4f0f9d1c5f2b4c8f and 8d0f3b62-9df4-4f0c-8f53-0d6a3b1fb6a2\n";
        let found: Vec<&str> = random_words(text).collect();
        let expected = [
            "9f3k2m7q5x8w1z4v6b0n",
            "5q8w1z4v6b0n",
            "RLJEQ-pl2j8ohohV8j-MR3t0EB",
            "q9w8E7r6T5",
            "8d0f3b62-9df4-4f0c-8f53-0d6a3b1fb6a2",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_a_stack_is_made_of_does_not_look_random() {
        for plain in [
            "",
            "openclaw-gateway",
            "live-own-loopback-openclaw-gateway-1",
            "com.docker.compose.project.working_dir",
            "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS",
            "dangerouslyAllowHostHeaderOriginFallback",
            "hasDeviceIdentity",
            "dbUrlApiKey",
            "ghcr.io/openclaw/openclaw:2026.9.6-beta.1",
            "2026-11-22T06:22:40.018276Z",
            "1795328640114",
            "127.0.0.1:18789:18789/tcp",
            "/home/node/.openclaw/workspace",
            "ipv4addr sha256sum base64url x86_64 no-new-privileges",
        ] {
            assert!(!looks_random(plain), "{plain}");
        }
    }
}
