//! `sv0 rightsize`: the policy that allows what a principal was seen to do.

use std::io::{self, Write};

use sv0_analyze::question::asked;
use sv0_evidence::names::same;
use sv0_evidence::rightsize::{Rightsized, rightsize};

use crate::Failure;
use crate::args::RightsizeArgs;
use crate::load;
use crate::render::style::{harmless, one_line};
use crate::render::{self, paths::plural};
use crate::trail;

pub(crate) fn run(args: &RightsizeArgs) -> Result<u8, Failure> {
    let model = load::load(&args.source)?;
    let node = asked::principal(&model.world, &args.principal)?;
    let reading = trail::read(&args.trail, &args.source)?;
    // What a record made of a name is found by its last part.
    let full_name = |recorded: &str| {
        let graph = &model.world.graph;
        if recorded == "*" || graph.find(recorded).is_some() {
            return None;
        }
        graph
            .nodes()
            .map(|(_, node)| &node.record.id)
            .find(|id| same(id, recorded))
            .cloned()
    };
    let answer = rightsize(&reading.evidence, model.world.id(node), &full_name);
    // The document alone goes to stdout, so that it can be fed to another tool; what is known of it goes beside it.
    render::answer(args.show.output, &answer, |out| write(out, &answer))?;
    if args.show.output == crate::args::Output::Table {
        notes(&answer);
    }
    Ok(trail::exit_code(&reading).max(model.exit_code()))
}

fn write(out: &mut dyn Write, answer: &Rightsized) -> io::Result<()> {
    let text = serde_json::to_string_pretty(&answer.policy).unwrap_or_default();
    writeln!(out, "{text}")
}

fn notes(answer: &Rightsized) {
    let mut notes = Vec::new();
    if answer.observed == 0 {
        notes.push("nothing was seen of it: the policy allows nothing, and that may be wrong".to_owned());
    } else {
        notes.push(format!(
            "allows {} of {} that were seen (asked of the evaluator one by one)",
            answer.allowed,
            plural(answer.observed, "pair of action and resource")
                .replace("pair of action and resources", "pairs of action and resource")
        ));
    }
    notes.extend(
        answer
            .not_allowed
            .iter()
            .map(|one| format!("does not allow {one}")),
    );
    for call in &answer.unknown_calls {
        notes.push(format!("no IAM action is known for {call}"));
    }
    for action in &answer.may_need {
        notes.push(format!("may need {action} besides, which no record shows"));
    }
    if answer.too_long {
        notes.push("is too long for one managed policy".to_owned());
    }
    for note in notes {
        // Nothing sensible can be done where stderr is closed.
        let _ = writeln!(io::stderr().lock(), "sv0: {}", one_line(&harmless(&note)));
    }
}
