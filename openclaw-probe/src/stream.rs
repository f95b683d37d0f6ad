//! A connected socket, plain or TLS, so that every layer above is written once; and what bounds the peer at its other end.

pub(crate) mod tcp;
pub(crate) mod tls;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::classify::TooMuch;
use crate::mask::Mask;
use crate::report::Fault;
use crate::target::Target;

use tcp::Stream;
use tls::TlsSetup;

/// TCP, with TLS over it or not.
pub(crate) enum Socket {
    Plain(Stream),
    #[cfg(feature = "__tls")]
    Tls(Box<tokio_rustls::client::TlsStream<Stream>>),
}

impl Socket {
    pub(crate) const fn plain(stream: Stream) -> Self {
        Self::Plain(stream)
    }

    /// A fresh connection to the address that TCP proved.
    pub(crate) async fn open(
        setup: &TlsSetup,
        target: &Target,
        address: SocketAddr,
        mask: &Mask,
    ) -> Result<Self, Fault> {
        let stream = tcp::open(address).await?;
        if target.is_secure() {
            return setup.connect(target, stream, mask).await.map(|(socket, _)| socket);
        }
        Ok(Self::plain(stream))
    }
}

/// Hands a call down to the stream inside.
macro_rules! delegate {
    ($self:ident, $call:ident $(, $argument:expr)*) => {
        match $self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).$call($($argument),*),
            #[cfg(feature = "__tls")]
            Self::Tls(stream) => Pin::new(stream.as_mut()).$call($($argument),*),
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_read, cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write, cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_flush, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_shutdown, cx)
    }
}

/// A connection whose peer is heard only after it was asked, and for so many bytes.
///
/// What a listener sends unasked (a banner, a TLS alert) is read as its answer, and no parser above has to end by itself.
pub(crate) struct Bounded<S> {
    socket: S,
    left: usize,
    asked: bool,
    reader: Option<Waker>,
}

impl<S> Bounded<S> {
    pub(crate) const fn new(socket: S, limit: usize) -> Self {
        Self { socket, left: limit, asked: false, reader: None }
    }

    /// Makes room for so many bytes from now on.
    pub(crate) const fn renew(&mut self, limit: usize) {
        self.left = limit;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.asked {
            // No room to read into: this only waits. What is there already waits until something was asked.
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut ReadBuf::new(&mut [])))?;
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other(TooMuch)));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buf);
        self.left = self.left.saturating_sub(buf.filled().len().saturating_sub(before));
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        if written.is_ready() {
            self.asked = true;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// Nothing to do: who is done here drops the connection at once.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
