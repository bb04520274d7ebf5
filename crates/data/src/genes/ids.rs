//! What kind of identifier a list of names holds.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::known::{COMMON, FAMILIES};

/// Kinds of gene identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdKind {
    /// HGNC-style symbols such as `EGFR`.
    Symbol,
    /// Ensembl gene ids such as `ENSG00000146648`, with or without a version.
    Ensembl,
    /// Entrez (NCBI) gene ids: whole numbers, bare or written `entrez:1956`.
    Entrez,
    /// None of these for most of the names.
    Unknown,
}

impl fmt::Display for IdKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symbol => "gene symbols",
            Self::Ensembl => "Ensembl ids",
            Self::Entrez => "Entrez ids",
            Self::Unknown => "names of no known kind",
        })
    }
}

/// The kind found by [`detect_ids`], and the counts behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdReport {
    /// The kind that at least half of the names have.
    pub kind: IdKind,
    /// Number of names.
    pub n: usize,
    /// Names written as symbols are.
    pub symbol: usize,
    /// Names that are Ensembl gene ids.
    pub ensembl: usize,
    /// Names that are Entrez ids.
    pub entrez: usize,
    /// Names that are well-known human symbols or belong to a large numbered family (`SLC2A1`, `ZNF704`).
    pub well_known: usize,
}

impl fmt::Display for IdReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, n, symbol, ensembl, entrez, well_known } = self;
        write!(
            f,
            "{kind} (of {n} names {symbol} look like symbols, {well_known} of them well known, {ensembl} like \
             Ensembl, {entrez} like Entrez ids)"
        )
    }
}

/// Recognises the kind of identifier that at least half of `names` have. Shape alone decides here: cell lines such as
/// `A375` are written like symbols, so ask [`IdReport::well_known`] whether a list holds genes at all.
pub fn detect_ids(names: &[String]) -> IdReport {
    let mut report =
        IdReport { kind: IdKind::Unknown, n: names.len(), symbol: 0, ensembl: 0, entrez: 0, well_known: 0 };
    for name in names {
        match kind_of(name) {
            IdKind::Ensembl => report.ensembl += 1,
            IdKind::Entrez => report.entrez += 1,
            IdKind::Symbol => {
                report.symbol += 1;
                report.well_known += usize::from(is_known_symbol(name));
            }
            IdKind::Unknown => {}
        }
    }
    let half = |count: usize| count > 0 && 2 * count >= names.len();
    report.kind = match () {
        () if half(report.ensembl) => IdKind::Ensembl,
        () if half(report.symbol) => IdKind::Symbol,
        () if half(report.entrez) => IdKind::Entrez,
        () => IdKind::Unknown,
    };
    report
}

/// How sure one may be that the names of one axis of a table are genes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AxisEvidence {
    /// Nothing speaks for it.
    None,
    /// Written as gene identifiers are, which other names can be as well.
    Shape,
    /// Ensembl ids or well-known symbols.
    Certain,
}

impl IdReport {
    pub(crate) fn evidence(&self) -> AxisEvidence {
        let known = self.well_known;
        if self.kind == IdKind::Ensembl
            || (known >= 3 && 100 * known >= self.n)
            || (known > 0 && 2 * known >= self.n)
        {
            AxisEvidence::Certain
        } else if 10 * self.symbol.max(self.entrez) >= 9 * self.n && self.n > 0 {
            AxisEvidence::Shape
        } else {
            AxisEvidence::None
        }
    }
}

pub(super) fn kind_of(name: &str) -> IdKind {
    if is_ensembl(name) {
        IdKind::Ensembl
    } else if entrez_number(name).is_some() {
        IdKind::Entrez
    } else if is_symbol_like(name) {
        IdKind::Symbol
    } else {
        IdKind::Unknown
    }
}

/// `ENS`, letters of a species, `G`, eleven digits, and perhaps a version.
fn is_ensembl(name: &str) -> bool {
    let id = without_version(name);
    let Some(rest) = id.strip_prefix("ENS") else { return false };
    let (letters, digits) = rest.split_at(rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()));
    letters.ends_with('G')
        && letters.len() <= 5
        && digits.len() == 11
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// An Ensembl id without `.12` at its end.
pub(super) fn without_version(id: &str) -> &str {
    match id.rsplit_once('.') {
        Some((stem, v)) if !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit()) => stem,
        _ => id,
    }
}

/// The digits of `1956` or `entrez:1956`.
pub(super) fn entrez_number(name: &str) -> Option<&str> {
    let digits = name.strip_prefix("entrez:").unwrap_or(name);
    let fits = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(digits)
}

fn is_symbol_like(name: &str) -> bool {
    let bytes = name.as_bytes();
    let Some(first) = bytes.first() else { return false };
    // Cell barcodes, bare or with a suffix, are upper case too.
    let bases = bytes.iter().take_while(|b| b"ACGTN".contains(b)).count();
    first.is_ascii_uppercase()
        && name.len() <= 20
        && bases < 10
        && name
            .replace("orf", "")
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"-.".contains(&b))
}

/// Whether `name` is on the short list or in one of the numbered families that make up much of the genome.
pub(crate) fn is_known_symbol(name: &str) -> bool {
    COMMON.binary_search(&name).is_ok() || FAMILIES.iter().any(|pattern| matches_family(name, pattern))
}

/// `#` in `pattern` stands for one or more digits, everything else for itself.
fn matches_family(name: &str, pattern: &str) -> bool {
    let mut rest = name;
    for (k, literal) in pattern.split('#').enumerate() {
        if k > 0 {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if digits == 0 {
                return false;
            }
            rest = &rest[digits..];
        }
        let Some(after) = rest.strip_prefix(literal) else { return false };
        rest = after;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_list_is_sorted_for_binary_search() {
        assert!(COMMON.windows(2).all(|w| w[0] < w[1]), "{:?}", COMMON.windows(2).find(|w| w[0] >= w[1]));
    }

    #[test]
    fn families_need_their_digits() {
        assert!(matches_family("SLC2A1", "SLC#A#"));
        assert!(!matches_family("SLCA1", "SLC#A#"));
        assert!(!matches_family("SLC2A1B", "SLC#A#"));
    }
}
