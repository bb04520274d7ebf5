//! Paths and bytes, plain and gzipped.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::io::{Read, Write};

use sensitome_data::{DataError, Input};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Vec<u8>, DataError> {
    let input = Input::Bytes { name: "given", bytes };
    let mut out = Vec::new();
    input.reader()?.read_to_end(&mut out).map_err(|e| input.read_error(e))?;
    Ok(out)
}

#[test]
fn plain_and_gzipped_bytes_read_the_same() {
    assert_eq!(read(b"a,b\n1,2\n").unwrap(), b"a,b\n1,2\n");
    assert_eq!(read(&gzip(b"a,b\n1,2\n")).unwrap(), b"a,b\n1,2\n");
    assert_eq!(read(b"").unwrap(), b"");
    assert_eq!(read(&[0x1f]).unwrap(), [0x1f]);
}

#[test]
fn several_gzip_members_are_one_text() {
    let both = [gzip(b"first\n"), gzip(b"second\n")].concat();
    assert_eq!(read(&both).unwrap(), b"first\nsecond\n");
}

#[test]
fn every_truncation_of_a_gzip_file_names_it() {
    let text: Vec<u8> = (0..2000u32).flat_map(|i| (i * i).to_string().into_bytes()).collect();
    let whole = gzip(&text);
    for n in 2..whole.len() {
        let error = read(&whole[..n]).unwrap_err().to_string();
        assert!(error.starts_with("given: ") && error.contains("ends too early"), "{n}: {error}");
    }
}

#[test]
fn a_damaged_gzip_file_is_told_from_a_short_one() {
    let mut bytes = gzip(&[b'x'; 5000]);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    let error = read(&bytes).unwrap_err().to_string();
    assert!(error.starts_with("given: "), "{error}");
}

#[test]
fn a_path_reads_and_an_absent_one_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.txt");
    std::fs::write(&path, gzip(b"hello")).unwrap();
    let mut text = String::new();
    Input::from(&path).reader().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    let Err(error) = Input::from("no/such/file").reader() else { panic!("it opened") };
    assert!(error.to_string().starts_with("no/such/file: cannot open"), "{error}");
}
