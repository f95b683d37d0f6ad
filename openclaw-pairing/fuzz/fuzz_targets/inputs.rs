//! Any sequence of inputs: no panic, at most one timer, none in a final phase, no way out of one.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use openclaw_pairing::{
    BootTag, Cause, Credentials, Decision, Grant, Input, Output, Pairing, Policy, RefusalClass, Refused, RequestTag, Scope,
    ScopeSet, Timer,
};

#[derive(Arbitrary, Debug)]
enum Op {
    Start,
    Up,
    Down(u8),
    Challenged,
    Signed,
    SignFailed,
    Hello { full: bool, token: bool, boot: u8 },
    Refused { class: u8, request: u8, wait: Option<u32> },
    Decided { request: u8, approved: bool },
    Fire(u8),
    Violated,
    Abort,
}

const CLASSES: [RefusalClass; 12] = [
    RefusalClass::Bootstrap,
    RefusalClass::Clock,
    RefusalClass::DeviceToken,
    RefusalClass::Identity,
    RefusalClass::LockedOut,
    RefusalClass::Origin,
    RefusalClass::Other,
    RefusalClass::Pairing,
    RefusalClass::Protocol,
    RefusalClass::SharedSecret,
    RefusalClass::Starting,
    RefusalClass::TokenScope,
];

fn input(op: &Op) -> Input {
    let tag = |request: u8| RequestTag::of(&(request % 4).to_string());
    match *op {
        Op::Start => Input::Start,
        Op::Up => Input::TransportUp,
        Op::Down(cause) => Input::TransportDown(
            [Cause::Lost, Cause::Restarting, Cause::AuthChanged, Cause::DeviceRemoved][usize::from(cause % 4)],
        ),
        Op::Challenged => Input::Challenged,
        Op::Signed => Input::Signed,
        Op::SignFailed => Input::SignFailed,
        Op::Hello { full, token, boot } => {
            let scopes = if full { ScopeSet::from([Scope::Admin]) } else { ScopeSet::EMPTY };
            Input::Hello(Grant::new(scopes, BootTag::of(&boot.to_string()), token))
        }
        Op::Refused { class, request, wait } => {
            let mut refused = Refused::new(CLASSES[usize::from(class) % CLASSES.len()]);
            refused.request = Some(tag(request));
            refused.retry_after = wait.map(|wait| Duration::from_millis(wait.into()));
            Input::Refused(refused)
        }
        Op::Decided { request, approved } => {
            Input::Decided(tag(request), if approved { Decision::Approved } else { Decision::Rejected })
        }
        Op::Fire(timer) => Input::TimerFired(Timer::ALL[usize::from(timer) % Timer::ALL.len()]),
        Op::Violated => Input::Violated,
        Op::Abort => Input::Abort,
    }
}

fuzz_target!(|run: (u8, Vec<Op>)| {
    let (held, ops) = run;
    let mut credentials = Credentials::default();
    credentials.identity = held & 1 != 0;
    credentials.device_token = held & 2 != 0;
    credentials.bootstrap = held & 4 != 0;
    credentials.shared = held & 8 != 0;
    let mut device = Pairing::new(Policy::default(), credentials, ScopeSet::from([Scope::Read])).unwrap();
    let mut armed = None;
    for op in &ops {
        let before = device;
        let input = input(op);
        let outputs = device.handle(input);
        assert!(outputs.heard() || device == before, "an ignored input changed something");
        if outputs.heard() && matches!(input, Input::TimerFired(_)) {
            armed = None;
        }
        for output in &outputs {
            match *output {
                Output::Arm(timer, after) => {
                    assert!(armed.is_none() && !after.is_zero(), "{timer:?} over {armed:?}");
                    armed = Some(timer);
                }
                Output::Disarm(timer) => assert_eq!(armed.take(), Some(timer)),
                _ => {}
            }
        }
        assert_eq!(armed, device.armed());
        assert!(!device.phase().is_terminal() || armed.is_none());
        assert!(!before.phase().is_terminal() || device == before, "left a final phase");
    }
});
