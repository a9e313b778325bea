use std::time::Instant;
fn rss() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .and_then(|l| l.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
        / 1024
}
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let t = Instant::now();
    let loaded = sv0_input::load(&[path.into()]).unwrap();
    eprintln!("load {:.2?} {} MB", t.elapsed(), rss());
    let t = Instant::now();
    let world = sv0_analyze::normalize::build(loaded.records, loaded.gaps);
    eprintln!("normalize {:.2?} {} MB", t.elapsed(), rss());
    eprintln!(
        "nodes {} edges {} attachments {} principals {}",
        world.graph.len(),
        world.graph.edges().len(),
        world.attachments.len(),
        world.principals.len()
    );

    use rayon::prelude::*;
    use sv0_analyze::reach::*;
    let t = Instant::now();
    let everybody = world.everybody();
    eprintln!(
        "everybody {:.2?} {} MB; {} principals {} groups {} documents",
        t.elapsed(),
        rss(),
        everybody.population().len(),
        everybody.population().groups(),
        everybody.library().len()
    );
    let t = Instant::now();
    let reaching = world.reaching();
    eprintln!("reaching {:.2?} {} MB", t.elapsed(), rss());
    let t = Instant::now();
    let asked: Vec<_> = world
        .graph
        .nodes()
        .filter(|(_, n)| is_asked(n.record.kind))
        .map(|(id, _)| id)
        .collect();
    for id in &asked {
        for part in reaching.parts(&world, *id) {
            reaching.family_of(&world, &part);
        }
    }
    eprintln!("families {:.2?} {} MB", t.elapsed(), rss());
    let t = Instant::now();
    let (pairs, open, blocked) = asked
        .par_iter()
        .map_init(
            || (Room::default(), Vec::new()),
            |(room, hits), id| {
                hits.clear();
                let parts = reaching.parts(&world, *id);
                reaching.who(&world, *id, &parts, room, hits);
                let mut who: Vec<_> = hits
                    .iter()
                    .filter(|h| h.possible != 0)
                    .map(|h| h.principal)
                    .collect();
                who.sort();
                who.dedup();
                (
                    who.len(),
                    hits.iter().filter(|h| h.certain != h.possible).count(),
                    hits.iter().filter(|h| h.blocked != 0).count(),
                )
            },
        )
        .reduce(|| (0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
    eprintln!(
        "reach {:.2?} {} MB: {} resources, {pairs} pairs, {open} open, {blocked} blocked",
        t.elapsed(),
        rss(),
        asked.len()
    );
    let t = Instant::now();
    let steps = sv0_analyze::steps::Steps::build(&world);
    use std::collections::BTreeMap;
    let mut n: BTreeMap<_, usize> = BTreeMap::new();
    for m in steps.all() {
        *n.entry((m.edge, m.verdict)).or_default() += 1;
    }
    eprintln!(
        "steps {:.2?} {} MB: {} {n:?}",
        t.elapsed(),
        rss(),
        steps.all().len()
    );
}
