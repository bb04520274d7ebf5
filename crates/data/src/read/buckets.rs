//! From columns to rows on disk: the entries of a CSC matrix distributed into temporary files by block of rows.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use crate::hdf5::{REWRITE, Window};
use crate::{CsrMatrix, DataError, Result};

/// Files that are open at the same time; systems allow a thousand or less.
const MOST_FILES: usize = 128;
/// Bytes gathered for each before they are written.
const BUFFER: usize = 1 << 16;
/// Entries read at a time.
const ENTRIES: usize = 1 << 18;
/// Bytes of an entry: row within the bucket, column, value.
const RECORD: usize = 12;

/// The rows of a matrix in consecutive buckets, each of whole blocks; the bucket in use is held in memory.
pub(super) struct Buckets {
    files: Vec<File>,
    rows: usize,
    rows_per_bucket: usize,
    origin: String,
    current: Option<(usize, CsrMatrix)>,
}

impl Buckets {
    /// Goes over the columns once. `indptr` ascends from 0 to the number of `indices` and of `data`.
    pub(super) fn distribute(
        indptr: &[usize],
        indices: &Window,
        data: &Window,
        rows: usize,
        rows_per_block: usize,
        origin: &str,
    ) -> Result<Self> {
        let blocks = rows.div_ceil(rows_per_block);
        let rows_per_bucket =
            rows_per_block.min(rows.max(1)).saturating_mul(blocks.div_ceil(MOST_FILES).max(1));
        let new = |_| tempfile::tempfile().map(|f| BufWriter::with_capacity(BUFFER, f)).map_err(failed);
        let mut files: Vec<BufWriter<File>> =
            (0..rows.div_ceil(rows_per_bucket)).map(new).collect::<Result<_>>()?;
        let entries = indptr.last().copied().unwrap_or(0);
        let mut column = 0;
        for start in (0..entries).step_by(ENTRIES) {
            let window = start..(start + ENTRIES).min(entries);
            let (positions, values) = (indices.positions(window.clone())?, data.floats(window)?);
            for (k, (&row, value)) in positions.iter().zip(values).enumerate() {
                while indptr.get(column + 1).is_some_and(|&end| end <= start + k) {
                    column += 1;
                }
                let (bucket, within) = (row as usize / rows_per_bucket, row as usize % rows_per_bucket);
                let file = files.get_mut(bucket).filter(|_| (row as usize) < rows).ok_or_else(|| {
                    DataError::file(origin, format!("column {column} names row {row} of {rows}"), REWRITE)
                })?;
                let mut record = [0; RECORD];
                record[..4].copy_from_slice(&(within as u32).to_le_bytes());
                record[4..8].copy_from_slice(&(column as u32).to_le_bytes());
                record[8..].copy_from_slice(&value.to_le_bytes());
                file.write_all(&record).map_err(failed)?;
            }
        }
        let files = files.into_iter().map(|f| f.into_inner().map_err(|e| failed(e.into_error())));
        Ok(Self {
            files: files.collect::<Result<_>>()?,
            rows,
            rows_per_bucket,
            origin: origin.to_owned(),
            current: None,
        })
    }

    /// Some rows, all of one block.
    pub(super) fn rows(&mut self, rows: Range<usize>, columns: usize) -> Result<CsrMatrix> {
        let bucket = rows.start / self.rows_per_bucket;
        let first = bucket * self.rows_per_bucket;
        let held = match self.current.take() {
            Some((b, matrix)) if b == bucket => matrix,
            _ => self.read(bucket, columns)?,
        };
        let wanted: Vec<usize> = rows.map(|i| i - first).collect();
        let out = held.select_rows(&wanted);
        self.current = Some((bucket, held));
        Ok(out)
    }

    /// A counting sort by row: columns ascended when the entries were written, so they ascend within each row.
    fn read(&mut self, bucket: usize, columns: usize) -> Result<CsrMatrix> {
        let first = bucket * self.rows_per_bucket;
        let n = self.rows_per_bucket.min(self.rows - first);
        let Some(file) = self.files.get_mut(bucket) else {
            return CsrMatrix::new(columns, vec![0], Vec::new(), Vec::new());
        };
        let mut indptr = vec![0usize; n + 1];
        entries(file, |row, _, _| indptr[row + 1] += 1)?;
        for i in 0..n {
            indptr[i + 1] += indptr[i];
        }
        let mut next = indptr.clone();
        let (mut indices, mut data) = (vec![0u32; indptr[n]], vec![0f32; indptr[n]]);
        entries(file, |row, column, value| {
            indices[next[row]] = column;
            data[next[row]] = value;
            next[row] += 1;
        })?;
        CsrMatrix::new(columns, indptr, indices, data)
            .map_err(|e| super::in_file(&format!("{}, rows from {first}", self.origin), e))
    }
}

fn entries(file: &mut File, mut take: impl FnMut(usize, u32, f32)) -> Result<()> {
    let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let word = |b: &[u8]| <[u8; 4]>::try_from(b).unwrap_or_default();
    let mut record = [0; RECORD];
    for _ in 0..length / RECORD as u64 {
        reader.read_exact(&mut record).map_err(failed)?;
        take(
            u32::from_le_bytes(word(&record[..4])) as usize,
            u32::from_le_bytes(word(&record[4..8])),
            f32::from_le_bytes(word(&record[8..])),
        );
    }
    Ok(())
}

fn failed(error: std::io::Error) -> DataError {
    DataError::io(std::env::temp_dir(), "keep entries of a matrix in", error)
}
