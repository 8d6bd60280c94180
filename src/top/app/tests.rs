use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use engine::report::{Ended, EndpointState, EndpointStatus};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::top::draw::draw;
use crate::top::fixture::Proxy;
use crate::top::store::Clock;

/// A screen of that size, before a mesh of a proxy.
pub(in crate::top) struct Bench {
    pub(in crate::top) app: App,
    terminal: Terminal<TestBackend>,
    source: SourceId,
    pub(in crate::top) proxy: Proxy,
    seconds: u64,
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

impl Bench {
    pub(in crate::top) fn new(width: u16, height: u16) -> Self {
        let mut store = Store::new(WINDOWS[0]);
        let source = store.add("shop/web-0", Clock::real(at(0)));
        store.set_link(source, Link::Live, at(0));
        Self {
            app: App::new(store, Theme::Dark, at(0)),
            terminal: Terminal::new(TestBackend::new(width, height)).unwrap(),
            source,
            proxy: Proxy::new("shop/web-0"),
            seconds: 0,
        }
    }

    /// Three services; `cart` fails and has an open breaker.
    pub(in crate::top) fn shop(width: u16, height: u16) -> Self {
        let mut bench = Self::new(width, height);
        for service in ["shop/cart", "shop/catalog", "bank/ledger"] {
            bench.proxy.requests(service, 1);
        }
        bench.second();
        bench.proxy.requests("shop/cart", 6);
        bench.proxy.requests("shop/catalog", 40);
        bench.proxy.requests("bank/ledger", 3);
        for _ in 0..2 {
            let long = Duration::from_millis(90);
            bench.proxy.request("shop/cart", Ended::Failure, long);
        }
        let open = EndpointState::new(EndpointStatus::Open, "5 consecutive failures");
        let open = open.since(at(1)).until(at(9)).next_probe(at(9));
        bench.proxy.state("shop/cart", 0, open);
        bench.proxy.state("shop/cart", 1, EndpointState::default());
        bench.second();
        bench
    }

    /// A second passes, and a frame comes.
    pub(in crate::top) fn second(&mut self) {
        self.seconds += 1;
        let frame = Box::new(self.proxy.frame(1));
        let now = at(self.seconds);
        self.app.tick(now);
        self.app.update(Update::Frame(self.source, frame), now);
    }

    pub(in crate::top) fn key(&mut self, code: KeyCode) -> Option<Effect> {
        self.text();
        self.app.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    pub(in crate::top) fn keys(&mut self, keys: &str) {
        keys.chars().for_each(|c| {
            self.key(match c {
                '\n' => KeyCode::Enter,
                '\t' => KeyCode::Tab,
                c => KeyCode::Char(c),
            });
        });
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        self.text();
        self.app.mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        });
    }

    pub(in crate::top) fn draw(&mut self) -> &ratatui::buffer::Buffer {
        self.app.refresh();
        self.terminal
            .draw(|frame| draw(frame, &mut self.app))
            .unwrap();
        self.terminal.backend().buffer()
    }

    /// The screen as text.
    pub(in crate::top) fn text(&mut self) -> String {
        self.draw();
        self.terminal.backend().to_string()
    }

    /// The names in the first column.
    fn names(&mut self) -> Vec<String> {
        self.draw();
        let list = self.app.rows.list();
        self.app
            .order
            .iter()
            .map(|row| list.cell(*row, 0).text)
            .collect()
    }

    fn under_cursor(&mut self) -> String {
        self.draw();
        let row = self.app.selected().unwrap();
        self.app.rows.list().cell(row, 0).text
    }

    fn resize(&mut self, width: u16, height: u16) {
        self.terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        self.app.redraw();
    }
}

#[test]
fn troubles_come_first_and_any_column_sorts() {
    let mut bench = Bench::shop(100, 24);
    assert_eq!(
        bench.names(),
        ["shop/cart:80", "shop/catalog:80", "bank/ledger:80"]
    );
    bench.keys("1");
    assert_eq!(
        bench.names(),
        ["bank/ledger:80", "shop/cart:80", "shop/catalog:80"]
    );
    bench.keys("1");
    assert_eq!(
        bench.names(),
        ["shop/catalog:80", "shop/cart:80", "bank/ledger:80"]
    );
    bench.keys(">");
    assert_eq!(bench.names()[0], "shop/catalog:80", "by rate");
    bench.keys("0");
    assert_eq!(bench.names()[0], "shop/cart:80");
}

#[test]
fn the_filter_follows_while_one_types_and_escape_takes_it_back() {
    let mut bench = Bench::shop(100, 24);
    bench.keys("/ca");
    assert_eq!(bench.names(), ["shop/cart:80", "shop/catalog:80"]);
    bench.keys("t\n");
    assert_eq!(bench.names(), ["shop/catalog:80"]);
    assert!(bench.text().contains("/cat"));
    bench.key(KeyCode::Esc);
    assert_eq!(bench.names().len(), 3);
    bench.keys("e");
    assert_eq!(bench.names(), ["shop/cart:80"]);
    bench.keys("/nobody\n");
    assert!(bench.text().contains("nothing matches; Esc shows all"));
}

#[test]
fn enter_goes_from_a_service_to_its_backends_to_their_endpoints_and_escape_back() {
    let mut bench = Bench::shop(120, 24);
    bench.keys("\n");
    assert_eq!(
        bench.app.level().page,
        Page::Service(crate::top::fixture::cluster("shop", "cart"))
    );
    assert_eq!(bench.names(), ["default", "shop/cart:80"]);
    bench.keys("j\n");
    assert_eq!(bench.names(), ["shop/cart-0", "shop/cart-1"]);
    let text = bench.text();
    assert!(text.contains("5 consecutive failures"), "{text}");
    assert!(text.contains("services › shop/cart:80 › endpoints of shop/cart:80"));
    bench.keys("\n");
    assert_eq!(bench.names().len(), 2, "there is nothing below an endpoint");
    bench.key(KeyCode::Esc);
    bench.key(KeyCode::Esc);
    bench.key(KeyCode::Esc);
    assert_eq!(bench.app.level().page, Page::Services);
}

#[test]
fn the_cursor_stays_on_its_row_while_others_come_and_go() {
    let mut bench = Bench::shop(100, 24);
    bench.keys("j");
    assert_eq!(bench.under_cursor(), "shop/catalog:80");
    for _ in 0..20 {
        bench
            .proxy
            .request("bank/ledger", Ended::Failure, Duration::from_millis(1));
    }
    bench.second();
    assert_eq!(bench.under_cursor(), "shop/catalog:80");
    bench.keys("G");
    bench.keys("g");
    assert_eq!(bench.under_cursor(), "shop/cart:80");
}

#[test]
fn a_pause_stops_the_picture_and_loses_nothing() {
    let mut bench = Bench::shop(100, 24);
    bench.keys("p");
    let before = bench.text();
    assert!(before.contains("PAUSED"));
    let open = EndpointState::new(EndpointStatus::Open, "again");
    for _ in 0..8 {
        bench.proxy.requests("shop/catalog", 10);
        bench.proxy.state("shop/cart", 1, open.clone());
        bench.second();
    }
    assert_eq!(bench.text(), before);
    bench.keys("p");
    bench.second();
    let Rows::Services(rows) = &bench.app.rows else {
        unreachable!()
    };
    assert!(rows.len() == 3);
    bench.draw();
    let Rows::Services(rows) = &bench.app.rows else {
        unreachable!()
    };
    let catalog = rows
        .iter()
        .find(|s| s.service == "shop/catalog:80")
        .unwrap();
    assert_eq!(catalog.traffic.requests, 120, "all of them, in 10 seconds");
    assert_eq!(bench.app.store.events().len(), 9);
}

#[test]
fn windows_panes_pages_and_the_help_have_their_keys() {
    let mut bench = Bench::shop(120, 30);
    assert!(bench.text().contains("window 1.0s of 10s"));
    bench.keys("t");
    assert!(bench.text().contains("window 1.0s of 1m"));
    assert!(bench.text().contains("── events ─"));
    bench.keys("\t");
    assert!(bench.text().contains("── latency of shop/cart:80 ─"));
    assert!(bench.text().contains("p50 4.1"), "{}", bench.text());
    bench.keys("\t");
    assert!(bench.text().contains("over time"));
    bench.keys("\t");
    assert!(!bench.text().contains("──"));
    bench.keys("c");
    assert!(bench.text().contains("shop/Deployment/web"));
    bench.keys("v");
    assert!(bench.text().contains("breaker-opened"));
    bench.keys("o");
    assert!(bench.text().contains("shop/web-0"));
    bench.keys("s");
    assert_eq!(bench.app.level().page, Page::Services);
    bench.keys("?");
    assert!(bench.text().contains("faster, slower"));
    bench.key(KeyCode::Esc);
    assert!(!bench.text().contains("faster, slower"));
    assert_eq!(bench.key(KeyCode::Char('q')), Some(Effect::Quit));
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(bench.app.key(control_c), Some(Effect::Quit));
}

#[test]
fn the_mouse_chooses_rows_and_sorts_by_heads() {
    let mut bench = Bench::shop(100, 24);
    bench.draw();
    let rows = bench.app.areas.rows;
    let left = MouseEventKind::Down(MouseButton::Left);
    bench.mouse(left, 2, rows.y + 1);
    assert_eq!(bench.under_cursor(), "shop/catalog:80");
    bench.mouse(left, 2, rows.y + 1);
    assert!(
        matches!(bench.app.level().page, Page::Service(_)),
        "a second click goes in"
    );
    bench.mouse(MouseEventKind::Down(MouseButton::Right), 0, 0);
    bench.draw();
    let head = bench.app.areas.heads;
    bench.mouse(left, 1, head.y);
    assert_eq!(bench.names()[0], "bank/ledger:80");
    bench.mouse(left, 1, rows.y + 15);
    bench.mouse(MouseEventKind::ScrollDown, 0, 0);
    assert_eq!(bench.under_cursor(), "shop/catalog:80");
}

#[test]
fn what_is_lost_is_marked_and_what_is_conducted_is_asked() {
    let mut bench = Bench::shop(100, 24);
    let lost = Link::Lost("connection refused".into());
    bench.app.update(Update::Link(bench.source, lost), at(2));
    let text = bench.text();
    assert!(text.contains("1 of 1 sources lost") && text.contains("connection refused"));
    assert!(text.contains("~ shop/cart:80"), "{text}");
    assert_eq!(bench.key(KeyCode::Char('n')), None);
    bench.app.conducted = true;
    assert_eq!(bench.key(KeyCode::Char('n')), Some(Effect::Ask(Ask::Step)));
    assert_eq!(
        bench.key(KeyCode::Char('N')),
        Some(Effect::Ask(Ask::NextEvent))
    );
    assert_eq!(
        bench.key(KeyCode::Char('+')),
        Some(Effect::Ask(Ask::Speed(2.0)))
    );
    assert_eq!(
        bench.key(KeyCode::Char('p')),
        Some(Effect::Ask(Ask::Pause(true)))
    );
}

#[test]
fn nothing_is_drawn_when_nothing_changed() {
    let mut bench = Bench::shop(100, 24);
    bench.draw();
    assert!(!bench.app.is_dirty());
    bench.app.mouse(MouseEvent {
        kind: MouseEventKind::Moved,
        column: 3,
        row: 3,
        modifiers: KeyModifiers::NONE,
    });
    assert!(!bench.app.is_dirty());
    bench.second();
    assert!(bench.app.is_dirty());
}

#[test]
fn every_size_of_terminal_can_be_drawn() {
    let mut bench = Bench::shop(80, 24);
    for (width, height) in [(40, 10), (1, 1), (80, 2), (3, 40), (300, 80), (80, 24)] {
        bench.resize(width, height);
        for keys in [
            "", "c", "v", "s", "\n", "\n", "?", "?", "\t", "\t", "\t", "/x", "\n", "s",
        ] {
            bench.keys(keys);
            bench.draw();
        }
        bench.key(KeyCode::Esc);
    }
    bench.resize(40, 10);
    let text = bench.text();
    assert!(
        text.contains("shop/cart:80") && text.contains("1 open"),
        "{text}"
    );
}

#[test]
fn faults_are_switched_where_the_mesh_offers_them() {
    let mut bench = Bench::shop(100, 24);
    bench.keys("f");
    assert!(!bench.app.choosing_fault);
    let switch = |title: &str, on| FaultSwitch {
        title: title.into(),
        on,
    };
    bench.app.set_faults(vec![
        switch("errors of cart", false),
        switch("slow catalog", true),
    ]);
    bench.keys("f");
    let text = bench.text();
    assert!(text.contains("1  off  errors of cart") && text.contains("2  on   slow catalog"));
    assert_eq!(bench.key(KeyCode::Char('9')), None);
    bench.keys("f");
    assert_eq!(bench.key(KeyCode::Char('2')), Some(Effect::Fault(1)));
    assert!(!bench.app.choosing_fault);
}
