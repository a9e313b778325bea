//! `sv0 simulate`: a request a line in, a decision a line out, in the same order.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::thread;

use sv0_engine::simulate::{Outcome, Simulator};

use crate::Failure;
use crate::args::SimulateArgs;

/// A request longer than this is not read.
const MAX_LINE: u64 = 64 << 20;
/// What is read before it is answered: so many lines or bytes.
const BATCH_LINES: usize = 8192;
const BATCH_BYTES: usize = 32 << 20;
/// Fewer lines are not worth a second thread.
const LINES_A_THREAD: usize = 256;

/// A line that was read, or what became of it.
enum Line {
    Text(Vec<u8>),
    TooLong,
}

pub(crate) fn run(args: &SimulateArgs) -> Result<u8, Failure> {
    let failed = |source| Failure::Read {
        path: args.file.display().to_string(),
        source,
    };
    let from: Box<dyn Read> = if args.file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(&args.file).map_err(failed)?)
    };
    let mut from = BufReader::with_capacity(8 << 20, from);
    let mut out = io::stdout().lock();
    let threads = match args.threads {
        0 => thread::available_parallelism().map_or(1, NonZero::get),
        some => some,
    };
    let mut simulators: Vec<Simulator> = Vec::new();
    simulators.resize_with(threads, Simulator::default);

    let (mut done, mut bad) = (0, false);
    loop {
        let lines = batch(&mut from).map_err(failed)?;
        if lines.is_empty() {
            return Ok(if bad { 2 } else { 0 });
        }
        for (text, damaged) in answer(&mut simulators, &lines, done) {
            out.write_all(&text).map_err(Failure::Output)?;
            bad |= damaged;
        }
        // Whoever waits for an answer before the next request gets it.
        out.flush().map_err(Failure::Output)?;
        done += lines.len();
    }
}

/// The next lines: as many as are there, so that nobody waits for a batch to fill.
fn batch(from: &mut BufReader<Box<dyn Read>>) -> io::Result<Vec<Line>> {
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while lines.len() < BATCH_LINES && bytes < BATCH_BYTES {
        let mut line = Vec::new();
        if from.take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        bytes += line.len();
        if line.len() as u64 == MAX_LINE && line.last() != Some(&b'\n') {
            skip_line(from)?;
            lines.push(Line::TooLong);
        } else {
            lines.push(Line::Text(line));
        }
        if !from.buffer().contains(&b'\n') && !lines.is_empty() && from.buffer().len() < from.capacity() / 2 {
            break;
        }
    }
    Ok(lines)
}

fn skip_line(from: &mut BufReader<Box<dyn Read>>) -> io::Result<()> {
    loop {
        let (used, ended) = {
            let buffer = from.fill_buf()?;
            match buffer.iter().position(|b| *b == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            }
        };
        from.consume(used);
        if ended {
            return Ok(());
        }
    }
}

/// The answers of a batch, part by part, and whether a line of the part was no request.
fn answer(simulators: &mut [Simulator], lines: &[Line], before: usize) -> Vec<(Vec<u8>, bool)> {
    let threads = simulators.len().min(lines.len() / LINES_A_THREAD).max(1);
    let size = lines.len().div_ceil(threads);
    let parts = lines.chunks(size).enumerate();
    let jobs = simulators
        .iter_mut()
        .zip(parts)
        .map(|(simulator, (part, lines))| move || answer_part(simulator, lines, before + part * size));
    if threads == 1 {
        return jobs.map(|mut job| job()).collect();
    }
    thread::scope(|scope| {
        let running: Vec<_> = jobs.map(|job| scope.spawn(job)).collect();
        running
            .into_iter()
            .map(|job| {
                job.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

fn answer_part(simulator: &mut Simulator, lines: &[Line], before: usize) -> (Vec<u8>, bool) {
    let (mut out, mut bad) = (Vec::with_capacity(lines.len() * 256), false);
    for (index, line) in lines.iter().enumerate() {
        let number = before + index + 1;
        bad |= match line {
            Line::Text(text) => simulator.answer(number, text, &mut out) == Outcome::Failed,
            Line::TooLong => {
                Simulator::refuse(number, "the line is longer than 64 MiB", &mut out);
                true
            }
        };
    }
    (out, bad)
}
