//! Continuous probing of one or ten thousand targets: bounded concurrency, a schedule for each target, nothing spawned.

#![expect(
    clippy::disallowed_methods,
    reason = "a fleet runs on the real clock; its schedule is pure, below it"
)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::backoff::Backoff;
use crate::prober::Prober;
use crate::report::ProbeReport;
use crate::rung::Rung;
use crate::target::Target;

/// How a fleet is probed.
///
/// Good targets are asked every `interval`; bad ones at the pace of `backoff`. Both are shortened by jitter, so that a
/// fleet does not march in step.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "settings that a caller fills in one by one")]
pub struct Fleet {
    /// What is asked: [`Prober::check`] for one HTTP question, [`Prober::climb`] for anything above.
    pub upto: Rung,
    /// The longest pause between two probes of a good target.
    pub interval: Duration,
    /// The share of the interval, 0 to 1, by which a pause may be shortened.
    pub jitter: f64,
    /// The pauses of a target that is not good.
    pub backoff: Backoff,
    /// The most probes at a time.
    pub concurrency: usize,
    /// The start of the jitter's sequence.
    pub seed: u64,
}

impl Fleet {
    /// Probes until `stop` is ready, and returns how many probes came to their end; those under way are dropped, for a target
    /// may take the whole time of a climb. Each report goes to `observe` with the index of its target.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the probes under way.
    pub async fn run(
        &self,
        prober: &Prober,
        targets: &[Target],
        stop: impl Future<Output = ()>,
        mut observe: impl FnMut(usize, &ProbeReport),
    ) -> u64 {
        let started = Instant::now();
        let mut schedule = Schedule::new(self, targets.len());
        let mut running = FuturesUnordered::new();
        let mut stop = pin!(stop);
        let mut made = 0;
        let mut timer = pin!(tokio::time::sleep(Duration::ZERO));
        if targets.is_empty() {
            return made;
        }
        loop {
            while running.len() < self.concurrency.max(1) {
                let Some(index) = schedule.due(started.elapsed()) else { break };
                let Some(target) = targets.get(index) else { continue };
                running.push(async move { (index, prober.check(target, self.upto).await) });
            }
            let next = schedule.next().filter(|_| running.len() < self.concurrency.max(1));
            if let Some(at) = next {
                timer.as_mut().reset((started + at).into());
            }
            let step = poll_fn(|cx| {
                if stop.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(ControlFlow::Break(()));
                }
                // An empty set of futures is not an end.
                if let Poll::Ready(Some(ended)) = running.poll_next_unpin(cx) {
                    return Poll::Ready(ControlFlow::Continue(Some(ended)));
                }
                match timer.as_mut().poll(cx) {
                    Poll::Ready(()) if next.is_some() => Poll::Ready(ControlFlow::Continue(None)),
                    _ => Poll::Pending,
                }
            })
            .await;
            match step {
                ControlFlow::Break(()) => return made,
                ControlFlow::Continue(Some((index, report))) => {
                    made += 1;
                    observe(index, &report);
                    schedule.ended(index, started.elapsed(), report.is_good());
                }
                ControlFlow::Continue(None) => {}
            }
        }
    }
}

/// Who is due when. Pure.
struct Schedule<'a> {
    fleet: &'a Fleet,
    queue: BinaryHeap<Reverse<(Duration, usize)>>,
    failures: Vec<u32>,
    random: u64,
}

impl<'a> Schedule<'a> {
    /// The first round is spread over one interval.
    fn new(fleet: &'a Fleet, targets: usize) -> Self {
        let mut schedule = Self {
            fleet,
            queue: BinaryHeap::with_capacity(targets),
            failures: vec![0; targets],
            random: fleet.seed,
        };
        for index in 0..targets {
            let at = if targets == 1 { Duration::ZERO } else { fleet.interval.mul_f64(schedule.random()) };
            schedule.queue.push(Reverse((at, index)));
        }
        schedule
    }

    fn next(&self) -> Option<Duration> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    fn due(&mut self, now: Duration) -> Option<usize> {
        self.next().filter(|at| *at <= now)?;
        self.queue.pop().map(|Reverse((_, index))| index)
    }

    fn ended(&mut self, index: usize, now: Duration, good: bool) {
        let random = self.random();
        let pause = match self.failures.get_mut(index) {
            Some(failures) if !good => {
                *failures = failures.saturating_add(1);
                self.fleet.backoff.delay(*failures - 1, random)
            }
            failures => {
                if let Some(failures) = failures {
                    *failures = 0;
                }
                self.fleet.interval.mul_f64(1.0 - self.fleet.jitter.clamp(0.0, 1.0) * random)
            }
        };
        self.queue.push(Reverse((now.saturating_add(pause), index)));
    }

    /// From 0 to 1: splitmix64, which is plenty for spreading load.
    fn random(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use proptest::prelude::*;

    fn fleet(jitter: f64) -> Fleet {
        let backoff =
            Backoff::new(Duration::from_millis(500), Duration::from_secs(8), 0.5).expect("sensible");
        Fleet {
            upto: Rung::Liveness,
            interval: Duration::from_secs(10),
            jitter,
            backoff,
            concurrency: 4,
            seed: 7,
        }
    }

    proptest! {
        /// Every target is asked, none twice at once, and no pause leaves its bounds.
        #[test]
        fn schedules_are_fair(results in proptest::collection::vec(any::<bool>(), 50..300), targets in 1usize..20, jitter in 0.0..=1.0f64) {
            let fleet = fleet(jitter);
            let mut schedule = Schedule::new(&fleet, targets);
            let mut now = Duration::ZERO;
            let mut asked = vec![0u32; targets];
            for good in results {
                now = now.max(schedule.next().expect("somebody is always due"));
                let index = schedule.due(now).expect("due");
                asked[index] += 1;
                prop_assert_eq!(schedule.queue.len(), targets - 1);
                schedule.ended(index, now, good);
                let latest = schedule.queue.iter().map(|Reverse((at, _))| *at).max().expect("queued");
                prop_assert!(latest <= now + fleet.interval);
            }
        }
    }

    #[tokio::test]
    async fn a_fleet_ends_when_told() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let targets: Vec<Target> = vec![free.to_string().parse().expect("a target"); 50];
        let mut fleet = fleet(0.5);
        fleet.interval = Duration::from_millis(20);
        fleet.backoff =
            Backoff::new(Duration::from_millis(1), Duration::from_millis(5), 0.5).expect("sensible");
        let prober = Prober::builder().build().expect("a prober");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let mut stop = Some(stop);
        let mut seen = std::collections::BTreeSet::new();
        let mut observed = 0;
        let made = fleet
            .run(&prober, &targets, async { drop(stopped.await) }, |index, report| {
                assert!(!report.is_good());
                seen.insert(index);
                observed += 1;
                if seen.len() == 50 {
                    stop.take();
                }
            })
            .await;
        assert_eq!(made, observed);
    }

    #[tokio::test]
    async fn a_target_that_never_answers_keeps_no_fleet_from_its_end() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let targets: Vec<Target> =
            vec![silent.local_addr().expect("bound").to_string().parse().expect("a target")];
        let mut fleet = fleet(0.0);
        fleet.upto = Rung::Challenge;
        let prober =
            Prober::builder().budget(Budget::total(Duration::from_secs(600))).build().expect("a prober");
        let asked = async { drop(silent.accept().await) };
        assert_eq!(fleet.run(&prober, &targets, asked, |_, _| {}).await, 0);
    }
}
