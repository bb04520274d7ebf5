//! Two gene lists brought to one shared order.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ids::{IdKind, detect_ids};
use super::rename::RenameReport;
use crate::{DataError, Result};

/// Shared genes of two lists, in alphabetical order, with their places in both.
#[derive(Debug, Clone, PartialEq)]
pub struct Alignment {
    /// The shared genes, sorted.
    pub genes: Vec<String>,
    /// Place of each shared gene in the first list.
    pub in_a: Vec<usize>,
    /// Place of each shared gene in the second list.
    pub in_b: Vec<usize>,
    /// What was found.
    pub report: AlignReport,
}

/// How two gene lists overlap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlignReport {
    /// Kind of identifier in the first list.
    pub kind_a: IdKind,
    /// Kind of identifier in the second list.
    pub kind_b: IdKind,
    /// Length of the first list.
    pub n_a: usize,
    /// Length of the second list.
    pub n_b: usize,
    /// Number of shared genes.
    pub shared: usize,
    /// Genes of the first list that the second lacks, sorted.
    pub missing_in_b: Vec<String>,
    /// Genes of the second list that the first lacks, sorted.
    pub missing_in_a: Vec<String>,
    /// How the names were made, and which were merged on the way: for the caller that renamed them to fill in.
    pub renames: Vec<RenameReport>,
}

impl AlignReport {
    /// Share of the first list that the second has.
    pub fn share_of_a(&self) -> f64 {
        self.shared as f64 / self.n_a.max(1) as f64
    }

    /// Share of the second list that the first has.
    pub fn share_of_b(&self) -> f64 {
        self.shared as f64 / self.n_b.max(1) as f64
    }
}

impl fmt::Display for AlignReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} shared genes: {:.1} % of {} ({}) and {:.1} % of {} ({})",
            self.shared,
            100.0 * self.share_of_a(),
            self.n_a,
            self.kind_a,
            100.0 * self.share_of_b(),
            self.n_b,
            self.kind_b
        )?;
        self.renames.iter().try_for_each(|r| write!(f, "; {r}"))
    }
}

/// Finds the genes that `a` and `b` share.
///
/// `min_overlap` (0 to 1) is the share of the smaller list that must be found in the other.
///
/// # Errors
/// When a name occurs twice in a list, when no gene is shared, or when fewer than stated are.
pub fn align(a: &[String], b: &[String], min_overlap: f64) -> Result<Alignment> {
    if !(0.0..=1.0).contains(&min_overlap) {
        return Err(DataError::invalid(
            "minimum gene overlap",
            format!("{min_overlap} is not a share"),
            "pass a number from 0 to 1",
        ));
    }
    let (index_a, index_b) = (index("first", a)?, index("second", b)?);
    let mut genes: Vec<&str> = index_a.keys().filter(|g| index_b.contains_key(*g)).copied().collect();
    genes.sort_unstable();
    let missing = |names: &[String], other: &HashMap<&str, usize>| {
        let mut out: Vec<String> =
            names.iter().filter(|g| !other.contains_key(g.as_str())).cloned().collect();
        out.sort_unstable();
        out
    };
    let report = AlignReport {
        kind_a: detect_ids(a).kind,
        kind_b: detect_ids(b).kind,
        n_a: a.len(),
        n_b: b.len(),
        shared: genes.len(),
        missing_in_b: missing(a, &index_b),
        missing_in_a: missing(b, &index_a),
        renames: Vec::new(),
    };
    let smaller = a.len().min(b.len());
    if genes.is_empty() || (genes.len() as f64) < min_overlap * smaller as f64 {
        return Err(too_few(&report, smaller, min_overlap));
    }
    Ok(Alignment {
        in_a: genes.iter().map(|g| index_a[g]).collect(),
        in_b: genes.iter().map(|g| index_b[g]).collect(),
        genes: genes.into_iter().map(str::to_owned).collect(),
        report,
    })
}

fn index<'a>(which: &str, names: &'a [String]) -> Result<HashMap<&'a str, usize>> {
    let mut out = HashMap::with_capacity(names.len());
    for (j, name) in names.iter().enumerate() {
        if out.insert(name.as_str(), j).is_some() {
            return Err(DataError::invalid(
                "gene alignment",
                format!("gene {name} occurs twice in the {which} list"),
                "merge genes of one name first (--duplicates sum for counts, mean or first otherwise)",
            ));
        }
    }
    Ok(out)
}

fn too_few(report: &AlignReport, smaller: usize, min_overlap: f64) -> DataError {
    let hint = if report.kind_a == IdKind::Symbol && report.kind_b == IdKind::Symbol {
        let upper: HashSet<String> = report.missing_in_b.iter().map(|g| g.to_uppercase()).collect();
        let by_case = report.missing_in_a.iter().filter(|g| upper.contains(&g.to_uppercase())).count();
        if by_case > report.shared {
            format!("{by_case} more names differ only in capitals (another species?): use one spelling")
        } else {
            "pass --gene-aliases for outdated symbols, check that genes are read as genes (--orientation), translate \
             other names with --gene-ids, or accept fewer genes with --min-overlap"
                .to_owned()
        }
    } else if report.kind_a == IdKind::Unknown || report.kind_b == IdKind::Unknown {
        "check that genes are read as genes (--orientation), and pass --gene-ids and --gene-aliases if they are named \
         otherwise"
            .to_owned()
    } else {
        "pass --gene-ids with a table of entrez, symbol and ensembl (and --gene-aliases for outdated symbols)"
            .to_owned()
    };
    DataError::invalid(
        "gene alignment",
        format!(
            "only {} of {smaller} genes are shared between {} {} and {} {}, {:.0} % are needed",
            report.shared,
            report.n_a,
            report.kind_a,
            report.n_b,
            report.kind_b,
            100.0 * min_overlap
        ),
        hint,
    )
}
