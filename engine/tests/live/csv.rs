//! Rows of a CSV file by the names of its columns.

use std::fs;
use std::path::Path;

pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A row of a table.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a>(&'a Table, &'a [String]);

impl Table {
    /// A file that is whole.
    pub(crate) fn read(path: &Path) -> Self {
        let text =
            fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        assert!(text.ends_with('\n'), "{} ends within a row", path.display());
        Self::of(&text, path)
    }

    /// What there is of a file that is being written: its whole rows; none if it is not there yet.
    pub(crate) fn so_far(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        Self::of(&text[..whole], path)
    }

    fn of(text: &str, path: &Path) -> Self {
        let mut lines = text.lines().map(|line| line.split(',').map(String::from).collect());
        let columns: Vec<String> = lines.next().unwrap_or_default();
        let rows: Vec<Vec<String>> = lines.collect();
        for (number, row) in rows.iter().enumerate() {
            assert_eq!(row.len(), columns.len(), "{}, row {number}: {row:?}", path.display());
        }
        Self { columns, rows }
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|row| Row(self, row))
    }
}

impl<'a> Row<'a> {
    pub(crate) fn text(self, column: &str) -> &'a str {
        let at = self.0.columns.iter().position(|name| name == column);
        &self.1[at.unwrap_or_else(|| panic!("no column {column}"))]
    }

    pub(crate) fn number(self, column: &str) -> i64 {
        let text = self.text(column);
        text.parse().unwrap_or_else(|why| panic!("{column} `{text}`: {why}"))
    }

    /// Dollars and cents as ten-thousandths.
    pub(crate) fn price(self, column: &str) -> i64 {
        let text = self.text(column);
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let (part, rest) = part.split_at(part.len().min(4));
        assert!(rest.bytes().all(|digit| digit == b'0'), "{column} `{text}`");
        format!("{whole}{part:0<4}").parse().unwrap()
    }
}
