//! `meshctl tap`.

use std::io::Write as _;
use std::time::Duration;

use ::proxy::tap::{Asked, Counts, Line, RATE_DEFAULT, RATE_MAX};
use tokio::sync::mpsc;
use tokio::time::{self, Instant};

use crate::error::{Answer, Error};
use crate::top::print::Format;
use crate::top::source::{ADDRESS, proxies};
use crate::ui::Ui;

mod ask;
mod show;
mod stream;

use show::Show;
use stream::Stream;

/// Lines that wait to be printed, in pieces of the stream: what comes faster waits in the proxy,
/// which has a bound and counts.
const PIECES_MAX: usize = 16;

/// Watch requests as they end
///
/// A line per request, from the proxies at both of its ends: who called whom, what came of it,
/// after how long and how many tries. The proxy filters, samples and bounds what it sends; one that
/// nobody taps spends nothing. Values of headers and of query strings are not shown unless they are
/// asked for.
///
/// A flag may be given several times: one of its values has to match. `*` stands for anything.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl tap                                    the proxy at 127.0.0.1:14000, or the demo
  meshctl tap cart --status 5xx                  what fails of calls to the service cart
  meshctl tap --failed -o wide                   and why
  meshctl tap --source 'shop/web-*' --path '/cart*' --method POST
  meshctl tap --slower-than 250ms --rate 10 --for 1m
  meshctl tap --side inbound --identity '*/sa/web' --header user-agent -o yaml
  meshctl tap --sample 0.01 --count 1000 -o json | jq -r .path | sort | uniq -c

Exit status: 0 it was watched to its end, 2 it could not be.")]
pub(crate) struct Args {
    #[command(flatten)]
    ask: ask::Flags,
    /// A proxy's admin address, HOST:PORT; can be given several times [default: 127.0.0.1:14000]
    #[arg(long = "proxy", value_name = "ADDR")]
    proxies: Vec<String>,
    /// End after so many requests
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = ask::duration)]
    time: Option<Duration>,
    /// Output format: json is a line for each request
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

/// What was heard.
enum Heard {
    Lines(usize, Vec<Line>),
    /// A stream that is over, and why.
    Lost(String),
}

/// Why it ended.
enum End {
    Enough,
    /// Nobody is left to listen to.
    Lost(String),
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let query = args.ask.query();
    // A wrong question is not asked: the answer would come from each proxy.
    if let Err(why) = Asked::read(&query) {
        return Err(Error::new("that cannot be asked").caused_by(why));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new("cannot start").caused_by(e))?;
    runtime.block_on(watch(ui, args, &query))
}

async fn watch(ui: &mut Ui, args: &Args, query: &str) -> Result<Answer, Error> {
    let client = proxies::client()?;
    let addresses = match &args.proxies[..] {
        [] => &[ADDRESS.to_owned()],
        some => some,
    };
    let mut streams = Vec::new();
    for address in addresses {
        streams.push(Stream::open(&client, address, query).await?);
    }
    let (sent, mut heard) = mpsc::channel(PIECES_MAX);
    let mut counts = vec![Counts::default(); streams.len()];
    for (i, stream) in streams.into_iter().enumerate() {
        tokio::spawn(hand_on(i, stream, sent.clone()));
    }
    drop(sent);
    let mut show = Show::new(args.output);
    show.begin(ui)?;
    let until = args.time.map(|time| Instant::now() + time);
    let mut left = args.count;
    let end = loop {
        let next = tokio::select! {
            biased;
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.map_err(|e| Error::new("cannot wait for Ctrl-C").caused_by(e))?;
                break End::Enough;
            }
            () = at(until) => break End::Enough,
            next = heard.recv() => next,
        };
        match next {
            None => break End::Lost("every proxy closed its stream".into()),
            Some(Heard::Lost(why)) => {
                if heard.sender_strong_count() == 0 {
                    break End::Lost(why);
                }
                ui.warning(&why)?;
            }
            Some(Heard::Lines(from, lines)) => {
                let mut requests = Vec::new();
                for line in lines {
                    match line {
                        Line::Counts(now) => counts[from] = now,
                        Line::Request(request) => requests.push(*request),
                    }
                }
                if let Some(left) = &mut left {
                    requests.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= requests.len() as u64;
                }
                show.requests(ui, &requests)?;
                ui.out().flush()?;
                if left == Some(0) {
                    break End::Enough;
                }
            }
        }
    };
    if let Some(text) = args.ask.left_out(&total(&counts), show.shown()) {
        ui.note(&text)?;
    }
    match end {
        End::Enough => Ok(Answer::Yes),
        End::Lost(why) => Err(Error::new(why)),
    }
}

/// Hands on what one proxy sends, until it ends.
async fn hand_on(from: usize, mut stream: Stream, sent: mpsc::Sender<Heard>) {
    loop {
        let heard = match stream.next().await {
            Ok(lines) => Heard::Lines(from, lines),
            Err(lost) => Heard::Lost(lost),
        };
        let over = matches!(heard, Heard::Lost(_));
        if sent.send(heard).await.is_err() || over {
            return;
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => time::sleep_until(time).await,
        None => core::future::pending().await,
    }
}

fn total(counts: &[Counts]) -> Counts {
    let sum = |of: fn(&Counts) -> u64| counts.iter().map(of).sum();
    Counts {
        matched: sum(|c| c.matched),
        sent: sum(|c| c.sent),
        left_out: sum(|c| c.left_out),
        over_rate: sum(|c| c.over_rate),
        dropped: sum(|c| c.dropped),
    }
}
