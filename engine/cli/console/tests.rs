//! What a person sees, in cells and lines.

use super::facts::{self, Totals};
use super::history::History;
use super::screen::{self, Palette};
use super::{Picture, lines};
use crate::base::code::Code;
use crate::base::command::Commands;
use crate::base::instrument::Symbols;
use crate::base::message::Report;
use crate::base::unit::*;
use crate::telemetry::{Board, Held, RiskFigures, USES, Use, View};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;

const SECOND: u64 = 1_000_000_000;

/// An engine as the console sees it, two seconds after its start.
struct Seen {
    board: Board,
    symbols: Symbols,
    commands: Commands,
    history: History,
    view: View,
    refusals: Vec<Report>,
}

impl Seen {
    fn new(board: Board, meanwhile: impl Fn(&Board)) -> Self {
        let symbols = Symbols::new(100);
        for (id, name) in [(1, b"AAPL    "), (2, b"MSFT    "), (3, b"BRK.A   ")] {
            symbols.announce(InstrumentId(id), u64::from_be_bytes(*name));
        }
        let (commands, mut history) = (Commands::new(), History::default());
        assert!(!history.see(&board.view(Nanos(SECOND))));
        meanwhile(&board);
        let view = board.view(Nanos(3 * SECOND));
        assert!(history.see(&view));
        Self { board, symbols, commands, history, view, refusals: Vec::new() }
    }

    fn empty() -> Self {
        Self::new(Board::new(100, &["waiting", "live"], &["down", "live"]), |_| {})
    }

    fn filled() -> Self {
        let board = Board::new(100, &["waiting", "live"], &["down", "live"]);
        board.feed().messages.set(1_000_000);
        (0..500).for_each(|_| board.latency().record(40_000));
        let seen = Self::new(board, |board| {
            let (feed, gateway) = (board.feed(), board.gateway());
            feed.state.set(1);
            feed.messages.set(1_500_000);
            feed.packets[0].set(24_690);
            feed.packets[1].set(20_000);
            feed.gaps_seen.set(3);
            feed.gaps_healed.set(2);
            feed.lost.set(17);
            feed.rerequests.set(4);
            gateway.phase.set(1);
            gateway.orders.set(2_400);
            gateway.replaces.set(600);
            gateway.cancels.set(1_600);
            gateway.messages.set(9_000);
            gateway.open.set(120);
            gateway.logins.set(1);
            gateway.connections.set(2);
            gateway.next_reference.set(3_001);
            let trading = board.trading();
            trading.fills.set(60);
            (0..3).for_each(|_| trading.end(OrderState::REFUSED, Code::PRICE_COLLAR));
            (0..5).for_each(|_| trading.end(OrderState::REJECTED, Code::VENUE_HALTED));
            (0..40).for_each(|_| trading.end(OrderState::FILLED, Code::NONE));
            let dollars = |amount: i128| Money(amount * 1_000_000_000);
            // 100 bought at 185.0000, now 185.5300; 10 sold short at 400; one flat, with a loss.
            trading.hold(
                InstrumentId(1),
                &Held {
                    position: Position(100),
                    average_cost: Price::from_e4(1_850_000),
                    cost: dollars(18_500),
                    traded: Qty(100),
                    fees: Money(250_000_000),
                    ..Held::default()
                },
            );
            board.mark(InstrumentId(1), Price::from_e4(1_855_300));
            trading.hold(
                InstrumentId(2),
                &Held {
                    position: Position(-10),
                    average_cost: Price::from_e4(4_000_000),
                    cost: dollars(-4_000),
                    traded: Qty(10),
                    ..Held::default()
                },
            );
            let flat = Held { realised: dollars(-75), traded: Qty(8), ..Held::default() };
            trading.hold(InstrumentId(3), &flat);
            (0..98).for_each(|_| board.latency().record(1_000));
            // Counted with all from 3,392 to 3,455.
            (0..2).for_each(|_| board.latency().record(3_400));
        });
        // What was sent before the second is not of it.
        assert_eq!(seen.history.rates().latency.count(), 100);
        seen
    }

    fn picture(&self, asks: bool, colours: bool) -> Picture<'_> {
        Picture {
            title: "demo",
            view: &self.view,
            history: &self.history,
            symbols: &self.symbols,
            commands: &self.commands,
            refusals: &self.refusals,
            asks,
            palette: Palette::new(colours),
        }
    }

    fn cells(&self, width: u16, height: u16, asks: bool, colours: bool) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen::draw(frame, &self.picture(asks, colours))).unwrap();
        terminal.backend().buffer().clone()
    }

    fn screen(&self, width: u16, height: u16) -> Vec<String> {
        text(&self.cells(width, height, false, true))
    }
}

fn text(cells: &Buffer) -> Vec<String> {
    let line = |y| (0..cells.area.width).map(|x| cells[(x, y)].symbol()).collect::<String>();
    (0..cells.area.height).map(|y| line(y).trim_end().to_owned()).collect()
}

#[test]
fn a_small_screen_has_a_line_for_each_matter() {
    let screen = Seen::filled().screen(80, 24);
    let lines = [
        "coretick  demo  running                                                 00:00:02",
        "feed     live  messages 250,000/s  A 12,345/s  B 10,000/s  in all 1,500,000",
        "gaps     seen 3  healed 2  lost 17  kernel drops 0  re-requests 4  snapshots 0",
        "session  live  open 120  orders 1,200/s  replaces 300/s  cancels 800/s",
        "orders   sent 3,000  fills 60 (30/s)  filled 40  canceled 0  replaced 0",
        "refused  8  venue_halted 5  price_collar 3",
        "risk     not shown yet",
        "P&L      net -22.25  realised -75.00  unrealised 53.00  fees 0.25  gross 22,553",
        "latency  p50 1.00 us  p99 3.45 us  max 3.45 us  of 100",
        "  in all p50 40.0 us  p99 40.0 us  max 40.0 us  of 600",
        "  p99    █",
        "",
        "symbol           mark   position    avg cost        value   realised  unrealised",
        "AAPL         185.5300        100    185.0000       18,553       0.00       53.00",
        "MSFT                -        -10    400.0000       -4,000       0.00           -",
        "BRK.A               -          0           -            0     -75.00        0.00",
    ];
    for (at, line) in lines.iter().enumerate() {
        assert_eq!(screen[at], *line, "line {at}");
    }
    assert_eq!(screen[23], "k kill   q stop");
    assert!(screen[16..23].iter().all(String::is_empty));
}

#[test]
fn a_large_screen_has_frames_and_all_the_facts() {
    let screen = Seen::filled().screen(140, 50);
    assert!(screen[1].starts_with("┌feed─") && screen[1].contains("┌session─"), "{}", screen[1]);
    for fact in [
        "live  messages 250,000/s  A 12,345/s",
        "answers 4,500/s",
        "connections 2  logins 1  next reference 3,001",
        "in all 1,500,000",
        "gaps     seen 3  healed 2  lost 17  kernel drops 0  re-requests 4 ",
        "│         snapshots 0",
        "refused  8  venue_halted 5  price_collar 3",
        "last 1 s p50 1.00 us  p99 3.45 us  max 3.45 us  of 100",
        "net -22.25  realised -75.00  unrealised 53.00  fees 0.25  gross 22,553  positions 2  without a mark 1",
        "│AAPL         185.5300        100    185.0000       18,553       0.00       53.00",
    ] {
        assert!(screen.iter().any(|line| line.contains(fact)), "{fact}\n{}", screen.join("\n"));
    }
    assert_eq!(screen[49], "k kill   q stop");
    assert!(screen.iter().any(|line| line.contains('█')), "{}", screen.join("\n"));
}

#[test]
fn an_engine_that_has_done_nothing_is_shown_as_one() {
    let seen = Seen::empty();
    let screen = seen.screen(80, 24);
    assert_eq!(screen[1], "feed     waiting  messages 0/s  A 0/s  B 0/s  in all 0");
    assert_eq!(
        screen[3],
        "session  down  open 0  orders 0/s  replaces 0/s  cancels 0/s  answers 0/s"
    );
    assert_eq!((&*screen[5], &*screen[8]), ("refused  0", "latency  nothing sent"));
    assert!(screen[13..23].iter().all(String::is_empty));
    let large = seen.screen(140, 50);
    assert!(large.iter().any(|line| line.contains("last 1 s nothing sent")));
}

#[test]
fn no_screen_is_too_small_to_draw_on_and_the_keys_come_last() {
    let seen = Seen::filled();
    for (width, height) in
        [(0, 0), (1, 1), (5, 3), (20, 8), (80, 10), (109, 60), (110, 38), (300, 29)]
    {
        let screen = seen.screen(width, height);
        assert_eq!(screen.len(), usize::from(height));
        if let (Some(last), 20..) = (screen.last(), width) {
            assert_eq!(last, "k kill   q stop");
        }
    }
}

#[test]
fn rows_beyond_the_screen_are_the_smallest_positions() {
    let seen = Seen::filled();
    for id in 10..100 {
        let held = Held { position: Position(1), cost: Money(id.into()), ..Held::default() };
        seen.board.trading().hold(InstrumentId(id), &held);
    }
    let view = seen.board.view(seen.view.at);
    let ranked = facts::ranked(&view.positions);
    let ids: Vec<u32> = ranked.iter().map(|position| position.instrument.0).collect();
    assert_eq!((&ids[..4], ids.last()), (&[1, 2, 99, 98][..], Some(&3)), "by value");
    let seen = Seen { view, ..seen };
    let screen = seen.screen(80, 24);
    assert!(screen[15].starts_with("#99 ") && screen[22].starts_with("#92 "), "{}", screen[22]);
    assert_eq!(screen[23], "k kill   q stop");
}

#[test]
fn a_question_takes_the_place_of_the_keys_and_what_was_asked_is_told() {
    let seen = Seen::filled();
    let asked = text(&seen.cells(80, 24, true, true));
    assert!(asked[23].starts_with("Kill: refuse all that is new") && asked[23].ends_with("y / n"));
    seen.commands.flatten();
    assert!(seen.screen(80, 24)[0].contains("  flattening  "));
    seen.commands.stop();
    assert!(seen.screen(80, 24)[0].contains("  stopping  "));
    seen.commands.kill();
    let killed = seen.screen(80, 24);
    assert!(killed[0].contains("  KILLED, stopping  "));
    assert_eq!(killed[23], "q stop", "one kill is enough");
    assert!(lines::line(&seen.picture(false, true)).ends_with("  KILLED, stopping"));
}

#[test]
fn without_colours_there_are_none() {
    let seen = Seen::filled();
    for (width, height) in [(80, 24), (140, 50)] {
        let colours = |colours| {
            let cells = seen.cells(width, height, false, colours);
            cells.content.iter().filter(|cell| cell.fg != Color::Reset).count()
        };
        assert_eq!(colours(false), 0);
        assert!(colours(true) > 0);
    }
}

#[test]
fn a_line_says_the_same_in_short() {
    let line = lines::line(&Seen::filled().picture(false, false));
    assert_eq!(
        line,
        "00:00:02  feed live 250,000/s gaps 3 healed 2 lost 17  \
         session live open 120 sent 1,500/s cancels 800/s  fills 60 refused 8 (venue_halted 5)  \
         net -22.25  p50 1.00 us p99 3.45 us max 3.45 us"
    );
    assert_eq!(
        lines::line(&Seen::empty().picture(false, false)),
        "00:00:02  feed waiting 0/s gaps 0 healed 0 lost 0  \
         session down open 0 sent 0/s cancels 0/s  fills 0 refused 0  net 0.00"
    );
}

#[test]
fn totals_are_of_all_positions_and_say_what_has_no_mark() {
    let totals = Totals::of(&Seen::filled().view.positions);
    assert_eq!((totals.open, totals.unmarked, totals.net()), (2, 1, -22_250_000_000));
}

/// With a gate that shows limits in use, and what it refused.
fn guarded() -> Seen {
    let mut seen = Seen::filled();
    let risk = seen.board.risk();
    let mut uses = [Use::default(); USES];
    for (at, used) in [(0, 12), (1, 75), (2, 90), (5, 40)] {
        uses[at] = Use { used, limit: 100 };
    }
    risk.show(RiskFigures::FIRM, 0, TradingState::LIVE.0, &[Use::default(); USES]);
    risk.show(RiskFigures::account(0), 1, TradingState::LIVE.0, &uses);
    uses[2] = Use { used: 74, limit: 100 };
    risk.show(RiskFigures::strategy(0), 2, TradingState::REDUCE_ONLY.0, &uses);
    risk.instrument(InstrumentId(2), TradingState::KILLED.0);
    seen.view = seen.board.view(seen.view.at);
    let mut refused = Report {
        code: Code::POSITION.0,
        side: Side::BUY,
        qty: Qty(100),
        limit: 1_000,
        value: 1_100,
        ..Report::default()
    };
    refused.head.instrument = InstrumentId(1);
    seen.refusals = vec![Report { code: Code::RATE.0, ..refused }, refused];
    seen
}

#[test]
fn the_gate_has_a_line_on_a_small_screen_and_a_field_in_a_line_of_text() {
    let seen = guarded();
    let screen = seen.screen(120, 24);
    let line = "risk     killed  strategy:quoter reduce-only  instrument:MSFT killed  account:1 credit 90%  \
                last refused position AAPL";
    assert_eq!(screen[6], line);
    let text = lines::line(&seen.picture(false, false));
    assert!(
        text.contains("(venue_halted 5)  risk killed account:1 credit 90%  net -22.25"),
        "{text}"
    );
}

#[test]
fn the_gate_has_frames_on_a_large_screen_with_limits_latches_and_refusals() {
    let seen = guarded();
    let screen = seen.screen(140, 50);
    for fact in [
        "│firm  live ",
        "│account:1  live  credit 90%  net 75%  open orders 40% ",
        "│strategy:quoter  reduce-only  net 75%  credit 74%  open orders 40% ",
        "│latched  strategy:quoter reduce-only  instrument:MSFT killed ",
        "│position  buy 100 AAPL  limit 1000  value 1100 ",
    ] {
        assert!(screen.iter().any(|line| line.contains(fact)), "{fact}\n{}", screen.join("\n"));
    }
    let row = |word: &str| screen.iter().position(|line| line.contains(word));
    assert!(row("│position  buy") < row("│rate  buy"), "the newest first");
}

#[test]
fn what_is_nearly_used_up_is_coloured() {
    let cells = guarded().cells(140, 50, false, true);
    let lines = text(&cells);
    let colour = |row: &str, word: &str| {
        let y = lines.iter().position(|line| line.contains(row)).unwrap();
        let line: Vec<_> = (0..140).map(|x| cells[(x, y as u16)].symbol()).collect();
        let word: Vec<_> = word.chars().map(String::from).collect();
        let x = line.windows(word.len()).position(|at| at == word).unwrap();
        cells[(x as u16, y as u16)].fg
    };
    assert_eq!(colour("│account:1", "90%"), Color::Red);
    assert_eq!(colour("│account:1", "75%"), Color::Yellow);
    assert_eq!(colour("│strategy:quoter", "74%"), Color::Reset);
    assert_eq!(colour("│strategy:quoter", "reduce-only"), Color::Yellow);
}
