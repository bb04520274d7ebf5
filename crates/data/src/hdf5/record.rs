//! Fields of records: a table of an old AnnData file, column by column.

use hdf5_pure::{Datatype, DatatypeByteOrder, EnumMember, StringPadding};

use super::Array;
use super::heap::{Heap, little_endian};

/// Whether an enumeration stands for booleans, as h5py writes them.
pub(super) fn is_bool(members: &[EnumMember]) -> bool {
    let value = |name: &str| members.iter().find(|m| m.name == name).and_then(|m| little_endian(&m.value));
    members.len() == 2 && value("FALSE") == Some(0) && value("TRUE") == Some(1)
}

/// One field of all records, `None` when the bytes do not hold what its type says.
pub(super) fn field(
    raw: &[u8],
    record: usize,
    offset: usize,
    kind: &Datatype,
    heap: &mut Heap,
) -> Option<Array> {
    let size = match kind {
        Datatype::VariableLength { .. } => heap.reference_size(),
        _ => usize::try_from(kind.type_size()).ok()?,
    };
    if record == 0 || size == 0 || offset.checked_add(size)? > record {
        return None;
    }
    let cells = raw.chunks_exact(record).map(|r| r.get(offset..offset + size));
    match kind {
        Datatype::FixedPoint { byte_order, layout, .. } if is_whole(size, layout.bit_precision) => {
            integers(cells, byte_order, layout.signed)
        }
        Datatype::FloatingPoint { byte_order, layout, .. } if is_whole(size, layout.bit_precision) => {
            let words = cells.map(|c| word(c?, byte_order));
            match size {
                4 => Some(Array::Float(
                    words
                        .map(|w| Some(f64::from(f32::from_bits(u32::try_from(w?).ok()?))))
                        .collect::<Option<_>>()?,
                )),
                8 => Some(Array::Float(words.map(|w| w.map(f64::from_bits)).collect::<Option<_>>()?)),
                _ => Some(Array::Other),
            }
        }
        Datatype::Enumeration { base_type, members, .. } => {
            let Datatype::FixedPoint { byte_order, layout, .. } = &**base_type else {
                return Some(Array::Other);
            };
            match integers(cells, byte_order, layout.signed)? {
                Array::Integer(v) if is_bool(members) => {
                    Some(Array::Bool(v.iter().map(|&x| x != 0).collect()))
                }
                other => Some(other),
            }
        }
        Datatype::String { padding, .. } => {
            Some(Array::Text(cells.map(|c| Some(fixed_string(c?, padding))).collect::<Option<_>>()?))
        }
        Datatype::VariableLength { is_string: true, .. } => {
            Some(Array::Text(cells.map(|c| heap.string(c?)).collect::<Option<_>>()?))
        }
        _ => Some(Array::Other),
    }
}

/// Whether a number fills its bytes; packed bit fields are none of ours.
fn is_whole(size: usize, precision: u16) -> bool {
    size * 8 == usize::from(precision)
}

fn integers<'a>(
    cells: impl Iterator<Item = Option<&'a [u8]>>,
    order: &DatatypeByteOrder,
    signed: bool,
) -> Option<Array> {
    let words: Vec<(u64, usize)> =
        cells.map(|c| Some((word(c?, order)?, c?.len()))).collect::<Option<_>>()?;
    if signed {
        // Shifting up and back down spreads the sign bit.
        let widen = |(w, size): &(u64, usize)| {
            let shift = 64 - 8 * *size as u32;
            ((*w << shift) as i64) >> shift
        };
        return Some(Array::Integer(words.iter().map(widen).collect()));
    }
    match words.iter().map(|(w, _)| i64::try_from(*w)).collect::<Result<Vec<_>, _>>() {
        Ok(v) => Some(Array::Integer(v)),
        Err(_) => Some(Array::Float(words.iter().map(|(w, _)| *w as f64).collect())),
    }
}

fn word(bytes: &[u8], order: &DatatypeByteOrder) -> Option<u64> {
    match order {
        DatatypeByteOrder::LittleEndian => little_endian(bytes),
        DatatypeByteOrder::BigEndian => little_endian(&bytes.iter().rev().copied().collect::<Vec<_>>()),
        DatatypeByteOrder::Vax => None,
    }
}

fn fixed_string(bytes: &[u8], padding: &StringPadding) -> String {
    let bytes = match padding {
        StringPadding::NullTerminate | StringPadding::NullPad => {
            bytes.split(|&b| b == 0).next().unwrap_or_default()
        }
        StringPadding::SpacePad => bytes.trim_ascii_end(),
    };
    String::from_utf8_lossy(bytes).into_owned()
}
