//! Which lines of many hold words of the table, at a few bytes a nanosecond: of every word eight bytes in a row are chosen,
//! and any eight bytes hold a piece of four that begins at a multiple of five. So only there is looked, and where a piece is
//! one of a chosen eight, whether the word stands around it.

use std::collections::BTreeMap;

use super::Row;

/// How many bytes are looked at.
const PIECE: usize = 4;
/// How far from one piece to the next.
const STEP: usize = 5;
/// So many bytes in a row hold a piece, wherever they begin.
const CHOSEN: usize = PIECE + STEP - 1;
/// How many times 64 bits there are: of some, few are set, and together they stay in the processor's nearest memory.
const GROUPS: usize = 1024;

/// What gateways say all day. Of a word those bytes are chosen that are met least in it.
const CHATTER: &str = "[gateway] resolving authentication… starting HTTP server... log file: /tmp/openclaw/openclaw-2026-11-22.log \
[gateway] shutdown budget at startup: drain=315000ms shutdown=325000ms reserve=10000ms; source=Gateway stop policy=330000ms \
[gateway] Gateway is binding to a non-loopback address. Ensure authentication is configured before exposing to public networks. \
[gateway] http server listening (14 plugins: anthropic, browser, canvas, device-pair; 7.7s) starting channels and sidecars... \
[gateway] auth token was missing. Generated a new token and saved it to config. (node:10813) Warning: memory leak detected \
[heartbeat] started [health-monitor] started (interval: 300s) [reload] config change detected; evaluating reload (gateway.auth.token) \
[canvas] host mounted at http://127.0.0.1:18789/__openclaw__/canvas/ (root /home/node/.openclaw/canvas) \
[browser/server] Browser control listening on http://127.0.0.1:18791/ (auth=token) [bonjour] advertised gateway \
[ws] ⇄ res ✓ config.get 1016ms conn=f175d6e2…a061 id=2:ab1a6781 errorCode=INVALID_REQUEST errorMessage=invalid \
[ws] closed before connect conn=7370f9e9 peer=10.77.0.2:34670->10.77.0.1:21002 remote=10.77.0.2 fwd=n/a origin=n/a \
host=10.77.0.1:21002 ua=n/a code=1008 reason=unauthorized: client=cli cli v0.0.1 role=operator scopes=0 auth=token \
device=no platform= cause= handshake=failed durationMs=10 lastFrameType=req lastFrameMethod=connect lastFrameId= \
[ws] handshake timeout phase=ws_upgrade_started Gateway target: ws://127.0.0.1:18789 Source: Config: Bind: loopback local";

pub(super) struct Pieces {
    /// A bit for the hash of every piece.
    bits: Box<[u64; GROUPS]>,
    /// The pieces in the order of their bits, each with a word that holds it and how far in.
    places: Vec<(u32, &'static str, usize)>,
    /// Where the pieces of each group of bits begin among them, and where those of the last end.
    begins: Box<[usize; GROUPS + 1]>,
}

impl Pieces {
    pub(super) fn of(words: impl Iterator<Item = &'static str>) -> Self {
        let mut met: BTreeMap<u32, usize> = BTreeMap::new();
        for piece in CHATTER.as_bytes().windows(PIECE).filter_map(folded) {
            *met.entry(piece).or_default() += 1;
        }
        let mut bits = Box::new([0; GROUPS]);
        let mut places = Vec::new();
        for word in words {
            let in_chatter = |chosen: &[u8]| -> usize {
                chosen.windows(PIECE).filter_map(folded).filter_map(|piece| met.get(&piece)).sum()
            };
            let all = word.as_bytes().windows(CHOSEN).enumerate();
            let Some((from, chosen)) = all.min_by_key(|(_, chosen)| in_chatter(chosen)) else { continue };
            for (at, piece) in chosen.windows(PIECE).filter_map(folded).enumerate() {
                let (group, bit) = bit(piece);
                bits[group] |= bit;
                places.push((piece, word, from + at));
            }
        }
        let group = |place: &(u32, &str, usize)| bit(place.0).0;
        places.sort_unstable_by_key(|place| (group(place), *place));
        let begins = std::array::from_fn(|at| places.partition_point(|place| group(place) < at));
        Self { bits, begins: Box::new(begins), places }
    }

    /// Where in these lines the first that holds a word does, or a little behind; `None` where none does.
    pub(super) fn first(&self, lines: &[u8]) -> Option<usize> {
        let mut at = 0;
        let steps = lines.chunks_exact(STEP);
        let rest = steps.remainder();
        for step in steps.chain([rest]) {
            if let Some(piece) = folded(step) {
                let (group, bit) = bit(piece);
                if self.bits[group] & bit != 0 && self.is_in_word(piece, lines, at) {
                    return Some(at);
                }
            }
            at += STEP;
        }
        None
    }

    /// Whether a word stands around the piece that is here.
    #[cold]
    fn is_in_word(&self, piece: u32, lines: &[u8], at: usize) -> bool {
        let (group, _) = bit(piece);
        let places = self.places.get(self.begins[group]..self.begins[group + 1]).unwrap_or_default();
        places.iter().filter(|(other, ..)| *other == piece).any(|(_, word, into)| {
            let text = at.checked_sub(*into).and_then(|from| lines.get(from..from + word.len()));
            // Many words begin alike, and few end so.
            let end = |text: &[u8]| text.last_chunk::<PIECE>().and_then(|end| folded(end));
            text.is_some_and(|text| {
                end(text) == end(word.as_bytes()) && text.eq_ignore_ascii_case(word.as_bytes())
            })
        })
    }
}

/// The first bytes as one number, letters of both cases alike; some signs are, too.
fn folded(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.first_chunk::<PIECE>()?) | 0x2020_2020)
}

/// Which bit is that of a piece: of which group, and which in it.
fn bit(piece: u32) -> (usize, u64) {
    let hash = piece.wrapping_mul(0x9E37_79B1) >> 16;
    ((hash >> 6) as usize % GROUPS, 1 << (hash % 64))
}

/// Whether all words of the table can be found so.
pub(super) const fn are_long_enough(rows: &[Row]) -> bool {
    let mut row = 0;
    while row < rows.len() {
        let mut word = 0;
        while word < rows[row].words.len() {
            if rows[row].words[word].text.len() < CHOSEN {
                return false;
            }
            word += 1;
        }
        row += 1;
    }
    true
}
