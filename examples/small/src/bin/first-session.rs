//! What does a new device go through until it has its session? Played against a gateway inside this process.
//!
//! `first-session`

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use openclaw_embedded_gateway::Gateway;
use openclaw_pairing::client::{Client, Outcome, Progress};
use openclaw_pairing::identity::DeviceKey;
use openclaw_pairing::secrecy::SecretString;
use openclaw_pairing::{Decision, DeviceSigner as _, Policy, Scope, ScopeSet};
use openclaw_runbook::{errln, outln};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match play().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            errln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn play() -> Result<(), Box<dyn std::error::Error>> {
    let token = SecretString::from("test-token-of-the-first-session");
    let gateway = Gateway::builder().token(token.clone()).auto_approve_local(false).start().await?;
    let wanted = ScopeSet::from([Scope::Read]);
    let key = Arc::new(DeviceKey::from_seed(&[7; 32]));
    let mut policy = Policy::default();
    policy.poll = Duration::from_millis(20);

    let device = Client::new(&gateway.url())?.shared_token(token.clone()).scopes(wanted).policy(policy);
    let mut connecting = device.signer(key.clone()).start()?;
    loop {
        match connecting.next().await {
            Progress::Pending(refusal) => {
                outln!("the device waits: {}", refusal.message);
                // The owner: the shared token, no device, inside the gateway's namespace.
                let owner = ScopeSet::from([Scope::Admin, Scope::Pairing]);
                let owner = Client::new(&gateway.url())?.shared_token(token.clone()).scopes(owner);
                let Outcome::Session(mut session) = owner.connect().await? else { continue };
                let approved = session.approve(key.device_id(), wanted).await?;
                outln!("the owner approves it for {}", approved.scopes);
                if let Some(request) = &refusal.request_id {
                    connecting.decided(request, Decision::Approved);
                }
            }
            Progress::Session(session) => {
                outln!("it has its session, with {}", session.hello().scopes);
                session.close().await;
                gateway.stop().await;
                return Ok(());
            }
            Progress::Stopped(stopped) => return Err(format!("it was stopped: {stopped:?}").into()),
            _ => {}
        }
    }
}
