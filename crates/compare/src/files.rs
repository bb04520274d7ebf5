//! The files of an experiment: each is read once and hashed once, however many tasks use it.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use sensitome_data::genes::{Aliases, IdMap, to_symbols};
use sensitome_data::read::{self, DrugResponse, GeneSets, ReadOptions};
use sensitome_data::{DataError, Duplicates, ExpressionMatrix, hex};
use sha2::{Digest, Sha256};

use crate::Result;

/// A matrix with current gene symbols, and the names that changed.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) matrix: ExpressionMatrix,
    pub(crate) renamed: IndexMap<String, String>,
}

/// A matrix and the tables that its genes are translated by.
type Key = (PathBuf, Option<PathBuf>, Option<PathBuf>);

/// What has been read so far.
#[derive(Debug, Default)]
pub(crate) struct Files {
    root: PathBuf,
    expression: Cache<Key, Expression>,
    responses: Cache<PathBuf, DrugResponse>,
    gene_sets: Cache<PathBuf, GeneSets>,
    ids: Cache<PathBuf, IdMap>,
    aliases: Cache<PathBuf, Aliases>,
    digests: Cache<PathBuf, String>,
}

impl Files {
    /// Of a folder that paths are relative to.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), ..Self::default() }
    }

    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.root.join(path)
    }

    /// A matrix, its genes brought to current symbols. Counts of one gene under two names are added, else averaged.
    pub(crate) fn expression(
        &self,
        path: &Path,
        gene_ids: Option<&Path>,
        gene_aliases: Option<&Path>,
    ) -> Result<Arc<Expression>> {
        let key = (self.path(path), gene_ids.map(Path::to_owned), gene_aliases.map(Path::to_owned));
        let path = key.0.clone();
        self.expression.get(key, || {
            let found = read::expression(&path, &ReadOptions::default())?.0;
            let ids =
                gene_ids.map(|p| self.ids.get(self.path(p), || Ok(IdMap::read(self.path(p).as_path())?)));
            let aliases = gene_aliases
                .map(|p| self.aliases.get(self.path(p), || Ok(Aliases::read(self.path(p).as_path())?)));
            let (ids, aliases) = (ids.transpose()?, aliases.transpose()?);
            let (matrix, report) =
                to_symbols(&found, ids.as_deref(), aliases.as_deref(), Duplicates::fitting(&found))?;
            Ok(Expression { matrix, renamed: report.renamed })
        })
    }

    pub(crate) fn response(&self, path: &Path) -> Result<Arc<DrugResponse>> {
        let path = self.path(path);
        self.responses.get(path.clone(), || Ok(read::response(path.as_path())?))
    }

    pub(crate) fn gene_sets(&self, path: &Path) -> Result<Arc<GeneSets>> {
        let path = self.path(path);
        self.gene_sets.get(path.clone(), || Ok(read::gmt(path.as_path())?))
    }

    /// SHA-256 of a file, or of the files of a folder by name.
    pub(crate) fn digest(&self, path: &Path) -> Result<String> {
        let path = self.path(path);
        let found = self.digests.get(path.clone(), || {
            let mut hash = Sha256::new();
            for file in members(&path)? {
                let mut reader = std::fs::File::open(&file).map_err(|e| DataError::io(&file, "open", e))?;
                std::io::copy(&mut reader, &mut Hasher(&mut hash))
                    .map_err(|e| DataError::io(&file, "read", e))?;
            }
            Ok(hex(&hash.finalize()))
        })?;
        Ok(found.to_string())
    }
}

fn members(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |e| DataError::io(path, "read", e);
    let entries = std::fs::read_dir(path).map_err(failed)?;
    let mut files = entries.map(|e| Ok(e.map_err(failed)?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|f| f.is_file());
    files.sort();
    Ok(files)
}

struct Hasher<'a>(&'a mut Sha256);

impl std::io::Write for Hasher<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Values made once by key. A value that fails is tried again.
#[derive(Debug)]
struct Cache<K, V>(Mutex<HashMap<K, Arc<V>>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Hash + Eq, V> Cache<K, V> {
    fn get(&self, key: K, make: impl FnOnce() -> Result<V>) -> Result<Arc<V>> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().get(&key) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(make()?);
        Ok(Arc::clone(lock().entry(key).or_insert(made)))
    }
}
