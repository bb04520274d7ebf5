//! Files appear whole or not at all.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use sensitome_data::{DataError, write};

#[test]
fn a_file_appears_with_all_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.txt");
    for text in ["first", "second, which replaces it"] {
        write::atomic(&path, |out| {
            out.write_all(text.as_bytes()).unwrap();
            Ok(())
        })
        .unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_error_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.txt");
    std::fs::write(&path, "old").unwrap();
    let error = write::atomic(&path, |out| {
        out.write_all(b"half of the new").unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("out.txt")).unwrap(), "old");
        Err(DataError::invalid("thing", "went wrong", "do better"))
    });
    assert!(error.unwrap_err().to_string().contains("went wrong"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/out.txt");
    let text = write::atomic(&path, |_| Ok(())).unwrap_err().to_string();
    assert!(text.contains("out.txt: cannot write"), "{text}");
}

#[cfg(unix)]
#[test]
fn others_may_read_it_as_the_umask_says() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
    write::atomic(&ours, |_| Ok(())).unwrap();
    std::fs::write(&plain, "").unwrap();
    let mode = |p| std::fs::metadata(p).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&plain));
}
