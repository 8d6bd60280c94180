//! Bodies from values: what can be replayed, what a mirror sees, how a pump ends.

use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;

use bytes::Bytes;
use http::HeaderMap;

use super::*;

type Item = Option<Result<Frame, StreamError>>;

/// Yields what it is given; pends where the script says `None`.
#[derive(Debug)]
struct Script {
    items: VecDeque<Option<Result<Frame, StreamError>>>,
    length: Length,
}

/// Takes what it is given while it has room.
#[derive(Debug, Default)]
struct Taker {
    frames: Vec<Frame>,
    ended: bool,
    room: usize,
    flushed: usize,
    closed: bool,
    aborted: bool,
}

impl Script {
    fn new(items: impl IntoIterator<Item = Item>) -> Self {
        Self {
            items: items.into_iter().collect(),
            length: Length::Unknown,
        }
    }

    fn of(pieces: &[&'static str]) -> Self {
        Self::new(pieces.iter().map(|p| Some(Ok(piece(p)))))
    }
}

impl Source for Script {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        match self.items.pop_front() {
            Some(Some(item)) => Poll::Ready(Some(item)),
            Some(None) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn is_end(&self) -> bool {
        self.items.is_empty()
    }

    fn length(&self) -> Length {
        self.length
    }
}

impl Sink for Taker {
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        match self.room {
            0 => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    fn send(&mut self, frame: Frame, end: bool) -> Result<(), StreamError> {
        assert!(!self.ended, "a frame after the last");
        self.room -= 1;
        self.ended = end;
        self.frames.push(frame);
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.flushed = self.frames.len();
        Poll::Ready(Ok(()))
    }

    fn poll_closed(&mut self, _: &mut Context<'_>) -> Poll<()> {
        match self.closed {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn abort(&mut self) {
        self.aborted = true;
    }
}

fn piece(text: &'static str) -> Frame {
    Frame::Data(Bytes::from_static(text.as_bytes()))
}

fn trailers() -> Frame {
    let mut map = HeaderMap::new();
    map.insert("grpc-status", "0".parse().unwrap());
    Frame::Trailers(map)
}

/// What a source yields until it pends or ends: data as text, `+` for trailers, `.` for the end,
/// `!` for an error, `~` for pending.
fn drain(source: &mut impl Source) -> String {
    let mut cx = Context::from_waker(Waker::noop());
    let mut seen = String::new();
    loop {
        match source.poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(Frame::Data(data)))) => {
                seen.push_str(core::str::from_utf8(&data).unwrap());
            }
            Poll::Ready(Some(Ok(Frame::Trailers(_)))) => seen.push('+'),
            Poll::Ready(Some(Err(_))) => return seen + "!",
            Poll::Ready(None) => return seen + ".",
            Poll::Pending => return seen + "~",
        }
    }
}

#[test]
fn a_replayed_body_equals_the_first() {
    for end in [vec![], vec![Some(Ok(trailers()))]] {
        let items = ["ab", "cd", "e"].map(|p| Some(Ok(piece(p))));
        let mut body = Replay::new(Script::new(items.into_iter().chain(end.clone())), 5);
        let first = drain(&mut body);
        assert!(first.starts_with("abcde"));
        for _ in 0..3 {
            assert!(body.rewind());
            assert!(!body.is_end());
            assert_eq!(drain(&mut body), first);
            assert!(body.is_end());
        }
    }
}

#[test]
fn a_body_can_be_rewound_while_it_arrives() {
    let items = [
        Some(Ok(piece("ab"))),
        None,
        Some(Ok(piece("cd"))),
        None,
        Some(Ok(piece("ef"))),
    ];
    let mut body = Replay::new(Script::new(items), 64);
    assert_eq!(drain(&mut body), "ab~");
    assert!(body.rewind());
    assert!(body.rewind());
    assert_eq!(drain(&mut body), "abcd~");
    assert!(body.rewind());
    assert_eq!(drain(&mut body), "abcdef.");
    assert_eq!(body.kept(), 6);
}

#[test]
fn a_body_that_does_not_fit_says_so_and_flows_on() {
    let mut body = Replay::new(Script::of(&["abc", "de", "f"]), 4);
    assert!(body.can_rewind());
    assert_eq!(drain(&mut body), "abcdef.");
    assert!(!body.can_rewind());
    assert!(!body.rewind());
    assert_eq!(body.kept(), 0, "what is of no use is not kept");
}

#[test]
fn an_untouched_body_can_always_be_sent_again() {
    let mut source = Script::of(&["abc"]);
    source.length = Length::Known(3);
    let mut body = Replay::new(source, 0);
    assert!(body.rewind());
    assert_eq!(drain(&mut body), "abc.");
    assert!(!body.rewind());
}

#[test]
fn a_committed_body_is_handed_out_whole_but_never_again() {
    let mut body = Replay::new(Script::of(&["ab", "cd"]), 64);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(body.poll_frame(&mut cx).is_ready());
    assert!(body.rewind());
    body.commit();
    assert_eq!(drain(&mut body), "abcd.");
    assert!(!body.rewind());
    assert_eq!(body.kept(), 0);
}

#[test]
fn a_broken_body_cannot_be_replayed() {
    let items = [Some(Ok(piece("ab"))), Some(Err(StreamError::Reset))];
    let mut body = Replay::new(Script::new(items), 64);
    assert_eq!(drain(&mut body), "ab!");
    assert!(!body.rewind());
    assert_eq!(drain(&mut body), "!");
}

#[test]
fn a_mirror_sees_what_the_original_sees() {
    let items = [
        Some(Ok(piece("ab"))),
        Some(Ok(piece("cd"))),
        Some(Ok(trailers())),
    ];
    let (mut tee, mut mirror) = Tee::new(Script::new(items), 64);
    assert_eq!(drain(&mut mirror), "~");
    assert_eq!(drain(&mut tee), "abcd+.");
    assert_eq!(drain(&mut mirror), "abcd+.");
    assert!(mirror.is_end());
}

#[test]
fn a_slow_mirror_is_dropped_and_the_original_flows_on() {
    let (mut tee, mut mirror) = Tee::new(Script::of(&["abc", "def", "ghi"]), 4);
    assert_eq!(drain(&mut tee), "abcdefghi.");
    assert_eq!(drain(&mut mirror), "!");

    let many = vec!["x"; MIRROR_FRAMES_MAX + 1];
    let (mut tee, mut mirror) = Tee::new(Script::of(&many), usize::MAX);
    assert_eq!(drain(&mut tee).len(), MIRROR_FRAMES_MAX + 2);
    assert_eq!(drain(&mut mirror), "!");
}

#[test]
fn a_mirror_of_an_abandoned_body_breaks() {
    let (mut tee, mut mirror) = Tee::new(Script::new([Some(Ok(piece("ab"))), None]), 64);
    assert_eq!(drain(&mut tee), "ab~");
    drop(tee);
    assert_eq!(drain(&mut mirror), "ab!");
}

#[test]
fn a_mirror_nobody_reads_keeps_nothing() {
    let (mut tee, mirror) = Tee::new(Script::of(&["abc", "def"]), 4);
    drop(mirror);
    assert_eq!(drain(&mut tee), "abcdef.");
    assert_eq!(tee.queued(), 0);
}

#[test]
fn a_pump_reads_only_when_there_is_room_and_flushes_when_there_is_nothing_to_read() {
    let items = [
        Some(Ok(piece("a"))),
        Some(Ok(piece("b"))),
        None,
        Some(Ok(piece("c"))),
    ];
    let mut source = Script::new(items);
    let mut sink = Taker {
        room: 1,
        ..Taker::default()
    };
    let mut pump = Pump::new();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pump.poll(&mut cx, &mut source, &mut sink).is_pending());
    assert_eq!(
        (sink.frames.len(), sink.flushed, source.items.len()),
        (1, 0, 3)
    );
    sink.room = 9;
    assert!(pump.poll(&mut cx, &mut source, &mut sink).is_pending());
    assert_eq!((sink.frames.len(), sink.flushed), (2, 2));
    assert_eq!(
        pump.poll(&mut cx, &mut source, &mut sink),
        Poll::Ready(Ok(()))
    );
    assert_eq!((sink.frames.len(), sink.flushed, sink.ended), (3, 3, true));
    assert_eq!(pump.moved(), 3);
}

#[test]
fn a_pump_ends_a_body_whose_end_comes_late() {
    let mut source = Script::new([None, None]);
    let mut sink = Taker {
        room: 9,
        ..Taker::default()
    };
    let mut pump = Pump::new();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pump.poll(&mut cx, &mut source, &mut sink).is_pending());
    assert!(pump.poll(&mut cx, &mut source, &mut sink).is_pending());
    assert_eq!(
        pump.poll(&mut cx, &mut source, &mut sink),
        Poll::Ready(Ok(()))
    );
    assert_eq!(sink.frames, [piece("")]);
    assert!(sink.ended);
}

#[test]
fn a_pump_says_which_side_broke() {
    let mut cx = Context::from_waker(Waker::noop());
    let mut source = Script::new([Some(Err(StreamError::Incomplete))]);
    let mut sink = Taker {
        room: 9,
        ..Taker::default()
    };
    let end = Pump::new().poll(&mut cx, &mut source, &mut sink);
    assert_eq!(
        end,
        Poll::Ready(Err(PumpError::Source(StreamError::Incomplete)))
    );
    assert!(sink.aborted);

    for room in [0, 9] {
        let mut source = Script::new([None]);
        let mut sink = Taker {
            room,
            closed: true,
            ..Taker::default()
        };
        let end = Pump::new().poll(&mut cx, &mut source, &mut sink);
        assert_eq!(end, Poll::Ready(Err(PumpError::Unwanted)));
    }
}

#[test]
fn a_pump_lets_others_run() {
    let mut source = Script::of(&vec!["x"; 1000]);
    let mut sink = Taker {
        room: 2000,
        ..Taker::default()
    };
    let mut pump = Pump::new();
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = 1;
    while pump.poll(&mut cx, &mut source, &mut sink).is_pending() {
        polls += 1;
    }
    assert!(polls > 10);
    assert_eq!(pump.moved(), 1000);
}
