//! `sensitome strategies`

use sensitome_adapt::REGISTRY;
use serde_json::json;

use crate::output::{Output, Result};

/// List the methods and their settings
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args, out: &Output) -> Result<()> {
    let list: Vec<_> = REGISTRY
        .iter()
        .map(|e| {
            let settings: Vec<_> = e
                .hypers
                .iter()
                .map(|h| json!({"name": h.name, "default": h.default, "published": h.published, "help": h.help}))
                .collect();
            json!({"name": e.name, "summary": e.summary, "paper": e.paper, "settings": settings})
        })
        .collect();
    out.result(&json!(list), || {
        let mut text = String::new();
        for e in REGISTRY {
            text += &format!("{}: {} ({})\n", e.name, e.summary, e.paper);
            for h in e.hypers {
                let published = h.published.map(|p| format!(", published {p}")).unwrap_or_default();
                text += &format!("    {} = {}{published}: {}\n", h.name, h.default, h.help);
            }
        }
        text
    });
    Ok(())
}
