//! From records to answers: pure functions, no I/O.
//!
//! * [`normalize`] — records → graph and compiled policies ([`world::World`]);
//! * [`facts`] — what the graph knows about a request before it is made;
//! * [`ask`] — one question to the evaluator, with everything that bears on it;
//! * [`everybody`] — everybody who can act, as one population of the engine;
//! * `objects` — the names below a bucket that policies single out;
//! * [`access`] — what a principal can do to one resource, KMS and public-access gates included;
//! * [`reach`] — the same for everybody at once, as sets of actions and without words;
//! * [`scope`] — broad grants, kept symbolic: every bucket, everything in an account;
//! * [`steps`] — how authority moves from one entity to the next;
//! * [`joint`] — what a chain of steps hands from hop to hop, and whether its hops contradict each other;
//! * [`paths`] — chains of steps from an origin to what they reach;
//! * [`live`] — a world and its steps that are kept up to date when a policy changes;
//! * [`coverage`] — which gaps could change which answer;
//! * [`variant`] — the same world with other policies;
//! * [`question`] — the questions people ask: who-can, can, explain, overview;
//! * [`words`] — conditions, statements and denials in plain words.
//!
//! Data flows down this list only.

pub mod access;
pub mod alike;
pub mod ask;
pub mod coverage;
pub mod everybody;
pub mod facts;
mod grants;
pub mod joint;
pub mod live;
pub mod normalize;
mod objects;
pub mod paths;
pub mod question;
pub mod reach;
pub mod scope;
pub mod steps;
pub mod variant;
pub mod words;
pub mod world;

pub use world::World;
