//! A load over time that a user brings as a CSV file.
//!
//! The header names the columns `time_s,entities,cpu_cores,memory_bytes` in any order; other columns are ignored. If any row is bad nothing is loaded, and the error lists the bad rows.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use csv::ByteRecord;
use jaguar_autoscale::{Load, Trace};
use jaguar_scenario::BadRow;

/// The columns that are read, in the order in which this module stores them.
const COLUMNS: [&str; 4] = ["time_s", "entities", "cpu_cores", "memory_bytes"];

/// Largest trace file, bytes: a row a second for a month, at some 50 bytes.
const MAX_BYTES: u64 = 128 << 20;
/// Longest trace, s: a leap year. The HPA looks every 15 s, so that is two million looks.
const MAX_SECONDS: f64 = 366.0 * 86_400.0;
/// Largest time, s: far beyond today in seconds since 1970.
const MAX_TIME: f64 = 1e11;
/// Bad rows that are reported before reading stops.
const MAX_BAD_ROWS: usize = 20;

/// Reads a trace.
pub(crate) fn read(path: &Path) -> anyhow::Result<Trace> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    if file.metadata()?.len() > MAX_BYTES {
        bail!(
            "{} has more than {MAX_BYTES} bytes, which is the most that a trace may have",
            path.display()
        );
    }
    parse(path, file)
}

fn parse(path: &Path, source: impl Read) -> anyhow::Result<Trace> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(source);
    let unreadable = || format!("{} is not readable as CSV", path.display());
    let header = reader.byte_headers().with_context(unreadable)?.clone();
    let columns = find_columns(path, &header)?;

    let mut samples: Vec<(Duration, Load)> = Vec::new();
    let mut bad_rows = Vec::new();
    let mut record = ByteRecord::new();
    while bad_rows.len() < MAX_BAD_ROWS && reader.read_byte_record(&mut record).with_context(unreadable)? {
        let row = Row {
            path,
            line: record.position().map_or(0, csv::Position::line),
            record: &record,
            columns: &columns,
        };
        match row.sample(samples.first().map(|first| first.0), samples.last().map(|last| last.0)) {
            Ok(sample) => samples.push(sample),
            Err(bad) => bad_rows.push(bad),
        }
    }
    if !bad_rows.is_empty() {
        let more = if bad_rows.len() == MAX_BAD_ROWS {
            "\n(only the first bad rows are listed)"
        } else {
            ""
        };
        let rows: Vec<String> = bad_rows.iter().map(BadRow::to_string).collect();
        bail!("{}{more}", rows.join("\n"));
    }
    Trace::new(samples).with_context(|| format!("{} has no row below its header", path.display()))
}

/// Where each of [`COLUMNS`] stands in the file.
fn find_columns(path: &Path, header: &ByteRecord) -> anyhow::Result<[usize; COLUMNS.len()]> {
    let mut columns = [0; COLUMNS.len()];
    let mut missing = Vec::new();
    for (place, name) in columns.iter_mut().zip(COLUMNS) {
        let mut found = header.iter().enumerate().filter(|(_, title)| *title == name.as_bytes());
        match (found.next(), found.next()) {
            (Some((index, _)), None) => *place = index,
            (Some(_), Some(_)) => bail!("{}:1: the header has two columns {name:?}", path.display()),
            (None, _) => missing.push(name),
        }
    }
    if !missing.is_empty() {
        bail!(
            "{}:1: the header lacks {}; it must name the columns {} in any order (0 where a load does not matter)",
            path.display(),
            missing.join(", "),
            COLUMNS.join(",")
        );
    }
    Ok(columns)
}

/// One row and where its columns are.
struct Row<'a> {
    path: &'a Path,
    line: u64,
    record: &'a ByteRecord,
    columns: &'a [usize; COLUMNS.len()],
}

impl Row<'_> {
    /// The sample, which comes after those at the times `first` and `last`.
    fn sample(&self, first: Option<Duration>, last: Option<Duration>) -> Result<(Duration, Load), BadRow> {
        let seconds = self.number(0, MAX_TIME)?;
        let at = Duration::from_secs_f64(seconds);
        if let Some(last) = last.filter(|last| at <= *last) {
            return Err(self.bad(0, format!("times after {}, that of the row before", last.as_secs_f64())));
        }
        if first.is_some_and(|first| (at - first).as_secs_f64() > MAX_SECONDS) {
            return Err(self.bad(
                0,
                format!("times within {MAX_SECONDS} s of the first row, which is a year"),
            ));
        }
        let load = Load {
            entities: self.number(1, 1e12)?,
            cpu_cores: self.number(2, 1e9)?,
            memory_bytes: self.number(3, 1e18)?,
        };
        Ok((at, load))
    }

    fn number(&self, column: usize, most: f64) -> Result<f64, BadRow> {
        let number = self
            .text(column)
            .parse()
            .ok()
            .filter(|number| (0.0..=most).contains(number));
        number.ok_or_else(|| self.bad(column, format!("numbers from 0 to {most:e}")))
    }

    /// What stands in a column; nothing in a row that is too short.
    fn text(&self, column: usize) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.record.get(self.columns[column]).unwrap_or_default())
    }

    fn bad(&self, column: usize, allowed: impl Into<String>) -> BadRow {
        BadRow {
            file: self.path.to_owned(),
            line: self.line,
            column: COLUMNS[column].to_owned(),
            value: self.text(column).chars().take(80).collect(),
            allowed: allowed.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Trace, String> {
        parse(Path::new("t.csv"), text.as_bytes()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn columns_come_in_any_order_among_others() -> Result<(), String> {
        let trace = check("note,entities,time_s,memory_bytes,cpu_cores\na,100,0,1e9,0.5\nb,200,60.5,2e9,1\n")?;
        assert_eq!(trace.end(), Duration::from_millis(60_500));
        let load = Load {
            entities: 200.0,
            cpu_cores: 1.0,
            memory_bytes: 2e9,
        };
        assert_eq!(trace.at(trace.end()), load);
        Ok(())
    }

    #[test]
    fn every_bad_row_is_reported_with_its_line_column_and_value() {
        let rows = "0,1,1,1\n10,many,1,1\n20,1,-1,1\n20,1,1,1\n15,1,1,1\n30,1,1,inf\n1e10,1,1,1\n40,1,1\n";
        let message = check(&format!("time_s,entities,cpu_cores,memory_bytes\n{rows}")).unwrap_err();
        let expected = [
            "t.csv:3: entities is \"many\", allowed: numbers from 0 to 1e12",
            "t.csv:4: cpu_cores is \"-1\", allowed: numbers from 0 to 1e9",
            "t.csv:6: time_s is \"15\", allowed: times after 20, that of the row before",
            "t.csv:7: memory_bytes is \"inf\", allowed: numbers from 0 to 1e18",
            "t.csv:8: time_s is \"1e10\", allowed: times within 31622400 s of the first row, which is a year",
            "t.csv:9: memory_bytes is \"\", allowed: numbers from 0 to 1e18",
        ];
        assert_eq!(message.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_header_names_every_column_once_and_rows_follow() {
        let message = check("time_s,entities\n").unwrap_err();
        assert!(
            message.starts_with("t.csv:1: the header lacks cpu_cores, memory_bytes;"),
            "{message}"
        );
        let message = check("time_s,entities,cpu_cores,memory_bytes,time_s\n").unwrap_err();
        assert_eq!(message, "t.csv:1: the header has two columns \"time_s\"");
        let message = check("time_s,entities,cpu_cores,memory_bytes\n").unwrap_err();
        assert!(message.starts_with("t.csv has no row below its header"), "{message}");
    }
}
