//! From the command line to a world that can be asked.

use std::path::{Path, PathBuf};

use sv0_analyze::normalize::rules::Rules;
use sv0_analyze::paths::Finder;
use sv0_analyze::question::structural::{self, LeftOut};
use sv0_analyze::steps::Steps;
use sv0_analyze::{World, normalize};
use sv0_iam::catalog::{Catalog, CatalogError};
use sv0_input::Loaded;
use sv0_model::coverage::{Gap, Reason};
use sv0_model::graph::NodeId;
use sv0_model::kind::EntityType;

use crate::Failure;
use crate::args::Source;

/// A world and the steps in it.
pub(crate) struct Model {
    pub(crate) world: World,
    pub(crate) steps: Steps,
    /// When it was collected, where the input says so.
    pub(crate) observed_at: Option<String>,
}

impl Model {
    pub(crate) fn finder(&self) -> Finder<'_> {
        Finder::new(&self.world, &self.steps)
    }

    /// 2 where part of the input could not be read.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.world.gaps.iter().any(is_damage) {
            2
        } else {
            0
        }
    }

    pub(crate) fn lookup(&self, name: &str, wanted: &[EntityType]) -> Result<NodeId, Failure> {
        self.world.lookup(name, wanted).map_err(Failure::Lookup)
    }
}

/// Whether a gap means that something which should have been read was not; that a kind of input never holds something
/// is no damage, nor that there is nothing to read: a region that is not enabled, a service that AWS does not offer.
pub(crate) fn is_damage(gap: &Gap) -> bool {
    !matches!(
        gap.reason,
        Reason::NotInInput | Reason::RegionDisabled | Reason::NotOffered
    )
}

/// Reads what the user named.
pub(crate) fn read(source: &Source, paths: &[PathBuf]) -> Result<Loaded, Failure> {
    if source.demo {
        return Ok(demo());
    }
    // An empty variable is an unset one.
    let named = std::env::var_os("SV0_SNAPSHOT").filter(|value| !value.is_empty());
    let named: Vec<PathBuf> = named.iter().flat_map(std::env::split_paths).collect();
    let paths = [paths, &source.input, &named]
        .into_iter()
        .find(|paths| !paths.is_empty())
        .unwrap_or_default();
    if paths.is_empty() {
        return Err(Failure::NoInput);
    }
    sv0_input::load(paths).map_err(Failure::Input)
}

/// Puts another catalogue in the place of the embedded one, before anything asks for it.
pub(crate) fn catalog(path: &Path) -> Result<(), Failure> {
    let name = || path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| Failure::Read { path: name(), source })?;
    let wrong = |source| Failure::Catalog { path: name(), source };
    let catalog = Catalog::parse(&bytes).map_err(wrong)?;
    if catalog.services().len() == 0 {
        return Err(wrong(CatalogError::Line {
            line: 1,
            problem: "no service follows".into(),
        }));
    }
    let in_use = catalog.put_in_use();
    debug_assert!(in_use, "this comes before anything that asks for a catalogue");
    Ok(())
}

/// The made-up organisation.
pub(crate) fn demo() -> Loaded {
    sv0_input::load_snapshot_text("(demo)", sv0_demo::SNAPSHOT)
}

/// Builds the model, with a line on stderr where it takes long enough to wonder.
pub(crate) fn model(loaded: Loaded, rules: &Rules) -> Model {
    let entities = loaded.records.len();
    let observed_at = loaded
        .sources
        .iter()
        .filter_map(|source| source.observed_at.clone())
        .max();
    let mut model = built(entities, || {
        normalize::build_with(loaded.records, loaded.gaps, rules)
    });
    model.observed_at = observed_at;
    model
}

/// The same of the structural view, and what it leaves out.
pub(crate) fn structural(loaded: Loaded, rules: &Rules) -> (Model, LeftOut) {
    let entities = loaded.records.len();
    let mut left_out = LeftOut::default();
    let model = built(entities, || {
        let (world, left) = structural::build(loaded.records, loaded.gaps, rules);
        left_out = left;
        world
    });
    (model, left_out)
}

fn built(entities: usize, world: impl FnOnce() -> World) -> Model {
    let spinner = (entities > 5_000 && std::io::IsTerminal::is_terminal(&std::io::stderr())).then(|| {
        let bar = indicatif::ProgressBar::new_spinner();
        bar.set_message(format!("working out who can do what among {entities} entities"));
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        bar
    });
    let world = world();
    let steps = Steps::build(&world);
    if let Some(bar) = spinner {
        bar.finish_and_clear();
    }
    Model {
        world,
        steps,
        observed_at: None,
    }
}

/// Reads and builds.
pub(crate) fn load(source: &Source) -> Result<Model, Failure> {
    // A wrong rule is told before a long read.
    let rules = rules(source)?;
    Ok(model(read(source, &[])?, &rules))
}

/// The user's rules for what is sensitive: of `--rules`, else of `SV0_RULES`, else none.
pub(crate) fn rules(source: &Source) -> Result<Rules, Failure> {
    rules_of(source.rules.as_deref())
}

/// The same of a file that is named otherwise.
pub(crate) fn rules_of(given: Option<&Path>) -> Result<Rules, Failure> {
    // An empty variable is an unset one.
    let named = std::env::var_os("SV0_RULES").filter(|value| !value.is_empty());
    let Some(path) = given.map(Path::to_path_buf).or_else(|| named.map(PathBuf::from)) else {
        return Ok(Rules::default());
    };
    let name = || path.display().to_string();
    let text = std::fs::read_to_string(&path).map_err(|source| Failure::Read { path: name(), source })?;
    Rules::parse(&text).map_err(|source| Failure::Rules { path: name(), source })
}
