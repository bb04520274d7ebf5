//! From what the file says to what can be run, or to the line that is wrong.

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use sensitome_adapt::{REGISTRY, Settings, Uses, find};
use sensitome_core_models::parse_device;
use sensitome_data::labels::LabelRule;
use sensitome_eval::selection::SelectionScore;

use super::fields::{File, MethodFields, OneOrMany, Seeds, TaskFields};
use super::{CONTROLS, Experiment, MethodSpec, Space, TaskSpec, line_at, words};
use crate::evaluate::METRICS;
use crate::{CompareError, Result};

pub(super) struct Check<'a> {
    pub(super) text: &'a str,
    pub(super) path: &'a Path,
    pub(super) data: Option<&'a Path>,
}

impl Check<'_> {
    /// An error at the line of `key` within a span, or where the span begins.
    fn at(&self, span: Range<usize>, key: &str, problem: String, hint: impl Into<String>) -> CompareError {
        let start = self.text[..span.start.min(self.text.len())].rfind('\n').map_or(0, |i| i + 1);
        let end = self.text[start..].find("\n[[").map_or(self.text.len(), |i| start + i);
        let mut offset = start;
        let mut line = line_at(self.text, span.start);
        for l in self.text[start..end].split_inclusive('\n') {
            let rest = l.trim_start().trim_start_matches('[').strip_prefix(key);
            if !key.is_empty() && rest.is_some_and(|r| r.trim_start().starts_with(['=', '.', ']'])) {
                line = line_at(self.text, offset);
                break;
            }
            offset += l.len();
        }
        CompareError::Experiment { file: self.path.to_owned(), line, problem, hint: hint.into() }
    }

    fn at_line(&self, line: usize, problem: String, hint: &str) -> CompareError {
        CompareError::Experiment { file: self.path.to_owned(), line, problem, hint: hint.to_owned() }
    }

    fn top(&self, key: &str, problem: impl Into<String>, hint: impl Into<String>) -> CompareError {
        self.at(0..0, key, problem.into(), hint)
    }

    pub(super) fn experiment(&self, file: File) -> Result<Experiment> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let data = match (self.data, &file.data) {
            (Some(given), _) => given.to_owned(),
            (None, Some(named)) => folder.join(named),
            (None, None) => folder.to_owned(),
        };
        let seeds = match file.seeds.clone().unwrap_or(Seeds::Number(3)) {
            Seeds::Number(n) => (0..n).collect(),
            Seeds::List(list) => list,
        };
        if seeds.is_empty() || seeds.iter().collect::<HashSet<_>>().len() < seeds.len() {
            return Err(self.top(
                "seeds",
                "there is no seed, or one twice",
                "write seeds = 3, or seeds = [0, 1, 2]",
            ));
        }
        let device = file.device.clone().unwrap_or_else(|| "flex".to_owned());
        parse_device(&device).map_err(|e| self.top("device", e.to_string(), "leave it out for the CPU"))?;
        if file.resources.memory_gb.is_nan() || file.resources.memory_gb <= 0.0 {
            return Err(self.top(
                "memory_gb",
                "no memory to work with",
                "give a number of gigabytes above 0",
            ));
        }
        let methods = self.methods(&file)?;
        let most = methods.iter().flat_map(|m| &m.shots).max().copied().unwrap_or(0);
        let pool = file.pool.unwrap_or(most);
        if pool < most {
            let problem = format!("the pool of {pool} labelled cells a class is smaller than {most} shots");
            return Err(self.top("pool", problem, "make it at least as large, or leave it out"));
        }
        let metrics = match &file.metrics {
            None => METRICS.iter().map(|m| (*m).to_owned()).collect(),
            Some(given) => given.get_ref().clone(),
        };
        let primary = file.primary.as_ref().map_or("auroc", |p| p.get_ref()).to_owned();
        for (key, name) in metrics.iter().map(|m| ("metrics", m)).chain([("primary", &primary)]) {
            if !METRICS.contains(&name.as_str()) {
                let hint = format!("use {}", METRICS.join(", "));
                return Err(self.top(key, format!("there is no metric {name}"), hint));
            }
        }
        if ["brier", "log_loss", "ece"].contains(&primary.as_str()) || !metrics.contains(&primary) {
            let problem = format!(
                "{primary} cannot order a leaderboard: it is not among the metrics, or smaller is better"
            );
            return Err(self.top("primary", problem, "use auroc, for one"));
        }
        let rules = file.rules.as_ref().map(|r| r.get_ref().clone()).unwrap_or_default();
        let rules = rules.iter().map(|name| self.rule(name)).collect::<Result<Vec<_>>>()?;
        let rules = if rules.is_empty() {
            SelectionScore::ALL.into_iter().filter(|r| !r.is_oracle()).collect()
        } else {
            rules
        };
        let tasks = self.tasks(&file, &data)?;
        let labels: HashSet<&str> = methods.iter().map(|m| m.label.as_str()).collect();
        if let Some(m) = file.audit.methods.iter().find(|m| !labels.contains(m.as_str())) {
            let hint = "name methods of this experiment";
            return Err(self.top("methods", format!("the audit names {m}, which is no method here"), hint));
        }
        let stem = self.path.file_stem().map(|s| s.to_string_lossy().into_owned());
        Ok(Experiment {
            name: file.name.or(stem).unwrap_or_default(),
            file: self.path.to_owned(),
            data,
            seeds,
            pool,
            primary,
            metrics,
            rules,
            device,
            resources: file.resources,
            audit: file.audit,
            tasks,
            methods,
        })
    }

    fn rule(&self, name: &str) -> Result<SelectionScore> {
        SelectionScore::from_name(name).filter(|r| !r.is_oracle()).ok_or_else(|| {
            let known = SelectionScore::ALL.into_iter().filter(|r| !r.is_oracle());
            let hint = format!("use {}", known.map(SelectionScore::name).collect::<Vec<_>>().join(", "));
            self.top("rules", format!("{name} is no label-free rule; the oracle is always shown"), hint)
        })
    }

    /// The controls, then the strategies that are only named, then those with settings.
    fn methods(&self, file: &File) -> Result<Vec<MethodSpec>> {
        let shots = file.shots.as_ref().map_or_else(|| vec![0], OneOrMany::list);
        let named =
            file.strategies.as_ref().map(|s| (s.span(), s.get_ref().list())).unwrap_or((0..0, vec![]));
        let mut names: Vec<&str> = CONTROLS.to_vec();
        for name in &named.1 {
            if name == "all" {
                names.extend(REGISTRY.iter().map(|e| e.name));
            } else {
                find(name)
                    .map_err(|e| self.at(named.0.clone(), "strategies", e.to_string(), "or write \"all\""))?;
                names.push(name);
            }
        }
        let mut methods: Vec<MethodSpec> = Vec::new();
        let with_settings: HashSet<&str> = file
            .strategy
            .iter()
            .map(|s| s.get_ref())
            .map(|s| s.label.as_deref().unwrap_or(&s.name))
            .collect();
        for name in names {
            if methods.iter().any(|m| m.label == name) || with_settings.contains(name) {
                continue;
            }
            let needs_labels = find(name)?.uses == Uses::LabelledCells;
            methods.push(MethodSpec {
                label: name.to_owned(),
                strategy: name.to_owned(),
                settings: Settings::new(),
                shots: shots.iter().copied().filter(|&n| n > 0 || !needs_labels).collect(),
                draws: 1,
                search: Default::default(),
                scaling: None,
            });
        }
        for spanned in &file.strategy {
            let span = spanned.span();
            let method = self.method(spanned.get_ref(), &shots, span.clone())?;
            if methods.iter().any(|m| m.label == method.label) {
                let problem = format!("there is another method called {}", method.label);
                return Err(self.at(span, "name", problem, "give each a label of its own"));
            }
            methods.push(method);
        }
        methods.retain(|m| !m.shots.is_empty());
        Ok(methods)
    }

    fn method(&self, given: &MethodFields, shots: &[usize], span: Range<usize>) -> Result<MethodSpec> {
        let entry = find(&given.name)
            .map_err(|e| self.at(span.clone(), "name", e.to_string(), "see `sensitome strategies`"))?;
        let mut settings = Settings::new();
        for (name, value) in &given.settings {
            let value = words(value).ok_or_else(|| {
                let problem = format!("{name}: {value} is no number, word, flag or list of numbers");
                self.at(span.clone(), name, problem, "see `sensitome strategies`")
            })?;
            settings = settings.set(name, value);
        }
        let check = |settings: &Settings, table: &str| {
            entry.build(settings).map_err(|e| {
                let names = given.settings.keys().chain(given.search.keys());
                let key = names.filter(|k| e.to_string().contains(k.as_str())).max_by_key(|k| k.len());
                let hint = "see `sensitome strategies`";
                match key.map(|k| self.at(span.clone(), k, e.to_string(), hint)) {
                    // Named within `settings = { ... }`, not on a line of its own.
                    Some(CompareError::Experiment { line, .. }) if line > line_at(self.text, span.start) => {
                        self.at_line(line, e.to_string(), hint)
                    }
                    _ => self.at(span.clone(), table, e.to_string(), hint),
                }
            })
        };
        check(&settings, "settings")?;
        for (name, space) in &given.search {
            let ends = match space {
                Space::OneOf(values) => values.iter().collect::<Vec<_>>(),
                Space::Between { from, to } => vec![from, to],
            };
            if ends.is_empty() {
                let problem = format!("search.{name} has nothing to draw from");
                return Err(self.at(span, "search", problem, "list values, or write { from = .., to = .. }"));
            }
            for value in ends {
                check(&settings.clone().set(name, words(value).unwrap_or_default()), "search")?;
            }
        }
        let draws = given.draws.unwrap_or(1);
        if draws == 0 || draws > 10_000 {
            return Err(self.at(span, "draws", format!("{draws} draws"), "use 1 to 10000"));
        }
        if draws == 1 && !given.search.is_empty() {
            return Err(self.at(span, "search", "a search of one draw".into(), "set draws to 2 or more"));
        }
        Ok(MethodSpec {
            label: given.label.clone().unwrap_or_else(|| given.name.clone()),
            strategy: given.name.clone(),
            settings,
            shots: given.shots.as_ref().map_or_else(|| shots.to_vec(), OneOrMany::list),
            draws,
            search: given.search.clone(),
            scaling: given.scaling,
        })
    }

    fn tasks(&self, file: &File, data: &Path) -> Result<Vec<TaskSpec>> {
        if file.task.is_empty() {
            return Err(self.top("", "there is no task", "write one under [[task]]"));
        }
        let mut tasks: Vec<TaskSpec> = Vec::new();
        for spanned in &file.task {
            let span = spanned.span();
            let fields = spanned.get_ref().clone().or(&file.defaults);
            let at = |key: &str, problem: String, hint: &str| self.at(span.clone(), key, problem, hint);
            let Some(name) = fields.name.clone().filter(|n| !n.is_empty()) else {
                return Err(at("", "a task has no name".into(), "write name = \"...\""));
            };
            if tasks.iter().any(|t| t.name == name) {
                return Err(at(
                    "name",
                    format!("there is another task called {name}"),
                    "give each a name of its own",
                ));
            }
            if let Some(folds) = fields.folds.filter(|f| !(2..=1000).contains(f)) {
                return Err(at("folds", format!("{folds} folds"), "use 2 or more"));
            }
            if let Some(share) = fields.subsample.filter(|s| !(*s > 0.0 && *s <= 1.0)) {
                return Err(at(
                    "subsample",
                    format!("a share of {share}"),
                    "use a number above 0 and up to 1",
                ));
            }
            let measure = fields.measure.as_deref().unwrap_or("auc");
            if !["auc", "ln_ic50"].contains(&measure) {
                return Err(at("measure", format!("there is no measure {measure}"), "use auc or ln_ic50"));
            }
            if let Some(Err(e)) = fields.labels.as_deref().map(str::parse::<LabelRule>) {
                return Err(at("labels", e.to_string(), "use waterfall, mean, zscore:-0.5 or extreme:0.3"));
            }
            match &fields.simulate {
                Some(config) => {
                    config.check().map_err(|e| at("simulate", e.to_string(), "mend it"))?;
                    if fields.test.is_some() {
                        return Err(at(
                            "test",
                            "a simulated task has its own cells".into(),
                            "leave test out",
                        ));
                    }
                }
                None => self.files(&fields, data, &at)?,
            }
            tasks.push(TaskSpec { name, fields, line: line_at(self.text, span.start) });
        }
        Ok(tasks)
    }

    /// Everything that a task of files needs, and whether the files are there.
    fn files(
        &self,
        f: &TaskFields,
        data: &Path,
        at: &dyn Fn(&str, String, &str) -> CompareError,
    ) -> Result<()> {
        let needed = [
            ("source", f.source.is_some()),
            ("response", f.response.is_some()),
            ("drug", f.drug.is_some()),
            ("cells", f.cells.is_some()),
            ("truth", f.truth.is_some()),
        ];
        if let Some((key, _)) = needed.iter().find(|(_, there)| !there) {
            return Err(at(
                "name",
                format!("the task does not say {key}"),
                "write it here or under [defaults]",
            ));
        }
        let sources = f.source.as_ref().map(OneOrMany::list).unwrap_or_default();
        let mut paths: Vec<(&str, &PathBuf)> = sources.iter().map(|p| ("source", p)).collect();
        let add = |key, path: Option<&'_ PathBuf>| -> Vec<(&str, PathBuf)> {
            path.map(|p| (key, p.clone())).into_iter().collect()
        };
        let mut owned = Vec::new();
        owned.extend(add("response", f.response.as_ref()));
        owned.extend(add("cells", f.cells.as_ref()));
        owned.extend(add("gene_sets", f.gene_sets.as_ref()));
        owned.extend(add("gene_ids", f.gene_ids.as_ref()));
        owned.extend(add("gene_aliases", f.gene_aliases.as_ref()));
        owned.extend(add("truth", f.truth.as_ref().map(|t| &t.file)));
        owned.extend(add("test", f.test.as_ref().map(|t| &t.cells)));
        if let Some(super::Names::Column { file, .. }) = &f.exclude {
            owned.push(("exclude", file.clone()));
        }
        paths.extend(owned.iter().map(|(k, p)| (*k, p)));
        for (key, path) in paths {
            let path = data.join(path);
            if !path.exists() {
                let hint = "files are relative to `data` (or --data FOLDER)";
                return Err(at(key, format!("{} is not there", path.display()), hint));
            }
        }
        Ok(())
    }
}
