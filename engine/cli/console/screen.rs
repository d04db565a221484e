//! The screen: what is drawn where. Pure: a picture and an area in, cells out.
//!
//! A large screen has a frame for each matter. A small one has a line for each, and facts that do not fit are left out from
//! the right: the essential ones come first. The last line is always the keys.
#![forbid(unsafe_code)]

use super::facts::{self, Fact, Tone, Totals};
use super::history::MINUTE;
use super::{Picture, risk, text};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Sparkline};

/// From this size on there are frames.
const WIDE: u16 = 110;
const HIGH: u16 = 38;
/// The column of what a line is about.
const LABEL: usize = 9;

/// How a tone looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Palette {
    colours: bool,
}

impl Palette {
    /// In colours, or without.
    pub(super) const fn new(colours: bool) -> Self {
        Self { colours }
    }

    /// In colours, unless `NO_COLOR` is set to anything.
    pub(super) fn of_environment() -> Self {
        Self::new(std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))
    }

    fn style(self, tone: Tone) -> Style {
        let coloured = |colour| if self.colours { Style::new().fg(colour) } else { Style::new() };
        match tone {
            Tone::Plain => Style::new(),
            Tone::Quiet => Style::new().add_modifier(Modifier::DIM),
            Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
            Tone::Good => coloured(Color::Green),
            Tone::Warning => coloured(Color::Yellow).add_modifier(Modifier::BOLD),
            Tone::Bad => coloured(Color::Red).add_modifier(Modifier::BOLD),
        }
    }
}

impl Picture<'_> {
    fn span(&self, text: impl Into<String>, tone: Tone) -> Span<'static> {
        Span::styled(text.into(), self.palette.style(tone))
    }

    /// Lines of facts, as many as `width` needs, `lines` at most. What does not fit into the last is left out.
    fn flow(&self, facts: &[Fact], width: usize, lines: usize) -> Vec<Line<'static>> {
        let mut flowed = vec![Line::default()];
        for Fact { name, value, tone } in facts {
            let name = if name.is_empty() { String::new() } else { format!("{name} ") };
            let length = name.chars().count() + value.chars().count();
            let last = flowed.last().map_or(0, Line::width);
            if last > 0 && last + 2 + length > width {
                if flowed.len() == lines {
                    break;
                }
                flowed.push(Line::default());
            }
            let Some(line) = flowed.last_mut() else { break };
            if line.width() > 0 {
                line.push_span("  ");
            }
            line.push_span(self.span(name, Tone::Quiet));
            line.push_span(self.span(value.as_str(), *tone));
        }
        flowed
    }

    /// Lines about something, `lines` at most.
    fn about(&self, label: &str, facts: &[Fact], width: usize, lines: usize) -> Vec<Line<'static>> {
        let mut flowed = self.flow(facts, width.saturating_sub(LABEL), lines);
        for (place, line) in flowed.iter_mut().enumerate() {
            let label = if place == 0 { label } else { "" };
            line.spans.insert(0, self.span(format!("{label:LABEL$}"), Tone::Strong));
        }
        flowed
    }

    fn headline(&self, width: usize) -> Line<'static> {
        let standing = facts::standing(self.commands);
        let left = format!("coretick  {}  ", self.title);
        let right = text::clock(self.history.elapsed(self.view.at));
        let used = [&left, &standing.value, &right].map(|text| text.chars().count()).iter().sum();
        let gap = width.saturating_sub(used);
        Line::from(vec![
            self.span(left, Tone::Strong),
            self.span(standing.value, standing.tone),
            Span::raw(" ".repeat(gap)),
            self.span(right, Tone::Quiet),
        ])
    }

    fn help(&self) -> Line<'static> {
        if self.asks {
            let question = "Kill: refuse all that is new, cancel all that is open, for good?";
            return Line::from(self.span(format!("{question} y / n"), Tone::Bad));
        }
        let kill = if self.commands.killed() { "" } else { "k kill   " };
        Line::from(self.span(format!("{kill}q stop"), Tone::Quiet))
    }

    /// The table of positions with its head, in so many lines.
    fn positions(&self, lines: usize) -> Vec<Line<'static>> {
        let cell = |text: &str, (column, width): (usize, usize)| {
            // A number too wide for its column moves the row, but never touches its neighbour.
            if column == 0 { format!("{text:<width$}") } else { format!(" {text:>width$}") }
        };
        let widths = facts::COLUMNS.iter().map(|(_, width)| *width).enumerate();
        let head = facts::COLUMNS.iter().zip(widths.clone());
        let head = head.map(|((name, _), at)| self.span(cell(name, at), Tone::Quiet));
        let ranked = facts::ranked(&self.view.positions);
        let rows = ranked.into_iter().map(|position| {
            let facts = facts::row(position, self.symbols);
            let cells = facts.iter().zip(widths.clone());
            Line::from_iter(cells.map(|(fact, at)| self.span(cell(&fact.value, at), fact.tone)))
        });
        [Line::from_iter(head)].into_iter().chain(rows).take(lines).collect()
    }

    fn sparkline(&self, frame: &mut Frame<'_>, area: Rect) {
        let area = area.intersection(frame.area());
        let points: Vec<u64> = self.history.slowest(area.width.into()).collect();
        let sparkline = Sparkline::default().data(&points).style(self.palette.style(Tone::Good));
        frame.render_widget(sparkline, area);
    }
}

/// Draws the picture.
pub(super) fn draw(frame: &mut Frame<'_>, picture: &Picture<'_>) {
    let area = frame.area();
    let [body, keys] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(area);
    if area.width >= WIDE && area.height >= HIGH {
        draw_large(frame, body, picture);
    } else {
        draw_small(frame, body, picture);
    }
    frame.render_widget(picture.help(), keys);
}

fn draw_small(frame: &mut Frame<'_>, area: Rect, picture: &Picture<'_>) {
    let Picture { view, history, .. } = picture;
    let (rates, width) = (history.rates(), usize::from(area.width));
    let line = |label: &str, facts: Vec<Fact>| {
        Line::from_iter(picture.about(label, &facts, width, 1).into_iter().flatten())
    };
    let totals = Totals::of(&view.positions);
    let mut lines = vec![
        picture.headline(width),
        line("feed", facts::feed(view, rates)),
        line("gaps", facts::gaps(view)),
        line("session", facts::session(view, rates)),
        line("orders", facts::orders(view, rates)),
        line("refused", facts::refusals(view)),
        line("risk", risk::line(&view.risk, picture.refusals, picture.symbols)),
        line("P&L", facts::totals(&totals)),
        line("latency", facts::latency(&rates.latency)),
        line("  in all", facts::latency(&view.latency)),
        line("  p99", Vec::new()),
        Line::default(),
    ];
    let spark = Rect {
        x: area.x + LABEL as u16,
        y: area.y + 10,
        width: area.width.saturating_sub(LABEL as u16).min(MINUTE as u16),
        height: 1,
    };
    lines.extend(picture.positions(usize::from(area.height).saturating_sub(lines.len())));
    frame.render_widget(Text::from(lines), area);
    picture.sparkline(frame, spark.intersection(area));
}

fn draw_large(frame: &mut Frame<'_>, area: Rect, picture: &Picture<'_>) {
    let Picture { view, history, .. } = picture;
    let rates = history.rates();
    let rows = [1, 6, 8, 8].map(Constraint::Length);
    let rows = rows.into_iter().chain([Constraint::Fill(1)]);
    let [head, upper, lower, gate, table] = Layout::vertical(rows).areas(area);
    let halves = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]);
    let [feed, session] = halves.areas(upper);
    let [orders, latency] = halves.areas(lower);
    let [limits, refused] = halves.areas(gate);
    frame.render_widget(picture.headline(area.width.into()), head);

    // Within the frame.
    let [width, whole] = [feed, table].map(|area| usize::from(area.width).saturating_sub(2));
    let mut framed = |title: &'static str, area: Rect, lines: Vec<Line<'static>>| {
        let block = Block::bordered().title(picture.span(title, Tone::Strong));
        frame.render_widget(Text::from(lines), block.inner(area));
        frame.render_widget(block, area);
    };
    let mut lines = picture.flow(&facts::feed(view, rates), width, 2);
    lines.extend(picture.about("gaps", &facts::gaps(view), width, 2));
    framed("feed", feed, lines);
    framed("session", session, picture.flow(&facts::session(view, rates), width, 4));
    let mut lines = picture.flow(&facts::orders(view, rates), width, 2);
    lines.extend(picture.about("refused", &facts::refusals(view), width, 4));
    framed("orders", orders, lines);
    let mut lines = picture.about("last 1 s", &facts::latency(&rates.latency), width, 1);
    lines.extend(picture.about("in all", &facts::latency(&view.latency), width, 1));
    framed("latency, receive to send; p99 of each second of the last minute", latency, lines);
    let scopes = view.risk.scopes.iter().flat_map(|it| picture.flow(&risk::scope(it), width, 1));
    framed("risk: limits most used", limits, scopes.collect());
    // What stops trading comes first, then the last refusals, the newest at the top.
    let latched = risk::latched(&view.risk, picture.symbols);
    let mut lines =
        if latched.is_empty() { Vec::new() } else { picture.about("latched", &latched, width, 2) };
    let last = picture.refusals.iter().rev();
    lines.extend(
        last.flat_map(|it| picture.flow(&risk::refusal(it, picture.symbols), width, 1)).take(6),
    );
    framed("risk: last refusals", refused, lines);
    let mut lines = picture.flow(&facts::totals(&Totals::of(&view.positions)), whole, 1);
    lines.push(Line::default());
    lines.extend(picture.positions(usize::from(table.height).saturating_sub(4)));
    framed("positions", table, lines);

    let chart = Rect {
        x: latency.x + 1,
        y: latency.y + 3,
        width: latency.width.saturating_sub(2).min(MINUTE as u16),
        height: latency.height.saturating_sub(4),
    };
    picture.sparkline(frame, chart.intersection(area));
}
