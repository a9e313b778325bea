use std::time::Instant;
fn rss() -> u64 { std::fs::read_to_string("/proc/self/status").unwrap_or_default().lines().find(|l| l.starts_with("VmHWM")).and_then(|l| l.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0) / 1024 }
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let t = Instant::now();
    let loaded = sv0_input::load(&[path.into()]).unwrap();
    eprintln!("load {:.2?} {} MB", t.elapsed(), rss());
    let t = Instant::now();
    let world = sv0_analyze::normalize::build(loaded.records, loaded.gaps);
    eprintln!("normalize {:.2?} {} MB", t.elapsed(), rss());
    eprintln!("nodes {} edges {} attachments {} principals {}", world.graph.len(), world.graph.edges().len(), world.attachments.len(), world.principals.len());
}
