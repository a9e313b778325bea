//! Everything that is shared between requests. What is worked out once is kept: the snapshot does not change while the
//! server runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustc_hash::FxHashMap;
use sv0_analyze::World;
use sv0_analyze::normalize::rules::Rules;
use sv0_analyze::paths::Finder;
use sv0_analyze::question::{Overview, overview};
use sv0_analyze::steps::Steps;
use sv0_evidence::Reading;
use sv0_evidence::join::Joined;
use sv0_evidence::visible::Sights;
use sv0_model::finding::{Finding, Fix, Status};
use sv0_model::path::Path;
use sv0_model::record::Record;
use sv0_rules::fix::{self, Bench, Idea};
use sv0_rules::ground::Ground;
use sv0_rules::observed::Observed;
use sv0_rules::report::found;
use sv0_rules::review::{Review, review};

use crate::auth::Auth;
use crate::config::Config;
use crate::kept::Kept;
use crate::metrics::Metrics;
use crate::search::Index;
use crate::snapshot::{Before, Snapshot, uses};
use crate::suppressed::Suppressed;

/// What is known of the snapshot besides the world.
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) demo: bool,
    pub(crate) observed_at: Option<String>,
    pub(crate) today: Option<String>,
    pub(crate) before: Option<Before>,
}

/// What CloudTrail's records say of the snapshot.
pub(crate) struct Seen {
    pub(crate) reading: &'static Reading,
    pub(crate) sights: &'static Sights,
    pub(crate) joined: &'static Joined<'static>,
}

/// The findings as their rules found them, with what might end each.
pub(crate) struct Found {
    pub(crate) list: Vec<(Finding, Vec<Idea>)>,
    pub(crate) limited: Vec<String>,
}

/// The application.
pub(crate) struct App {
    pub(crate) about: About,
    pub(crate) config: Config,
    pub(crate) auth: Auth,
    pub(crate) ground: &'static Ground<'static>,
    pub(crate) rules: &'static Rules,
    pub(crate) seen: Option<Seen>,
    pub(crate) index: Index,
    pub(crate) kept: Kept,
    pub(crate) metrics: Metrics,
    pub(crate) suppressed: Suppressed,
    /// Goes up when something changes that answers depend on: a finding is suppressed.
    generation: AtomicU64,
    overview: OnceLock<Overview>,
    found: OnceLock<Found>,
    bench: OnceLock<Bench<'static>>,
    fixes: Mutex<FxHashMap<String, Arc<Vec<Fix>>>>,
    compared: OnceLock<Review>,
}

impl App {
    /// Makes ready to answer. The snapshot stays in memory until the process ends: it is what the process is for, and so
    /// everything that looks at it can be kept beside it.
    pub(crate) fn new(snapshot: Snapshot, config: Config, auth: Auth, suppressed: Suppressed) -> Self {
        let world: &'static World = Box::leak(Box::new(snapshot.world));
        let steps: &'static Steps = Box::leak(Box::new(snapshot.steps));
        let rules: &'static Rules = Box::leak(Box::new(snapshot.rules));
        let seen = snapshot.reading.map(|reading| {
            let reading: &'static Reading = Box::leak(Box::new(reading));
            let records: Vec<&Record> = world.graph.nodes().map(|(_, node)| &node.record).collect();
            let sights: &'static Sights = Box::leak(Box::new(Sights::new(&reading.evidence, records)));
            let joined = Box::leak(Box::new(Joined::new(&reading.evidence, sights)));
            Seen {
                reading,
                sights,
                joined,
            }
        });
        let mut ground = Ground::new(world, steps, snapshot.today.clone());
        ground.observed = seen.as_ref().map(|seen| {
            let joined = seen.joined;
            let annotate = move |path: &mut Path| joined.annotate(path);
            Observed {
                uses: uses(seen.reading, world),
                annotate: Box::leak(Box::new(annotate)),
            }
        });
        Self {
            about: About {
                name: snapshot.name,
                demo: snapshot.demo,
                observed_at: snapshot.observed_at,
                today: snapshot.today,
                before: snapshot.before,
            },
            index: Index::new(world),
            ground: Box::leak(Box::new(ground)),
            rules,
            seen,
            kept: Kept::new(config.keep_bytes),
            metrics: Metrics::new(),
            suppressed,
            config,
            auth,
            generation: AtomicU64::new(0),
            overview: OnceLock::new(),
            found: OnceLock::new(),
            bench: OnceLock::new(),
            fixes: Mutex::default(),
            compared: OnceLock::new(),
        }
    }

    pub(crate) fn world(&self) -> &'static World {
        self.ground.world
    }

    pub(crate) fn steps(&self) -> &'static Steps {
        self.ground.steps
    }

    pub(crate) fn finder(&self) -> &'static Finder<'static> {
        &self.ground.finder
    }

    /// The day on which things are decided.
    pub(crate) fn today(&self) -> Option<&str> {
        self.about.today.as_deref()
    }

    pub(crate) fn overview(&self) -> &Overview {
        self.overview
            .get_or_init(|| overview(self.world(), self.steps(), self.finder()))
    }

    pub(crate) fn overview_if_ready(&self) -> Option<&Overview> {
        self.overview.get()
    }

    /// Works everything out that many answers need. It may take minutes for very large organizations; questions that do not
    /// need it are answered meanwhile, with threads of their own: one core is left to them.
    pub(crate) fn warm(&self) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(cores.saturating_sub(1).max(1))
            .thread_name(|number| format!("background-{number}"))
            .build();
        match pool {
            Ok(pool) => pool.install(|| self.work_out()),
            Err(error) => {
                tracing::warn!(%error, "no threads of its own for what takes long");
                self.work_out();
            }
        }
    }

    fn work_out(&self) {
        self.finder().prepare();
        self.overview();
        let found = self.found.get_or_init(|| {
            let mut limited = Vec::new();
            if self.ground.all_paths().is_none() {
                limited.push(
                    "deep-trust-chain: there are too many pairs of origin and data to look at every path"
                        .to_owned(),
                );
            }
            Found {
                list: found(self.ground, &[]),
                limited,
            }
        });
        self.metrics
            .set_findings(found.list.iter().map(|(finding, _)| finding.severity));
        if self.about.before.is_some() {
            self.compared();
        }
    }

    /// The findings, once they are there.
    pub(crate) fn found(&self) -> Option<&Found> {
        self.found.get()
    }

    /// Whether everything is there.
    pub(crate) fn is_warm(&self) -> bool {
        self.found.get().is_some() && (self.about.before.is_none() || self.compared.get().is_some())
    }

    /// What ends a finding, each change tried; worked out when it is first asked for.
    pub(crate) fn fixes(&self, finding: &Finding, ideas: &[Idea]) -> Arc<Vec<Fix>> {
        let locked = || self.fixes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fixes) = locked().get(&finding.id) {
            return Arc::clone(fixes);
        }
        let bench = self.bench.get_or_init(|| Bench::new(self.ground, self.rules));
        let fixes = Arc::new(fix::fixes(bench, finding, ideas));
        locked().insert(finding.id.clone(), Arc::clone(&fixes));
        fixes
    }

    /// How many fixes a finding has, where that was worked out.
    pub(crate) fn fixes_known(&self, id: &str) -> Option<usize> {
        let fixes = self.fixes.lock().unwrap_or_else(PoisonError::into_inner);
        fixes.get(id).map(|fixes| fixes.len())
    }

    /// What is different from the earlier snapshot.
    pub(crate) fn compared(&self) -> Option<&Review> {
        let before = self.about.before.as_ref()?;
        Some(self.compared.get_or_init(|| {
            let (earlier, current) = (before.version.clone(), before.current.clone());
            review(earlier, current, self.rules, self.today())
        }))
    }

    pub(crate) fn compared_if_ready(&self) -> Option<&Review> {
        self.compared.get()
    }

    /// What of the answers changes with.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Answers that were kept are no longer good.
    pub(crate) fn changed(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Writes onto paths what was seen of them.
    pub(crate) fn annotate<'p>(&self, paths: impl IntoIterator<Item = &'p mut Path>) {
        if let Some(seen) = &self.seen {
            paths.into_iter().for_each(|path| seen.joined.annotate(path));
        }
    }

    /// Where a finding stands.
    pub(crate) fn status(&self, finding: &Finding) -> Status {
        let suppressed = self.suppressed.status(finding, self.today());
        suppressed.unwrap_or_else(|| finding.status.clone())
    }
}
