//! Reading in a thread of its own.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::CellBlocks;
use crate::{DataError, ExpressionMatrix, Result};

/// The blocks that are left, read and unpacked in a thread of its own up to `blocks_ahead` (at least 1) ahead of whoever
/// takes them. In memory are then at most `blocks_ahead` + 2 blocks.
pub fn read_ahead(blocks: CellBlocks, blocks_ahead: usize) -> impl Iterator<Item = Result<ExpressionMatrix>> {
    let (sender, receiver) = sync_channel(blocks_ahead.max(1));
    let work = move || {
        for block in blocks {
            // Nobody takes any more.
            if sender.send(block).is_err() {
                break;
            }
        }
    };
    match Builder::new().name("read ahead".to_owned()).spawn(work) {
        Ok(thread) => Ahead { receiver: Some(receiver), thread: Some(thread), failed: None },
        Err(e) => Ahead { receiver: None, thread: None, failed: Some(no_thread(&e)) },
    }
}

/// Hands every block to `take` with the number of cells before it, while a thread reads up to two ahead. Begins at the
/// first block.
pub(crate) fn each_ahead(
    blocks: &mut CellBlocks,
    mut take: impl FnMut(usize, ExpressionMatrix) -> Result<()>,
) -> Result<()> {
    blocks.rewind();
    let (sender, receiver) = sync_channel(2);
    let work = move || {
        for block in blocks {
            if sender.send(block).is_err() {
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        let thread = Builder::new().spawn_scoped(scope, work).map_err(|e| no_thread(&e))?;
        let mut first = 0;
        // Gone with the loop, whether it ends or fails, so that the thread ends too.
        for block in receiver {
            let block = block?;
            let cells = block.n_samples();
            take(first, block)?;
            first += cells;
        }
        thread.join().map_err(|_| broke_off())
    })
}

fn no_thread(error: &std::io::Error) -> DataError {
    DataError::invalid("reading ahead", error.to_string(), "let fewer threads run")
}

fn broke_off() -> DataError {
    DataError::invalid("reading ahead", "the reader broke off", "report this as a bug")
}

struct Ahead {
    receiver: Option<Receiver<Result<ExpressionMatrix>>>,
    thread: Option<JoinHandle<()>>,
    failed: Option<DataError>,
}

impl Iterator for Ahead {
    type Item = Result<ExpressionMatrix>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(block) = self.receiver.as_ref().and_then(|r| r.recv().ok()) {
            return Some(block);
        }
        // The thread is done; a panic in it must not look like the end of the file.
        if self.thread.take().is_some_and(|t| t.join().is_err()) {
            self.failed = Some(broke_off());
        }
        self.failed.take().map(Err)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Without a receiver the thread ends at its next block.
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
