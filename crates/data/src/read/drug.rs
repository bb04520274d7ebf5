//! Drug names as people write them: `PLX-4720`, `PLX4720` and R's `PLX.4720` are one drug.

use super::text::near;
use crate::{DataError, Result};

/// Letters and digits in lower case, without the `X` that R puts before a name starting with a digit.
pub(super) fn key(name: &str) -> String {
    let name = match name.strip_prefix('X') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => name,
    };
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Position of `wanted` in `names`: the very name, or the only one that differs in case and punctuation alone.
pub(super) fn find(origin: &str, wanted: &str, names: &[String]) -> Result<usize> {
    if let Some(i) = names.iter().position(|n| n == wanted) {
        return Ok(i);
    }
    let k = key(wanted);
    let found: Vec<usize> = (0..names.len()).filter(|&i| !k.is_empty() && key(&names[i]) == k).collect();
    match found[..] {
        [one] => Ok(one),
        [] => {
            let near = near(wanted, names.iter().map(String::as_str), key);
            let hint = if near.is_empty() {
                format!("it holds {} drugs, none with a name near this", names.len())
            } else {
                format!("did you mean {}?", near.join(", "))
            };
            Err(DataError::file(origin, format!("has no drug {wanted}"), hint))
        }
        _ => {
            let names: Vec<&str> = found.iter().map(|&i| names[i].as_str()).collect();
            Err(DataError::file(
                origin,
                format!("{wanted} may mean {}", names.join(" or ")),
                "write the name exactly as the file does",
            ))
        }
    }
}
