//! The day that a file is of. Its timestamps count from midnight in New York, and no message says of which day.

use crate::base::unit::Nanos;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::fmt;

/// A day in New York, from 1970-01-01 to 2199-12-31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Default for Day {
    /// 1970-01-01, for want of a date.
    fn default() -> Self {
        Self(jiff::civil::date(1970, 1, 1))
    }
}

impl Day {
    /// `text` as YYYY-MM-DD or YYYYMMDD.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        match bytes.len() {
            8 => Self::from_digits(bytes, [0..4, 4..6, 6..8]),
            10 if bytes[4] == b'-' && bytes[7] == b'-' => {
                Self::from_digits(bytes, [0..4, 5..7, 8..10])
            }
            _ => None,
        }
    }

    /// The first date in the name of a file (not its folders): YYYYMMDD or YYYY-MM-DD anywhere, Nasdaq's MMDDYYYY
    /// (`01302020.NASDAQ_ITCH50.gz`) anywhere, or its SMMDDYY at the start (`S081321-v50.txt.gz`).
    pub fn from_file_name(name: &str) -> Option<Self> {
        let name = name.rsplit('/').next()?;
        let bytes = name.as_bytes();
        // A run of digits, so that a longer number is not mistaken for a date.
        let ends = |at: usize| bytes.get(at).is_none_or(|byte| !byte.is_ascii_digit());
        let begins = |at: usize| at == 0 || ends(at - 1);
        if bytes.first() == Some(&b'S')
            && ends(7)
            && let Some([month, day, year]) = numbers(bytes, [1..3, 3..5, 5..7])
            && let Some(day) = Self::new(2000 + year, month, day)
        {
            return Some(day);
        }
        let date_at = |at: usize| {
            let date = |length: usize| bytes.get(at..at + length).filter(|_| ends(at + length));
            let month_first = |bytes| {
                let [month, day, year] = numbers(bytes, [0..2, 2..4, 4..8])?;
                Self::new(year, month, day)
            };
            // No eight digits are a date both ways: a year in front would be a month above 12.
            date(8)
                .and_then(|bytes| {
                    Self::from_digits(bytes, [0..4, 4..6, 6..8]).or_else(|| month_first(bytes))
                })
                .or_else(|| date(10).and_then(|bytes| Self::parse(str::from_utf8(bytes).ok()?)))
        };
        (0..bytes.len()).filter(|&at| begins(at)).find_map(date_at)
    }

    /// The day of a moment; 1970-01-01 for one that is out of range.
    pub fn of(now: Nanos) -> Self {
        let zone = TimeZone::get("America/New_York").expect("the time zones are built in");
        let moment = jiff::Timestamp::from_nanosecond(i128::from(now.0));
        let date = moment.map(|moment| zone.to_datetime(moment).date());
        date.ok()
            .and_then(|date| Self::new(date.year() as u16, date.month() as u16, date.day() as u16))
            .unwrap_or_default()
    }

    /// Midnight, at which the day begins: 04:00 or 05:00 UTC.
    pub fn midnight(&self) -> Nanos {
        let zone = TimeZone::get("America/New_York").expect("the time zones are built in");
        let midnight = zone.to_ambiguous_timestamp(self.0.at(0, 0, 0, 0)).compatible();
        let nanos = midnight.expect("the year is in range").as_nanosecond();
        Nanos(u64::try_from(nanos).expect("New York is behind UTC"))
    }

    /// Days since 1970-01-01, low 16 bits: the day in an order id.
    pub fn number(&self) -> u16 {
        (self.0 - Self::default().0).get_days() as u16
    }

    fn new(year: u16, month: u16, day: u16) -> Option<Self> {
        if !(1970..2200).contains(&year) {
            return None;
        }
        let (month, day) = (month.try_into().ok()?, day.try_into().ok()?);
        Date::new(year as i16, month, day).ok().map(Self)
    }

    fn from_digits(bytes: &[u8], places: [std::ops::Range<usize>; 3]) -> Option<Self> {
        let [year, month, day] = numbers(bytes, places)?;
        Self::new(year, month, day)
    }
}

impl fmt::Display for Day {
    /// YYYY-MM-DD.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The numbers at three places of at most four digits each.
fn numbers(bytes: &[u8], places: [std::ops::Range<usize>; 3]) -> Option<[u16; 3]> {
    let mut found = [0; 3];
    for (number, place) in found.iter_mut().zip(places) {
        for byte in bytes.get(place)? {
            let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
            *number = *number * 10 + digit;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnight_is_new_yorks_in_winter_and_in_summer() {
        let seconds = |day| Day::parse(day).unwrap().midnight().0;
        const SECOND: u64 = 1_000_000_000;
        assert_eq!(seconds("1970-01-01"), 5 * 3600 * SECOND);
        assert_eq!(seconds("2012-06-21"), 1_340_251_200 * SECOND);
        assert_eq!(seconds("20191230"), 1_577_682_000 * SECOND);
        // The clocks go forward on the 8th at two.
        assert_eq!(seconds("2020-03-08"), 1_583_643_600 * SECOND);
        assert_eq!(seconds("2020-03-09"), 1_583_726_400 * SECOND);
        assert_eq!(seconds("2199-12-31"), (84_005 * 86_400 + 18_000) * SECOND);
    }

    #[test]
    fn days_are_numbered_from_1970() {
        let number = |day| Day::parse(day).unwrap().number();
        assert_eq!((Day::default().number(), number("1970-01-02")), (0, 1));
        assert_eq!(number("2012-06-21"), 15_512);
        // 83,000 days and more: the low 16 bits.
        assert_eq!(number("2199-12-31"), (84_005 % 65_536) as u16);
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2012-6-21",
            "2012-13-01",
            "2012-02-30",
            "1969-12-31",
            "2200-01-01",
            "2012/06/21",
            "12345",
            "2012-06-21 ",
            "+012-06-21",
            "20120621T",
            "2012\u{661}621",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_name_of_a_file_tells_its_day() {
        for (name, day) in [
            ("aapl_20120621.itch50.zst", Some("2012-06-21")),
            ("01302020.NASDAQ_ITCH50.gz", Some("2020-01-30")),
            ("S081321-v50.txt.gz", Some("2021-08-13")),
            ("/data/20200101/S081321-v50.txt", Some("2021-08-13")),
            ("xnas-2019-12-30.itch", Some("2019-12-30")),
            ("20190730.BX_ITCH_50.gz", Some("2019-07-30")),
            ("12312019", Some("2019-12-31")),
            ("seed12345678_20190730", Some("2019-07-30")),
            ("S081321", Some("2021-08-13")),
            ("S0813210.gz", None),
            ("S133321-v50.txt.gz", None),
            ("20190730123456.itch", None),
            ("/20190730/day.itch", None),
            ("syn1m_2000sym_seed7.itch50.zst", None),
            ("es_\u{e9}\u{e9}\u{e9}20231225", Some("2023-12-25")),
            ("", None),
        ] {
            assert_eq!(Day::from_file_name(name), day.and_then(Day::parse), "{name}");
        }
    }

    #[test]
    fn a_day_prints_as_it_is_written() {
        assert_eq!(Day::default().to_string(), "1970-01-01");
        assert_eq!(Day::parse("20120621").map(|day| day.to_string()), Some("2012-06-21".into()));
    }
}
