//! The page as one HTML file that needs nothing else: a bar an operation, on a scale of powers of ten, with its spread, its ceiling
//! and its aim.

use super::read::{Figure, short};
use super::{Limit, Page, Row, note};
use std::fmt::Write as _;

const WIDTH: f64 = 420.0;
/// The scale of times, in powers of ten of a nanosecond: from a tenth of one to ten seconds.
const TIME: (f64, f64) = (-1.0, 10.0);
/// The scale of memory, in powers of ten of a MiB: from a tenth of one to 100 GiB.
const MEMORY: (f64, f64) = (-1.0, 5.0);

const HEAD: &str = "<!doctype html><meta charset=utf-8><title>coretick: benches</title><style>
body{font:14px/1.4 system-ui,sans-serif;margin:2em auto;max-width:80em;color:#222;background:#fff}
pre{background:#f4f4f4;padding:.7em;white-space:pre-wrap}h2{margin:1.6em 0 .4em;font-size:1.1em}h2+p{margin:.2em 0}
table{border-collapse:collapse;width:100%}td,th{padding:.15em .6em;text-align:right;white-space:nowrap}
td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f8f8f8}
.bad{color:#b00020;font-weight:600}.good{color:#00695c}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre,tr:nth-child(even){background:#222}}
</style>";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The scale of a unit, and what one of the unit is on it.
fn scale(unit: &str) -> ((f64, f64), f64) {
    match unit {
        "MiB" => (MEMORY, 1.0),
        "ms" => (TIME, 1e6),
        _ => (TIME, 1.0),
    }
}

fn bar(row: &Row) -> String {
    let Figure { unit, median, low, high, .. } = &row.figure;
    let ((from, to), one) = scale(unit);
    let at =
        |figure: f64| ((figure * one).log10() - from).clamp(0.0, to - from) / (to - from) * WIDTH;
    let (low, median, high) = (at(*low), at(*median), at(*high));
    let mut svg = format!(
        "<svg width={WIDTH} height=14><rect y=3 height=8 width={median:.1} fill='#5b8def'/>\
         <rect x={low:.1} y=5 height=4 width={:.1} fill='#1a3f8b'/>",
        (high - low).max(1.0)
    );
    for power in 0..(to - from) as u32 {
        let x = f64::from(power) / (to - from) * WIDTH;
        let _ = write!(svg, "<rect x={x:.1} width=.5 height=14 fill='#aaa'/>");
    }
    let ceiling = row.ceiling.as_ref().map(|(limit, _)| (limit.most, "#b00020"));
    for (most, colour) in
        [ceiling, row.aim.map(|limit| (limit.most, "#00695c"))].into_iter().flatten()
    {
        let _ = write!(svg, "<rect x={:.1} width=2 height=14 fill='{colour}'/>", at(most));
    }
    svg + "</svg>"
}

/// A ceiling or an aim, red if it is missed.
fn limit(limit: Option<Limit>, of: &str) -> String {
    limit.map_or(String::new(), |limit| {
        let class = if limit.missed { "bad" } else { "good" };
        format!("<span class={class}>{}{}</span>", escape(&Limit::text(Some(limit))), escape(of))
    })
}

/// The page.
pub(crate) fn page(page: &Page) -> String {
    let mut html = format!("{HEAD}<h1>coretick: benches</h1><pre>{}</pre>", escape(&page.head()));
    html += "<p>Bars: the median on a scale of powers of ten, a line each: times from 0.1 ns to 10 s, memory from 0.1 MiB to 100 GiB; \
             dark: its spread; red: the ceiling; green: the aim.</p>";
    let before = page.against.as_ref().map_or("before", |(name, _)| name);
    let mut group = "";
    for row in &page.rows {
        let Figure { unit, median, low, high, .. } = &row.figure;
        let (of, name) = row.figure.parts();
        if of != group {
            if !group.is_empty() {
                html += "</table>";
            }
            group = of;
            let _ = write!(html, "<h2>{}</h2>", escape(group));
            if let Some(note) = note(group) {
                let _ = write!(html, "<p>{}</p>", escape(note));
            }
            let _ = write!(
                html,
                "<table><tr><th>operation<th><th>median<th>spread<th>x floor<th>ceiling<th>aim<th>against {}",
                escape(before)
            );
        }
        let floors = row.floors.map_or(String::new(), |floors| format!("{floors:.1}"));
        let ceiling = row.ceiling.as_ref().map_or(String::new(), |(most, requirement)| {
            limit(Some(*most), &format!(" ({requirement})"))
        });
        let before = row.change().map_or(String::new(), |change| {
            let class = if row.verdict() == "SLOWER" { "bad" } else { "good" };
            format!("{change:+.0} % <span class={class}>{}</span>", row.verdict())
        });
        let _ = write!(
            html,
            "<tr><td>{}<td>{}<td>{} {unit}<td>{}..{}<td>{floors}<td>{ceiling}<td>{}<td>{before}",
            escape(name),
            bar(row),
            short(*median),
            short(*low),
            short(*high),
            limit(row.aim, ""),
        );
    }
    let _ = writeln!(html, "</table><p>{}</p>", escape(&page.sum()));
    html
}
