//! What the machine wants done.

use std::time::Duration;

use serde::Serialize;

use crate::input::Timer;
use crate::phase::Phase;

/// One thing for the driver to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Output {
    /// Open a new WebSocket.
    Open,
    /// Close the WebSocket.
    Close,
    /// Sign the challenge of this connection. The signed text contains the credential that will be sent.
    Sign(CredentialKind),
    /// Send the connect request with this credential.
    SendConnect(CredentialKind),
    /// Start this timer, replacing any earlier start of it.
    Arm(Timer, Duration),
    /// Stop this timer.
    Disarm(Timer),
    /// Keep the device token of the hello just seen.
    StoreDeviceToken,
    /// Throw the stored device token away: the gateway no longer takes it.
    ForgetDeviceToken,
    /// Tell the caller where things stand.
    Report(Phase),
}

/// Which secret goes into a connect request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CredentialKind {
    /// None: only useful against a gateway with `auth.mode: none`.
    None,
    /// The device's own token, from an earlier hello.
    DeviceToken,
    /// A one-time setup code.
    Bootstrap,
    /// The token (or password) that gateway and clients share.
    Shared,
}

const CAPACITY: usize = 6;

/// The outputs of one input, in the order to carry them out.
#[derive(Clone, Copy)]
pub struct Outputs {
    items: [Output; CAPACITY],
    len: u8,
    heard: bool,
}

impl Outputs {
    pub(crate) const fn new(heard: bool) -> Self {
        Self { items: [Output::Close; CAPACITY], len: 0, heard }
    }

    /// Every transition yields at most [`CAPACITY`] outputs; the model visits them all and would see a loss.
    #[inline]
    pub(crate) fn push(&mut self, output: Output) {
        if let Some(slot) = self.items.get_mut(usize::from(self.len)) {
            *slot = output;
            self.len += 1;
        }
    }

    /// False if the input meant nothing in this phase and changed nothing.
    pub const fn heard(&self) -> bool {
        self.heard
    }

    /// The outputs, in order.
    #[inline]
    pub fn as_slice(&self) -> &[Output] {
        self.items.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl std::fmt::Debug for Outputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

impl<'a> IntoIterator for &'a Outputs {
    type Item = &'a Output;
    type IntoIter = std::slice::Iter<'a, Output>;

    fn into_iter(self) -> Self::IntoIter {
        self.as_slice().iter()
    }
}
