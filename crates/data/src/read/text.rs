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

/// Opens `input`, strips a byte-order mark, and takes the separator given or the one that the first line holds most
/// of: tab, comma or semicolon.
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
    let separator = separator.unwrap_or_else(|| detect_separator(&head));
    let rest: Box<dyn Read + 'a> = Box::new(Cursor::new(head).chain(buffered));
    let reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(1 << 16)
        .from_reader(rest);
    Ok(Text { origin, separator, reader })
}

fn detect_separator(line: &[u8]) -> u8 {
    let (mut counts, mut quoted) = ([0usize; 3], false);
    for byte in line {
        match byte {
            b'"' => quoted = !quoted,
            b'\t' if !quoted => counts[0] += 1,
            b',' if !quoted => counts[1] += 1,
            b';' if !quoted => counts[2] += 1,
            _ => {}
        }
    }
    // The first of equals: tabs are least likely to be part of a name.
    let most = counts.iter().max().copied().unwrap_or_default();
    [b'\t', b',', b';']
        .into_iter()
        .zip(counts)
        .find(|(s, n)| *n == most && (*n > 0 || *s == b','))
        .map_or(b',', |p| p.0)
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
