//! `.hgrm`: a histogram as the percentile table that HdrHistogram's plotters read. Values in nanoseconds.
#![forbid(unsafe_code)]

use super::Latency;
use std::io::{self, Write};

/// Ticks of the table for each halving of the distance to 100 %.
const TICKS: u32 = 5;

impl Latency {
    /// Writes the table.
    ///
    /// # Errors
    /// If `out` does.
    pub fn write_hgrm(&self, out: &mut impl Write) -> io::Result<()> {
        let histogram = self.histogram();
        writeln!(out, "       Value     Percentile TotalCount 1/(1-Percentile)\n")?;
        let mut count = 0;
        for step in histogram.iter_quantiles(TICKS) {
            count += step.count_since_last_iteration();
            let (value, quantile) = (step.value_iterated_to() as f64, step.quantile_iterated_to());
            if quantile < 1.0 {
                let odds = 1.0 / (1.0 - quantile);
                writeln!(out, "{value:12.3} {quantile:.12} {count:10} {odds:14.2}")?;
            } else {
                writeln!(out, "{value:12.3} {quantile:.12} {count:10}")?;
            }
        }
        let (mean, deviation) = (histogram.mean(), histogram.stdev());
        writeln!(out, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]")?;
        let (max, total) = (histogram.max() as f64, histogram.len());
        writeln!(out, "#[Max     = {max:12.3}, Total count    = {total:12}]")?;
        let (buckets, sub) = (histogram.buckets(), histogram.distinct_values());
        writeln!(out, "#[Buckets = {buckets:12}, SubBuckets     = {sub:12}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_ends_at_the_maximum_and_counts_everything() {
        let mut latency = Latency::default();
        (1..=100).for_each(|nanos| latency.record(nanos));
        let mut text = Vec::new();
        latency.write_hgrm(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let rows: Vec<_> = text.lines().skip(2).take_while(|row| !row.starts_with('#')).collect();
        let last: Vec<_> = rows.last().unwrap().split_whitespace().collect();
        assert_eq!(last, ["100.000", "1.000000000000", "100"]);
        let median = rows.iter().find(|row| row.contains(" 0.500000000000 ")).unwrap();
        assert_eq!(
            median.split_whitespace().collect::<Vec<_>>()[..3],
            ["50.000", "0.500000000000", "50"]
        );
    }
}
