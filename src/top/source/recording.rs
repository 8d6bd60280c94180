//! Recordings: frames from a file, at the pace at which they were made.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use engine::report::Frame;
use tokio::sync::mpsc::Sender;

use crate::error::Error;
use crate::top::app::Update;
use crate::top::control::Conductor;
use crate::top::lines::{self, Decoder};
use crate::top::record::events::is_notable;
use crate::top::store::{Link, SourceId};

/// A file that is open, with its name for messages.
pub(crate) struct Recording {
    name: String,
    input: BufReader<Box<dyn io::Read + Send>>,
    decoder: Decoder,
}

// === impl Recording ===

impl Recording {
    /// `-` is standard input.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let input: Box<dyn io::Read + Send> = match name.as_str() {
            "-" if io::stdin().is_terminal() => {
                return Err(Error::new("standard input is a terminal, and no recording")
                    .hint("pipe one into it, or name a file: --replay FILE"));
            }
            "-" => Box::new(io::stdin()),
            _ => Box::new(File::open(path).map_err(|e| {
                Error::new(format!("cannot read {name}"))
                    .caused_by(e)
                    .hint("make a recording: meshctl simulate SCENARIO --record FILE")
            })?),
        };
        Ok(Self {
            name,
            input: BufReader::with_capacity(1 << 16, input),
            decoder: Decoder::default(),
        })
    }

    /// The name of the file without its directories.
    pub(crate) fn title(&self) -> &str {
        let file = Path::new(&self.name).file_name();
        file.and_then(|name| name.to_str()).unwrap_or(&self.name)
    }

    /// The next frame; none at the end.
    ///
    /// # Errors
    /// When a line of it is no frame.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, Error> {
        self.read().map_err(|why| {
            Error::new(format!("{}, {why}", self.name))
                .hint("a recording is lines of JSON: meshctl simulate SCENARIO --record FILE")
        })
    }

    fn read(&mut self) -> Result<Option<Frame>, lines::BadLine> {
        lines::next(&mut self.decoder, &mut self.input)
    }

    /// Plays it on a thread of its own, from its first frame, as fast as `conductor` says.
    ///
    /// # Errors
    /// When there is no frame to begin with.
    pub(in crate::top) fn play(
        mut self,
        source: SourceId,
        updates: Sender<Update>,
        conductor: Arc<Conductor>,
    ) -> Result<(), Error> {
        let first = self.next()?.ok_or_else(|| empty(&self.name))?;
        let run = move || {
            let begin = first.at;
            let mut next: Result<_, lines::BadLine> = Ok(Some(first));
            let last = loop {
                let frame = match next {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break Link::Ended,
                    Err(why) => break Link::Lost(why.to_string()),
                };
                if conductor.reach(frame.at.since(begin)).is_err() {
                    return;
                }
                if frame.events.iter().any(|e| is_notable(e.kind)) {
                    conductor.met();
                }
                let update = Update::Frame(source, Box::new(frame));
                if updates.blocking_send(update).is_err() {
                    return;
                }
                next = self.read();
            };
            // When nobody listens any more, nobody needs to know.
            let _ = updates.blocking_send(Update::Link(source, last));
        };
        let named = thread::Builder::new().name("recording".into());
        let started = named.spawn(run);
        started.map_err(|e| Error::new("cannot start a thread").caused_by(e))?;
        Ok(())
    }

    /// All frames that are left.
    ///
    /// # Errors
    /// When a line is no frame, or there is none.
    pub(crate) fn for_each(mut self, mut each: impl FnMut(Frame)) -> Result<(), Error> {
        let first = self.next()?.ok_or_else(|| empty(&self.name))?;
        each(first);
        while let Some(frame) = self.next()? {
            each(frame);
        }
        Ok(())
    }
}

fn empty(name: &str) -> Error {
    Error::new(format!("{name} has no frames"))
        .hint("make a recording: meshctl simulate SCENARIO --record FILE")
}
