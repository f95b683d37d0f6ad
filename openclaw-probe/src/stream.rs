//! A connected socket, plain or TLS, so that every layer above is written once.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::report::Fault;
use crate::rung::tcp;
use crate::rung::tls::TlsSetup;
use crate::target::Target;

/// TCP, with TLS over it or not.
pub(crate) enum Socket {
    Plain(TcpStream),
    #[cfg(feature = "__tls")]
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl Socket {
    pub(crate) const fn plain(stream: TcpStream) -> Self {
        Self::Plain(stream)
    }

    /// A fresh connection to the address that TCP proved.
    pub(crate) async fn open(setup: &TlsSetup, target: &Target, address: SocketAddr) -> Result<Self, Fault> {
        let stream = tcp::open(address).await?;
        if target.is_secure() {
            return setup.connect(target, stream).await.map(|(socket, _)| socket);
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
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        delegate!(self, poll_read, cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        delegate!(self, poll_write, cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        delegate!(self, poll_flush, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        delegate!(self, poll_shutdown, cx)
    }
}
