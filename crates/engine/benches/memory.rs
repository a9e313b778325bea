//! How much memory a principal of a population takes, apart from its documents, and how much the documents take.
//!
//! `cargo bench -p sv0-engine --bench memory`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot be set up says where"
)]

mod organisation;

use organisation::{Organisation, add_all};
use peak_alloc::PeakAlloc;
use sv0_engine::compiled::Library;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

#[expect(clippy::print_stdout, reason = "the bench says what it measured")]
fn main() {
    // The catalogue is decoded when it is first needed.
    Organisation::new(100).population();
    println!("principals   documents   bytes a document   bytes a principal");
    for principals in [1_000, 10_000, 100_000] {
        let organisation = Organisation::new(principals);
        let before = MEMORY.current_usage();
        let mut library = Library::new();
        // In the order of `population`, so that both libraries hold the same.
        for policy in organisation
            .bucket_policies
            .iter()
            .chain(organisation.rcps.iter().flatten())
        {
            library.add_shared(policy);
        }
        organisation.scps.iter().flatten().for_each(|level| {
            add_all(&mut library, level);
        });
        for member in &organisation.members {
            add_all(&mut library, &member.identity);
            member.boundary.iter().for_each(|boundary| {
                library.add_shared(boundary);
            });
        }
        let documents = library.len();
        let library_bytes = MEMORY.current_usage() - before;
        drop(library);
        let before = MEMORY.current_usage();
        let population = organisation.population();
        let bytes = MEMORY.current_usage() - before;
        println!(
            "{principals:10}   {documents:9}   {:16}   {:17}",
            library_bytes / documents,
            bytes.saturating_sub(library_bytes) / principals,
        );
        drop(population);
    }
}
