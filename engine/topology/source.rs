//! The text behind a configuration: files laid over one another, and where each key was written.
//!
//! A layer overrides the ones below it key by key; an array replaces an array. Each layer is read into the
//! configuration as it is laid, so whatever is wrong then was written in that layer.

use super::config::Config;
use super::error::{ConfigError, Fault, Place};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// The built-in layer: every key with its default.
pub(super) const DEFAULT: &str = include_str!("../default.toml");
const DEFAULT_NAME: &str = "engine/default.toml";

/// Where each key of the configuration in force was written.
#[derive(Clone, Debug)]
pub(super) struct Places {
    keys: BTreeMap<String, Place>,
    /// What was written nowhere.
    start: Place,
}

impl Default for Places {
    fn default() -> Self {
        Self::at_the_start_of(DEFAULT_NAME)
    }
}

impl Places {
    fn at_the_start_of(file: &str) -> Self {
        let start = Place { file: file.into(), line: 1, column: 1 };
        Self { keys: BTreeMap::new(), start }
    }

    /// The place of `key`, or of the table that it would stand in.
    pub(super) fn of(&self, key: &str) -> Place {
        let mut key = key;
        loop {
            if let Some(place) = self.keys.get(key) {
                return place.clone();
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = &key[..end],
                None => return self.start.clone(),
            }
        }
    }

    fn forget(&mut self, array: &str) {
        let elements = format!("{array}[");
        self.keys.retain(|key, _| !key.starts_with(&elements));
    }
}

/// A file's name and text.
pub(super) struct Layer<'a> {
    /// As it was given.
    pub(super) name: &'a str,
    /// What it holds.
    pub(super) text: &'a str,
    /// The tables it may hold; empty for any.
    pub(super) only: &'static [&'static str],
}

/// Lays `layers` over the defaults. Values are of the right type then; their ranges are not yet checked.
///
/// # Errors
/// At the first key that is unknown or of the wrong type, or where a text is not TOML.
pub(super) fn lay(layers: &[Layer<'_>]) -> Result<Config, ConfigError> {
    let base = Layer { name: DEFAULT_NAME, text: DEFAULT, only: &[] };
    let mut table = Spanned::new(0..DEFAULT.len(), DeTable::new());
    let mut places = Places::default();
    let mut config = None;
    for layer in std::iter::once(&base).chain(layers) {
        let spans = spread(layer, &mut table, &mut places)?;
        let deserializer = toml::Deserializer::from(table.clone());
        config = Some(
            serde::Deserialize::deserialize(deserializer)
                .map_err(|error| refuse(layer, &spans, &error))?,
        );
    }
    let mut config: Config = config.expect("the base layer was read");
    config.places = places;
    Ok(config)
}

/// A text by itself, and where its keys are.
///
/// # Errors
/// If it is not TOML.
pub(super) fn read(layer: &Layer<'_>) -> Result<(toml::Table, Places), ConfigError> {
    let mut table = Spanned::new(0..layer.text.len(), DeTable::new());
    let mut places = Places::at_the_start_of(layer.name);
    let spans = spread(layer, &mut table, &mut places)?;
    let read = serde::Deserialize::deserialize(toml::Deserializer::from(table));
    Ok((read.map_err(|error| refuse(layer, &spans, &error))?, places))
}

/// Keys of one layer with the span of the key and of its value.
type Spans = Vec<(String, Range<usize>, Range<usize>)>;

/// Parses `layer` and lays it over `table`.
fn spread<'a>(
    layer: &Layer<'a>,
    table: &mut Spanned<DeTable<'a>>,
    places: &mut Places,
) -> Result<Spans, ConfigError> {
    let parsed = DeTable::parse(layer.text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let fault = Fault::Syntax(one_line(error.message()));
        ConfigError::Refused { place: place(layer, start), key: String::new(), fault }
    })?;
    let mut spans = Spans::new();
    note_table(parsed.get_ref(), "", &mut spans);
    for (key, span, _) in &spans {
        if !layer.only.is_empty() && !layer.only.iter().any(|table| within(key, table)) {
            let (place, key) = (place(layer, span.start), key.clone());
            return Err(ConfigError::Refused { place, key, fault: Fault::NotPlacement });
        }
        places.forget(key);
        places.keys.insert(key.clone(), place(layer, span.start));
    }
    merge(table.get_mut(), parsed.into_inner());
    Ok(spans)
}

fn within(key: &str, table: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn note_table(table: &DeTable<'_>, above: &str, spans: &mut Spans) {
    for (name, value) in table {
        let dot = if above.is_empty() { "" } else { "." };
        let key = format!("{above}{dot}{}", name.get_ref());
        spans.push((key.clone(), name.span(), value.span()));
        note_value(value.get_ref(), &key, spans);
    }
}

fn note_value(value: &DeValue<'_>, key: &str, spans: &mut Spans) {
    match value {
        DeValue::Table(table) => note_table(table, key, spans),
        DeValue::Array(array) => note_array(array, key, spans),
        _ => {}
    }
}

fn note_array(array: &DeArray<'_>, key: &str, spans: &mut Spans) {
    for (index, value) in array.iter().enumerate() {
        let key = format!("{key}[{index}]");
        spans.push((key.clone(), value.span(), value.span()));
        note_value(value.get_ref(), &key, spans);
    }
}

fn merge<'a>(below: &mut DeTable<'a>, above: DeTable<'a>) {
    for (key, mut value) in above {
        if let DeValue::Table(over) = value.get_mut()
            && let Some(under) = below.get_mut(key.get_ref().as_ref())
            && let DeValue::Table(under) = under.get_mut()
        {
            merge(under, std::mem::take(over));
            continue;
        }
        // Removed first: an insert alone would keep the key with the span of the layer below.
        below.remove(key.get_ref().as_ref());
        below.insert(key, value);
    }
}

/// What the parser said of a key, as an error with its place and fix.
fn refuse(layer: &Layer<'_>, spans: &Spans, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start);
    let key = key_at(spans, start);
    let message = one_line(error.message());
    // Serde names what it met and what it knows in backticks.
    let mut words = message.split('`').skip(1).step_by(2).map(String::from);
    let fault = if message.starts_with("unknown field") || message.starts_with("unknown variant") {
        let word = words.next().unwrap_or_default();
        Fault::Unknown { word, known: words.collect() }
    } else {
        Fault::Type { message, like: default_line(&key) }
    };
    ConfigError::Refused { place: place(layer, start), key, fault }
}

/// The innermost key whose name or value stands at `offset`.
fn key_at(spans: &Spans, offset: usize) -> String {
    let around =
        |span: &Range<usize>| span.start <= offset && offset < span.end.max(span.start + 1);
    let innermost = spans.iter().rfind(|(_, key, value)| around(key) || around(value));
    innermost.map(|(key, ..)| key.clone()).unwrap_or_default()
}

/// How the default of `key` is written, unless it is a table or has none.
fn default_line(key: &str) -> Option<String> {
    let defaults = DeTable::parse(DEFAULT).ok()?;
    let mut spans = Spans::new();
    note_table(defaults.get_ref(), "", &mut spans);
    let span = spans.into_iter().find(|(name, ..)| name == key)?.2;
    let value = DEFAULT.get(span).filter(|value| !value.starts_with('['))?;
    Some(format!("{} = {value}", key.rsplit('.').next()?))
}

fn place(layer: &Layer<'_>, offset: usize) -> Place {
    let before = layer.text.get(..offset).unwrap_or(layer.text);
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.rsplit('\n').next().map_or(0, |text| text.chars().count());
    Place { file: layer.name.into(), line, column }
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
