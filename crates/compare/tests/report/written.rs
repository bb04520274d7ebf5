//! Tables, pages and plots as they are written.

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use sensitome_compare::{Grid, Report, Role, table};

use crate::synthetic::{Spec, runs_of};
use crate::{METHODS, board, measured, planted, searched};

#[test]
fn tables_hold_every_run_and_undefined_stays_empty() {
    let mut c = searched();
    runs_of(&mut c, "winner").next().unwrap().outcome = Err("broken, \"quite\"".into());
    let rows = table::runs(&c).unwrap();
    assert_eq!(rows.len(), (c.runs.len() - 1) * 4 + 1);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    table::runs_csv(&path("runs.csv"), &rows).unwrap();
    table::runs_parquet(&path("runs.parquet"), &rows).unwrap();
    let text = std::fs::read_to_string(path("runs.csv")).unwrap();
    assert!(text.starts_with("task,role,method,strategy,shots,seed,draw,metric,value,reason\n"));
    assert!(text.contains("task 0,task,ridge,ridge,0,0,0,mcc,,\"classes holds a single class;"));
    assert!(text.contains("task 0,task,winner,winner,0,0,0,auroc,,\"broken, \"\"quite\"\"\"\n"));
    assert!(!text.contains("NaN") && !text.contains("inf,"));

    let file = std::fs::File::open(path("runs.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows() as usize, rows.len());
    for (read, row) in reader.get_row_iter(None).unwrap().zip(&rows) {
        let read = read.unwrap();
        let text = |at: usize| read.get_string(at).unwrap().clone();
        assert_eq!(
            (text(0), text(1), text(2)),
            (row.task.clone(), row.role.name().into(), row.method.clone())
        );
        assert_eq!((text(3), text(7)), (row.strategy.clone(), row.metric.clone()));
        assert_eq!(read.get_long(4).unwrap() as usize, row.shots);
        assert_eq!(read.get_ulong(5).unwrap(), row.seed);
        assert_eq!(read.get_long(6).unwrap() as usize, row.draw);
        assert_eq!(read.get_double(8).ok(), row.value);
        assert_eq!(read.get_string(9).ok(), row.reason.as_ref());
    }
}

#[test]
fn a_report_is_whole_and_the_same_bytes_each_time() {
    let mut c = searched();
    c.tasks[3].role = Role::NegativeControl;
    c.name = "pairs <real> & | more".into();
    let rename = |name: &str| if name == "task 0" { "PLX & A375 <z>".to_owned() } else { name.to_owned() };
    c.tasks.iter_mut().for_each(|t| t.name = rename(&t.name));
    c.runs.iter_mut().for_each(|r| r.task = rename(&r.task));
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let written = Report::new(&c).unwrap().write(first.path()).unwrap();
    let again = Report::new(&c).unwrap().write(second.path()).unwrap();
    let names: Vec<String> =
        written.iter().map(|p| p.strip_prefix(first.path()).unwrap().display().to_string()).collect();
    for name in [
        "runs.csv",
        "runs.parquet",
        "leaderboard.csv",
        "tasks.csv",
        "diagnosis.csv",
        "regret.csv",
        "results.md",
        "plots/ranks.svg",
        "plots/boxes.svg",
        "plots/scores-plx-a375-z.svg",
        "plots/calibration-task-1.svg",
    ] {
        assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
    }
    assert!(!names.iter().any(|n| n.contains("few-shot")));
    for (a, b) in written.iter().zip(&again) {
        let bytes = std::fs::read(a).unwrap();
        assert_eq!(bytes, std::fs::read(b).unwrap(), "{}", a.display());
        if let Ok(text) = String::from_utf8(bytes) {
            assert!(
                !text.contains("NaN") && !text.contains("-.00") && !text.contains("-0.00 "),
                "{}",
                a.display()
            );
            if a.extension().unwrap() == "svg" {
                assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"));
                assert!(!text.contains("<z>") && !text.contains("PLX & A"), "escaped");
            }
        }
    }
    let page = std::fs::read_to_string(first.path().join("results.md")).unwrap();
    assert!(page.starts_with("# pairs &lt;real> & \\| more\n"));
    for control in ["**constant**", "**ridge**", "**source_only**"] {
        assert!(page.contains(control));
    }
    // Every row of a table has as many cells as its header.
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<&str> = page.lines().collect();
    for two in lines.windows(2).filter(|two| two.iter().all(|l| l.starts_with('|'))) {
        assert_eq!(bars(two[0]), bars(two[1]), "{two:?}");
    }
    let csv = std::fs::read_to_string(first.path().join("leaderboard.csv")).unwrap();
    assert!(csv.lines().all(|l| l.matches(',').count() == 25), "{csv}");
}

#[test]
fn nothing_and_nonsense_are_answered_not_panicked_at() {
    let folder = tempfile::tempdir().unwrap();
    let mut c = Spec::new(1, &["constant"]).make(planted);
    Report::new(&c).unwrap().write(folder.path()).unwrap();
    c.runs.clear();
    Report::new(&c).unwrap().write(folder.path()).unwrap();
    c.tasks.clear();
    c.methods.clear();
    assert!(Report::new(&c).unwrap().write(folder.path()).is_ok());

    let good = Spec::new(2, &METHODS).make(planted);
    let mut bad = good.clone();
    bad.runs.push(bad.runs[0].clone());
    assert!(Grid::new(&bad).unwrap_err().to_string().contains("twice"));
    bad = good.clone();
    bad.runs[0].task = "elsewhere".into();
    assert!(Grid::new(&bad).unwrap_err().to_string().contains("task is not listed"));
    assert!(table::runs(&bad).is_err());
    bad = good.clone();
    bad.methods.push(bad.methods[0].clone());
    assert!(Grid::new(&bad).is_err());
    // All failed.
    bad = good.clone();
    bad.runs.iter_mut().for_each(|r| r.outcome = Err("no".into()));
    Report::new(&bad).unwrap().write(folder.path()).unwrap();
    assert!(board(&bad).standings.is_empty());
    // Labels that differ between runs give no interval, and say why.
    bad = good;
    measured(&mut bad.runs[0]).labels[0] ^= 1;
    let b = board(&bad);
    assert!(
        b.left_out.iter().any(|(_, why)| why.contains("differ between runs at row 0")),
        "{:?}",
        b.left_out
    );
}
