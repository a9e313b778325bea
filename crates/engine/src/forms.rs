//! The forms of resources that each action of the catalogue takes, made once.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;
use sv0_iam::catalog::{ActionId, Catalog};

use crate::matching::Form;

/// A form's place in the table.
pub type FormId = u32;

struct Table {
    forms: Vec<Form>,
    by_action: Vec<Box<[FormId]>>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let catalog = Catalog::embedded();
        let mut forms = Vec::new();
        let mut places: FxHashMap<&str, Option<FormId>> = FxHashMap::default();
        let by_action = catalog.actions().map(|action| {
            let mut mine: Vec<FormId> = Vec::new();
            for kind in action.resource_types().filter_map(|usage| usage.resource_type()) {
                for template in kind.arn_templates() {
                    let place = *places.entry(template).or_insert_with(|| {
                        let form = Form::template(template)?;
                        forms.push(form);
                        FormId::try_from(forms.len() - 1).ok()
                    });
                    mine.extend(place.filter(|id| !mine.contains(id)));
                }
            }
            mine.into_boxed_slice()
        });
        let by_action = by_action.collect();
        Table { forms, by_action }
    })
}

/// A form.
#[must_use]
pub fn form(id: FormId) -> Option<&'static Form> {
    table().forms.get(id as usize)
}

/// The forms that an action takes; none at all where it takes no resource.
#[must_use]
pub fn forms_of(action: ActionId) -> &'static [FormId] {
    table().by_action.get(action.index()).map_or(&[], |forms| forms)
}

/// The forms that some actions take, each with the actions that take it; without a form those that take no resource.
#[must_use]
pub fn forms_of_all(actions: &[ActionId]) -> Vec<(Option<&'static Form>, Vec<ActionId>)> {
    let mut bare: Vec<ActionId> = Vec::new();
    let mut found: FxHashMap<FormId, Vec<ActionId>> = FxHashMap::default();
    for action in actions {
        let forms = forms_of(*action);
        if forms.is_empty() {
            bare.push(*action);
        }
        for id in forms {
            found.entry(*id).or_default().push(*action);
        }
    }
    let mut ids: Vec<FormId> = found.keys().copied().collect();
    ids.sort_unstable();
    let mut out: Vec<(Option<&'static Form>, Vec<ActionId>)> = Vec::new();
    if !bare.is_empty() {
        out.push((None, bare));
    }
    out.extend(
        ids.into_iter()
            .filter_map(|id| Some((Some(form(id)?), found.remove(&id)?))),
    );
    out
}
