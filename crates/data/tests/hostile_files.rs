//! Damaged files end in an error or a valid matrix: no panic, no hang, no allocation out of proportion.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests are tests
#![allow(unsafe_code)] // the only way to watch what is allocated

mod files;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use files::{data, fixture};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sensitome_data::read::{CellBlocks, H5adLayer, TenxOptions, h5ad, h5ad_with, mtx_parts, tenx_h5};
use sensitome_data::{Duplicates, ExpressionMatrix, Input, Result};

/// Remembers the largest single allocation.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// Far above what any of these files of some kilobytes needs, with deflate's expansion; far below a hostile size.
const PROPORTIONATE: usize = 256 << 20;

type Reader = fn(&[u8]) -> Result<ExpressionMatrix>;

fn x(bytes: &[u8]) -> Result<ExpressionMatrix> {
    h5ad(Input::Bytes { name: "x", bytes }, &H5adLayer::X)
}

fn csc(bytes: &[u8]) -> Result<ExpressionMatrix> {
    h5ad(Input::Bytes { name: "x", bytes }, &H5adLayer::Layer("csc".into()))
}

/// The same block by block; a file without cells has no block.
fn in_blocks(bytes: &[u8], layer: &H5adLayer) -> Result<ExpressionMatrix> {
    let input = Input::Bytes { name: "x", bytes };
    let blocks = CellBlocks::open(&input, layer, Duplicates::Refuse, 4)?.collect::<Result<Vec<_>>>()?;
    match blocks.iter().collect::<Vec<_>>()[..] {
        [] => h5ad_with(&input, layer, Duplicates::Refuse),
        ref parts => ExpressionMatrix::concat_samples(parts),
    }
}

fn x_blocks(bytes: &[u8]) -> Result<ExpressionMatrix> {
    in_blocks(bytes, &H5adLayer::X)
}

fn csc_blocks(bytes: &[u8]) -> Result<ExpressionMatrix> {
    in_blocks(bytes, &H5adLayer::Layer("csc".into()))
}

fn tenx(bytes: &[u8]) -> Result<ExpressionMatrix> {
    tenx_h5(Input::Bytes { name: "x", bytes }, &TenxOptions::default())
}

fn market(bytes: &[u8]) -> Result<ExpressionMatrix> {
    let name = |i: usize| format!("name{i}\n");
    let features: String = (0..507).map(name).collect();
    let cells: String = (0..1107).map(name).collect();
    mtx_parts(
        Input::Bytes { name: "x", bytes },
        Input::Bytes { name: "f", bytes: features.as_bytes() },
        Input::Bytes { name: "c", bytes: cells.as_bytes() },
        Duplicates::Refuse,
    )
}

fn unzipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn subjects() -> Vec<(&'static str, Reader, Vec<u8>)> {
    let file = |name: &str| std::fs::read(fixture(name)).unwrap();
    let mut all: Vec<(&'static str, Reader, Vec<u8>)> = vec![
        ("modern gzip", x, unzipped(&file("modern_gzip.h5ad.gz"))),
        ("modern lzf, CSC", csc, unzipped(&file("modern_lzf.h5ad.gz"))),
        ("modern gzip in blocks", x_blocks, unzipped(&file("modern_gzip.h5ad.gz"))),
        ("modern lzf, CSC in blocks", csc_blocks, unzipped(&file("modern_lzf.h5ad.gz"))),
        ("anndata 0.7", x, file("anndata_0_7.h5ad")),
        ("anndata 0.7 in blocks", x_blocks, file("anndata_0_7.h5ad")),
        ("anndata 0.6", x, file("anndata_0_6.h5ad")),
        ("10x 3", tenx, file("tenx_v3_mixed.h5")),
    ];
    if let Some(path) = data("tenx_v3_small/filtered_gene_bc_matrices_v2.h5") {
        all.push(("10x 2", tenx, std::fs::read(path).unwrap()));
    }
    if let Some(path) = data("tenx_v3_small/matrix.mtx.gz") {
        all.push(("mtx.gz", market, std::fs::read(path).unwrap()));
    }
    for (name, read, bytes) in &all {
        assert!(read(bytes).is_ok(), "{name}: the file itself must read");
    }
    all
}

/// Reads and checks what every outcome owes.
fn attempt(name: &str, what: &str, read: Reader, bytes: &[u8]) -> bool {
    LARGEST.store(0, Ordering::Relaxed);
    let result = read(bytes);
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(largest < PROPORTIONATE, "{name}, {what}: {largest} bytes at once for a file of {}", bytes.len());
    match result {
        Ok(m) => {
            assert_eq!(m.values().shape(), (m.samples().len(), m.genes().len()));
            assert!(m.values().stored().all(f32::is_finite));
            true
        }
        Err(e) => {
            assert!(e.to_string().starts_with('x'), "{name}, {what}: {e}");
            false
        }
    }
}

#[test]
fn damaged_files_never_do_harm() {
    // One test, so that no other thread's allocations are counted.
    let mut random = ChaCha8Rng::seed_from_u64(20);
    for (name, read, bytes) in subjects() {
        let step = (bytes.len() / 150).max(1);
        for n in (0..bytes.len()).step_by(step) {
            let whole = attempt(name, &format!("cut at {n}"), read, &bytes[..n]);
            assert!(!whole, "{name}: reads although cut at {n} of {}", bytes.len());
        }
        let mut refused = 0;
        for round in 0..1_500 {
            let mut damaged = bytes.clone();
            for _ in 0..random.random_range(1..=12) {
                // Most of a file is padding and values; its structure lies at the front.
                let end = if round % 2 == 0 { damaged.len() } else { damaged.len().min(4096) };
                let at = random.random_range(0..end);
                damaged[at] = match random.random_range(0..3) {
                    0 => random.random(),
                    1 => 0xff,
                    _ => damaged[at] ^ (1 << random.random_range(0..8)),
                };
            }
            refused += usize::from(!attempt(name, &format!("round {round}"), read, &damaged));
        }
        assert!(refused > 100, "{name}: only {refused} damaged files were noticed");
    }
    // Damage behind the compression, which its checksum would have caught.
    if let Some(path) = data("tenx_v3_small/matrix.mtx.gz") {
        let text = unzipped(&std::fs::read(path).unwrap());
        for round in 0..200 {
            let mut damaged = text[..text.len().min(20_000)].to_vec();
            let at = random.random_range(0..damaged.len().min(300));
            damaged[at] = random.random();
            attempt("mtx", &format!("round {round}"), market, &gzipped(&damaged));
        }
    }
}
