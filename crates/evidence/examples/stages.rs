use std::time::Instant;
use sv0_evidence::{document, fold::Fold, source::{Local, Source, inflate::Inflater}, time::Window};
fn main() {
    let source = Local::new(vec![std::env::args().nth(1).unwrap().into()]);
    let objects = source.list(Window::ALL).unwrap().objects;
    let mut texts = Vec::new();
    let mut inf = Inflater::default();
    let t = Instant::now();
    for o in &objects { let mut b = Vec::new(); source.fetch(o, &mut b).unwrap(); if let Ok(x) = inf.text(&b) { texts.push(x.to_vec()); } }
    println!("inflate+copy {:?}", t.elapsed());
    for _ in 0..3 {
        let t = Instant::now(); let mut n = 0;
        for x in &texts { let mut s = sv0_evidence::json::Scanner::new(x); n += s.skip().map_or(0, <[u8]>::len); }
        println!("skip only {:?} {n}", t.elapsed());
        let t = Instant::now(); let mut n = 0;
        for x in &texts { n += document::read(x).map_or(0, |d| d.events.len()); }
        println!("parse {:?} {n}", t.elapsed());
        let t = Instant::now(); let mut f = Fold::new(Window::ALL);
        for x in &texts { if let Ok(d) = document::read(x) { for e in &d.events { f.add(e); } } }
        println!("parse+fold {:?}", t.elapsed());
        let t = Instant::now(); let e = f.finish();
        println!("finish {:?} {}", t.elapsed(), e.uses().len());
    }
}
