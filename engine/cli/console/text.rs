//! Numbers as the console writes them.
#![forbid(unsafe_code)]

use crate::base::unit::Nanos;
use crate::cli::summary::grouped;

/// An amount of 1e-9 with so many places (at most nine), rounded to the nearest: -1234567.891 as -1,234,567.89.
pub(super) fn decimal(amount: i128, places: u32) -> String {
    let (step, scale) = (10_u128.pow(9 - places), 10_u128.pow(places));
    let steps = (amount.unsigned_abs() + step / 2) / step;
    let sign = if amount < 0 && steps > 0 { "-" } else { "" };
    let whole = grouped(u64::try_from(steps / scale).unwrap_or(u64::MAX));
    let part = steps % scale;
    if places == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{part:0width$}", width = places as usize)
}

/// A signed count.
pub(super) fn signed(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(count.unsigned_abs()))
}

/// A count a second.
pub(super) fn rate(count: u64) -> String {
    format!("{}/s", grouped(count))
}

/// A short span, three digits of it: 950 ns, 1.25 us, 12.5 ms.
pub(super) fn span(nanos: u64) -> String {
    let (unit, name) = match nanos {
        0..1_000 => return format!("{nanos} ns"),
        1_000..1_000_000 => (1_000, "us"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let (whole, hundredths) = (nanos / unit, nanos % unit * 100 / unit);
    match whole {
        0..10 => format!("{whole}.{hundredths:02} {name}"),
        10..100 => format!("{whole}.{} {name}", hundredths / 10),
        _ => format!("{whole} {name}"),
    }
}

/// A long span: hours, minutes, seconds.
pub(super) fn clock(span: Nanos) -> String {
    let seconds = span.0 / 1_000_000_000;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_to_the_nearest_and_grouped() {
        assert_eq!(decimal(-1_234_567_891_000_000, 2), "-1,234,567.89");
        assert_eq!(decimal(1_234_567_895_000_000, 2), "1,234,567.90");
        assert_eq!(
            (decimal(-4_999_999, 2), decimal(-5_000_000, 2)),
            ("0.00".into(), "-0.01".into())
        );
        assert_eq!(
            (decimal(585_530_000_000, 4), decimal(1_500_000_000, 0)),
            ("585.5300".into(), "2".into())
        );
        assert_eq!(decimal(i128::MAX, 0), "18,446,744,073,709,551,615", "the most that is shown");
        assert_eq!(
            (signed(-1_200), signed(i64::MIN)),
            ("-1,200".into(), "-9,223,372,036,854,775,808".into())
        );
    }

    #[test]
    fn a_span_has_three_digits_and_a_unit() {
        let spans = [0, 999, 1_000, 1_259, 12_590, 125_900, 3_400_000, 99_999_999_999].map(span);
        let texts =
            ["0 ns", "999 ns", "1.00 us", "1.25 us", "12.5 us", "125 us", "3.40 ms", "99.9 s"];
        assert_eq!(spans, texts);
        assert_eq!(clock(Nanos(360_061_999_999_999)), "100:01:01");
    }
}
