//! Reading, writing and closing one end of a connection.

use core::task::{Poll, Waker};
use std::io;

use engine::time::Instant;
use tokio::io::ReadBuf;

use super::NetEvent;
use super::pipe::Read;
use super::state::{Conn, ConnKey, EndState, Net};
use crate::world::{NodeId, Shared};

// === impl Shared: connections ===

impl Shared {
    pub(crate) fn poll_read(
        &self,
        key: ConnKey,
        end: usize,
        waker: &Waker,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let now = self.exec.now();
        let mut net = self.net.borrow_mut();
        let Some(conn) = net.open_end(key, end) else {
            return Poll::Ready(Err(gone()));
        };
        let pipe = &mut conn.pipes[1 - end];
        match pipe.read(now, buf) {
            Read::Bytes(n) => {
                // Half a window of room before the writer runs again: no wake per small read.
                if pipe.room() >= super::pipe::WINDOW / 2
                    && let Some(writer) = pipe.writer.take()
                {
                    writer.wake();
                }
                net.counts.bytes_read += n as u64;
                Poll::Ready(Ok(()))
            }
            Read::Closed => Poll::Ready(Ok(())),
            Read::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Read::Wait(at) => {
                remember(&mut pipe.reader, waker);
                let at = at.filter(|at| *at != Instant::FAR_FUTURE);
                if let (Some(at), None) = (at, pipe.armed) {
                    let event = NetEvent::Arrival { key, from: 1 - end };
                    pipe.armed = Some(self.net_timer(at, event));
                }
                Poll::Pending
            }
        }
    }

    pub(crate) fn poll_write(
        &self,
        key: ConnKey,
        end: usize,
        waker: &Waker,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let now = self.exec.now();
        let mut net = self.net.borrow_mut();
        let net = &mut *net;
        let Some(conn) = net
            .conns
            .get_mut(key)
            .filter(|c| c.ends[end].state == EndState::Open)
        else {
            return Poll::Ready(Err(gone()));
        };
        if conn.pipes[1 - end].is_reset(now) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if conn.pipes[end].end.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let (from, peer) = (conn.ends[end].node, conn.ends[1 - end].state);
        let pipe = &mut conn.pipes[end];
        let n = pipe.room().min(data.len());
        if n == 0 && !data.is_empty() {
            remember(&mut pipe.writer, waker);
            return Poll::Pending;
        }
        let data = &data[..n];
        self.trace.borrow_mut().event(now, "write", from.0, data);
        net.counts.bytes_written += n as u64;
        if peer == EndState::Closed {
            // Nobody reads any more: the bytes are lost, and the answer is a reset.
            net.counts.bytes_lost += n as u64;
            conn.pipes[1 - end].finish(true, now);
            self.notify(conn, key, 1 - end);
            return Poll::Ready(Ok(n));
        }
        pipe.push(data, now);
        self.notify(conn, key, end);
        Poll::Ready(Ok(n))
    }

    /// Half-close: the peer reads an end after everything that was written.
    pub(crate) fn shutdown(&self, key: ConnKey, end: usize) -> io::Result<()> {
        let now = self.exec.now();
        let mut net = self.net.borrow_mut();
        let Some(conn) = net.open_end(key, end) else {
            return Err(gone());
        };
        conn.pipes[end].finish(false, now);
        self.notify(conn, key, end);
        Ok(())
    }

    /// Closes an end. With bytes that were never read, or when asked to, that is a reset.
    pub(crate) fn close(&self, key: ConnKey, end: usize, abort: bool) {
        let now = self.exec.now();
        let mut net = self.net.borrow_mut();
        let Some(conn) = net.open_end(key, end) else {
            return;
        };
        conn.ends[end].state = EndState::Closed;
        let incoming = &mut conn.pipes[1 - end];
        let unread = incoming.has_unread(now) || incoming.buffered() > 0;
        let mut lost = incoming.discard();
        let writer = incoming.writer.take();
        if abort {
            lost += conn.pipes[end].discard();
        }
        conn.pipes[end].finish(abort || unread, now);
        self.notify(conn, key, end);
        net.counts.bytes_lost += lost as u64;
        self.reap(&mut net, key);
        drop(net);
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    /// Forgets a connection that nobody holds.
    pub(crate) fn reap(&self, net: &mut Net, key: ConnKey) {
        let Some(conn) = net.conns.get_mut(key) else {
            return;
        };
        if conn.ends.iter().any(|e| e.state == EndState::Open) {
            return;
        }
        for pipe in &mut conn.pipes {
            net.counts.bytes_lost += pipe.discard() as u64;
            if let Some(timer) = pipe.armed.take() {
                self.exec.cancel(timer);
            }
        }
        net.conns.remove(key);
    }

    /// Something was put into `pipes[from]`: wakes or arms whoever waits for it.
    pub(crate) fn notify(&self, conn: &mut Conn, key: ConnKey, from: usize) {
        let now = self.exec.now();
        let pipe = &mut conn.pipes[from];
        if pipe.reader.is_some()
            && let Some(at) = pipe.next_arrival()
        {
            if at <= now {
                if let Some(timer) = pipe.armed.take() {
                    self.exec.cancel(timer);
                }
                if let Some(reader) = pipe.reader.take() {
                    reader.wake();
                }
            } else if pipe.armed.is_none() {
                pipe.armed = Some(self.net_timer(at, NetEvent::Arrival { key, from }));
            }
        }
        // A reset also stops the peer's writer, which may come to wait later.
        match pipe.reset_at() {
            Some(at) if at > now => {
                self.net_timer(at, NetEvent::ResetArrival { key, from });
            }
            Some(_) => wake_both(conn, from),
            None => {}
        }
    }

    pub(crate) fn on_arrival(&self, key: ConnKey, from: usize) {
        let mut net = self.net.borrow_mut();
        let Some(conn) = net.conns.get_mut(key) else {
            return;
        };
        let pipe = &mut conn.pipes[from];
        pipe.armed = None;
        if let Some(reader) = pipe.reader.take() {
            reader.wake();
        }
    }

    pub(crate) fn on_reset_arrival(&self, key: ConnKey, from: usize) {
        let mut net = self.net.borrow_mut();
        let now = self.exec.now();
        let Some(conn) = net.conns.get_mut(key) else {
            return;
        };
        if conn.pipes[from].is_reset(now) {
            // What the peer has sent and we have not read is gone with us.
            let lost = conn.pipes[1 - from].discard();
            wake_both(conn, from);
            net.counts.bytes_lost += lost as u64;
        }
    }
}

// === impl Net: connections ===

impl Net {
    /// The connection, when this end of it is open.
    pub(crate) fn open_end(&mut self, key: ConnKey, end: usize) -> Option<&mut Conn> {
        self.conns
            .get_mut(key)
            .filter(|c| c.ends[end].state == EndState::Open)
    }

    /// Connections with an end on `node`: key and which end.
    pub(crate) fn ends_on(&self, node: NodeId) -> Vec<(ConnKey, usize)> {
        let both = self.conns.iter().flat_map(|(key, conn)| {
            [0, 1]
                .into_iter()
                .filter(move |e| conn.ends[*e].node == node)
                .map(move |e| (key, e))
        });
        both.collect()
    }
}

/// Wakes the reader of `pipes[from]` and the writer on the same end.
fn wake_both(conn: &mut Conn, from: usize) {
    let reader = conn.pipes[from].reader.take();
    let writer = conn.pipes[1 - from].writer.take();
    for waker in [reader, writer].into_iter().flatten() {
        waker.wake();
    }
}

pub(crate) fn remember(slot: &mut Option<Waker>, waker: &Waker) {
    match slot {
        Some(old) if old.will_wake(waker) => {}
        _ => *slot = Some(waker.clone()),
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the connection is gone")
}
