//! What all text tables share: the first line read ahead, the separator, a missing-value mark, near names.

use std::io::{BufRead, Cursor, Read};

use crate::{DataError, Input, Result};

/// A longer line belongs to no table; reading on would only fill the memory.
const LONGEST_LINE: u64 = 1 << 28;

/// A text file whose first line is known.
pub(super) struct Text<'a> {
    pub(super) origin: String,
    pub(super) separator: u8,
    pub(super) reader: csv::Reader<Box<dyn Read + 'a>>,
}

/// Opens `input`, strips a byte-order mark, and takes the separator given or the one of tab, comma and semicolon that
/// divides the first two lines alike, and the first line most.
pub(super) fn open<'a>(input: &Input<'a>, separator: Option<u8>) -> Result<Text<'a>> {
    let origin = input.origin();
    let mut buffered = input.buffered()?;
    let mut head = Vec::new();
    buffered.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut head).map_err(|e| input.read_error(e))?;
    if head.starts_with(&[0xef, 0xbb, 0xbf]) {
        head.drain(..3);
    }
    if head.iter().all(u8::is_ascii_whitespace) {
        let problem = if head.is_empty() { "is empty" } else { "its first line is empty" };
        return Err(DataError::file(origin, problem, "pass a table whose first line names its columns"));
    }
    if head.contains(&0) || head.len() as u64 >= LONGEST_LINE {
        return Err(DataError::file(
            origin,
            "is not a text table",
            "pass CSV or TSV in UTF-8 (plain or gzip); .h5ad and 10x .h5 files are recognised by their content",
        ));
    }
    let mut second = Vec::new();
    buffered.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut second).map_err(|e| input.read_error(e))?;
    let separator = separator.unwrap_or_else(|| detect_separator(&head, &second));
    head.append(&mut second);
    let rest: Box<dyn Read + 'a> = Box::new(Cursor::new(head).chain(buffered));
    let reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(1 << 16)
        .from_reader(rest);
    Ok(Text { origin, separator, reader })
}

/// What may stand between fields; the first of equals is taken, and tabs are least likely to be part of a name.
const SEPARATORS: [u8; 3] = *b"\t,;";

fn detect_separator(first: &[u8], second: &[u8]) -> u8 {
    let (head, row) = (count_separators(first), count_separators(second));
    // R writes no name above the row names, so its header may be one field short.
    let alike = |i: usize| row[i] == head[i] || row[i] == head[i] + 1;
    let best = |fits: &dyn Fn(usize) -> bool| {
        (0..3).rev().filter(|&i| head[i] > 0 && fits(i)).max_by_key(|&i| head[i])
    };
    best(&alike).or_else(|| best(&|_| true)).map_or(b',', |i| SEPARATORS[i])
}

/// How often each separator stands in `line` outside of quotes.
fn count_separators(line: &[u8]) -> [usize; 3] {
    let (mut counts, mut quoted) = ([0usize; 3], false);
    for byte in line {
        if *byte == b'"' {
            quoted = !quoted;
        } else if let Some(i) = SEPARATORS.iter().position(|s| s == byte).filter(|_| !quoted) {
            counts[i] += 1;
        }
    }
    counts
}

/// What an error calls a separator.
pub(super) fn separator_name(separator: u8) -> String {
    match separator {
        b'\t' => "tab".to_owned(),
        b',' => "comma".to_owned(),
        b';' => "semicolon".to_owned(),
        other => format!("'{}'", char::from(other)),
    }
}

impl Text<'_> {
    /// Reads the next line into `record`; `None` at the end.
    pub(super) fn next(&mut self, record: &mut csv::ByteRecord, input: &Input) -> Result<Option<u64>> {
        match self.reader.read_byte_record(record) {
            Ok(true) => Ok(Some(record.position().map_or(0, csv::Position::line))),
            Ok(false) => Ok(None),
            Err(error) => Err(match error.into_kind() {
                csv::ErrorKind::Io(e) => input.read_error(e),
                other => {
                    DataError::file(&self.origin, format!("cannot be parsed ({other:?})"), "check its quotes")
                }
            }),
        }
    }

    /// The error of a line that has not as many fields as the header.
    pub(super) fn ragged(&self, line: u64, found: usize, expected: usize) -> DataError {
        let hint = if expected == 1 {
            "the separator may be wrong: tab, comma and semicolon are recognised, pass --separator for another"
        } else if found < expected {
            "the line may be cut short, or a quote left open; export the table again"
        } else {
            "quote fields that hold the separator"
        };
        DataError::line(
            &self.origin,
            line,
            format!(
                "{found} fields where the header has {expected} (separated by {})",
                separator_name(self.separator)
            ),
            hint,
        )
    }

    /// `bytes` as text.
    pub(super) fn utf8<'b>(&self, line: u64, bytes: &'b [u8]) -> Result<&'b str> {
        str::from_utf8(bytes)
            .map(str::trim)
            .map_err(|_| DataError::line(&self.origin, line, "is not UTF-8 text", "save the table as UTF-8"))
    }
}

/// Whether a cell says that there is no value.
pub(super) fn is_missing(cell: &str) -> bool {
    cell.is_empty()
        || ["na", "nan", "n/a", "#n/a", "null", "none", "."].iter().any(|m| cell.eq_ignore_ascii_case(m))
}

/// Up to five of `names` most like `wanted` under `key`, for an error message; empty when none is near.
pub(super) fn near<'n>(
    wanted: &str,
    names: impl Iterator<Item = &'n str>,
    key: fn(&str) -> String,
) -> Vec<&'n str> {
    let wanted = key(wanted);
    let mut scored: Vec<(f64, &str)> = names
        .map(|name| {
            let other = key(name);
            let within =
                wanted.len() >= 3 && other.len() >= 3 && (other.contains(&wanted) || wanted.contains(&other));
            (strsim::jaro_winkler(&wanted, &other) + if within { 0.2 } else { 0.0 }, name)
        })
        .filter(|(score, _)| *score >= 0.8)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(5).map(|p| p.1).collect()
}
