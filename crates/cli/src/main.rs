//! The `sensitome` binary: from files to predictions, without writing code.

mod allocator;
mod commands;
mod inputs;
mod output;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Predict which single cells of a tumour resist a cancer drug, learning from bulk cell lines.
#[derive(Parser)]
#[command(name = "sensitome", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print the result as JSON on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Print no progress
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant)] // there is one of it
enum Command {
    /// Make a data set with a known answer: bulk lines, their response, single cells, gene sets
    Simulate(commands::simulate::Args),
    /// Tell what a file is: format, shape, scale, gene names, annotations, overlap with another file or a model
    Inspect(commands::inspect::Args),
    /// Bring counts to what methods learn from: filter, normalise, choose genes; for files larger than memory
    Preprocess(commands::preprocess::Args),
    /// Train a model from bulk lines, their response and unlabelled cells
    Train(commands::train::Args),
    /// Predict every cell of a file with a model
    Predict(commands::predict::Args),
    /// Compare predictions with known labels
    Evaluate(commands::evaluate::Args),
    /// Tell which genes and pathways the predictions rest on
    Explain(commands::explain::Args),
    /// Compare strategies on many tasks and seeds, as an experiment's file says
    Compare(commands::compare::Args),
    /// List the methods and their settings
    Strategies(commands::strategies::Args),
}

fn main() -> ExitCode {
    allocator::keep_pages();
    let cli = Cli::parse();
    let out = output::Output { json: cli.json, quiet: cli.quiet };
    let result = match cli.command {
        Command::Simulate(args) => commands::simulate::run(&args, &out),
        Command::Inspect(args) => commands::inspect::run(&args, &out),
        Command::Preprocess(args) => commands::preprocess::run(&args, &out),
        Command::Train(args) => commands::train::run(&args, &out),
        Command::Predict(args) => commands::predict::run(&args, &out),
        Command::Evaluate(args) => commands::evaluate::run(&args, &out),
        Command::Explain(args) => commands::explain::run(&args, &out),
        Command::Compare(args) => commands::compare::run(&args, &out),
        Command::Strategies(args) => commands::strategies::run(&args, &out),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::FAILURE
        }
    }
}
