//! Reading the text: line by line into tables, with the line's problem in words.

use super::super::table::{ActionRow, ArnRow, KeyRow, ResourceTypeRow, Rows, ServiceRow, Span, UseRow};
use super::super::{AccessLevel, Catalog, cmp_fold, cmp_prefix, template};
use super::{CatalogError, MAGIC, counts};
use rustc_hash::FxHashMap;
use std::cmp::Ordering;

/// What is wrong with a line.
type Problem = String;

/// Reads one text.
pub(super) struct Reader<'t> {
    text: &'t str,
    /// Its text stays empty until the end.
    out: Catalog,
    /// The counts that the header states.
    stated: Vec<(&'t str, usize)>,
    /// The prefix of the present service.
    prefix: &'t str,
    /// The tag and name of the last line of the present service.
    last: (char, &'t str),
    /// Lists that were read, for the present service: most actions share theirs.
    key_lists: FxHashMap<&'t str, Rows>,
    use_lists: FxHashMap<&'t str, Rows>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            out: Catalog::default(),
            stated: Vec::new(),
            prefix: "",
            last: ('G', ""),
            key_lists: FxHashMap::default(),
            use_lists: FxHashMap::default(),
        }
    }

    pub(super) fn read(mut self) -> Result<Catalog, CatalogError> {
        let mut lines = self.text.lines().enumerate();
        let header = lines.next().map_or("", |(_, line)| line);
        self.header(header)
            .map_err(|problem| CatalogError::Line { line: 1, problem })?;
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            self.line(line).map_err(|problem| CatalogError::Line {
                line: number + 1,
                problem,
            })?;
        }
        self.count()
            .map_err(|problem| CatalogError::Line { line: 1, problem })?;
        Ok(self.out)
    }

    fn header(&mut self, line: &'t str) -> Result<(), Problem> {
        let mut fields = line.split('\t');
        if fields.next() != Some(MAGIC) {
            return Err(format!("the first line does not begin with `{MAGIC}`"));
        }
        for field in fields {
            let (name, value) = field
                .split_once('=')
                .ok_or_else(|| format!("`{field}` is not name=value"))?;
            match name {
                "source" => value.clone_into(&mut self.out.meta.source),
                "version" => value.clone_into(&mut self.out.meta.version),
                "date" => value.clone_into(&mut self.out.meta.date),
                "dependents" => value.clone_into(&mut self.out.meta.dependents),
                _ => self.stated.push((
                    name,
                    value.parse().map_err(|_| format!("`{value}` is not a count"))?,
                )),
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &'t str) -> Result<(), Problem> {
        let (tag, rest) = line.split_once('\t').unwrap_or((line, ""));
        match tag {
            "G" => {
                let [name, value_type] = fields(rest)?;
                self.in_order('G', name)?;
                self.key(name, value_type);
                self.out.global_keys.end += 1;
            }
            "S" => {
                let [prefix, name, rcp] = fields(rest)?;
                self.service(prefix, name, rcp)?;
            }
            "K" => {
                let [name, value_type] = fields(rest)?;
                self.in_order('K', name)?;
                self.key(name, value_type);
                let end = self.out.keys.len() as u32;
                self.present()?.keys.end = end;
            }
            "R" => {
                let [name, arns, keys] = fields(rest)?;
                self.in_order('R', name)?;
                self.resource_type(name, arns, keys)?;
            }
            "A" => {
                let [name, level, resources, keys, dependents] = fields(rest)?;
                self.in_order('A', name)?;
                self.action(name, level, resources, keys, dependents)?;
            }
            _ => return Err(format!("unknown kind of line `{tag}`")),
        }
        Ok(())
    }

    /// Refuses a line that is out of order, or of no service.
    fn in_order(&mut self, tag: char, name: &'t str) -> Result<(), Problem> {
        let rank = |tag| "GKRA".find(tag);
        let (last_tag, last_name) = self.last;
        if (tag == 'G') != self.out.services.is_empty() {
            let place = if tag == 'G' {
                "after the first service"
            } else {
                "before the first service"
            };
            return Err(format!("a line `{tag}` {place}"));
        }
        if rank(tag) < rank(last_tag) {
            return Err(format!(
                "a line `{tag}` after a line `{last_tag}` of the same service"
            ));
        }
        if tag == last_tag && cmp_fold(last_name, name) != Ordering::Less {
            return Err(format!("`{name}` must not come after `{last_name}`"));
        }
        self.last = (tag, name);
        Ok(())
    }

    fn present(&mut self) -> Result<&mut ServiceRow, Problem> {
        self.out
            .services
            .last_mut()
            .ok_or_else(|| "no service".to_owned())
    }

    fn span(&self, part: &str) -> Span {
        Span::in_text(self.text, part)
    }

    fn service(&mut self, prefix: &'t str, name: &str, rcp: &str) -> Result<(), Problem> {
        if !self.out.services.is_empty() && cmp_prefix(self.prefix, prefix) != Ordering::Less {
            return Err(format!(
                "service `{prefix}` must not come after `{}`",
                self.prefix
            ));
        }
        if !rcp.is_empty() && rcp.split(',').next() != Some("rcp") {
            return Err(format!("`{rcp}` is neither empty nor begins with `rcp`"));
        }
        self.prefix = prefix;
        self.last = ('K', "");
        self.key_lists.clear();
        self.use_lists.clear();
        self.out.services.push(ServiceRow {
            prefix: self.span(prefix),
            name: self.span(name),
            rcp: self.span(rcp),
            keys: Rows::since(self.out.keys.len(), &self.out.keys),
            resource_types: Rows::since(self.out.resource_types.len(), &self.out.resource_types),
            actions: Rows::since(self.out.actions.len(), &self.out.actions),
        });
        Ok(())
    }

    fn key(&mut self, name: &str, value_type: &str) {
        let row = KeyRow {
            name: self.span(name),
            value_type: self.span(value_type),
        };
        self.out.keys.push(row);
    }

    fn resource_type(&mut self, name: &str, arns: &'t str, keys: &'t str) -> Result<(), Problem> {
        let index = self.out.resource_types.len() as u32;
        let first = self.out.arns.len();
        for template in list(arns) {
            let arn = template::Arn::split(template).ok_or_else(|| format!("`{template}` is not an ARN"))?;
            // A template for the things of every service, as recovery points are, counts as its owner's.
            let service = if template::is_placeholder(arn.service) {
                self.prefix
            } else {
                arn.service
            };
            let entry = self.out.arns.len() as u32;
            match self.out.arns_by_service.get_mut(service) {
                Some(entries) => entries.push(entry),
                None => _ = self.out.arns_by_service.insert(service.into(), vec![entry]),
            }
            let template::Weight {
                literal,
                separators,
                stars,
            } = template::weigh(template);
            let template = self.span(template);
            self.out.arns.push(ArnRow {
                template,
                resource_type: index,
                literal,
                separators,
                stars,
            });
        }
        let row = ResourceTypeRow {
            name: self.span(name),
            service: self.out.services.len().saturating_sub(1) as u32,
            arns: Rows::since(first, &self.out.arns),
            keys: self.keys(keys, ',')?,
        };
        self.out.resource_types.push(row);
        self.present()?.resource_types.end = index + 1;
        Ok(())
    }

    fn action(
        &mut self,
        name: &str,
        level: &str,
        resources: &'t str,
        keys: &'t str,
        dependents: &'t str,
    ) -> Result<(), Problem> {
        if name
            .strip_prefix(self.prefix)
            .is_none_or(|rest| !rest.starts_with(':'))
        {
            return Err(format!("action `{name}` is not of service `{}`", self.prefix));
        }
        let level: AccessLevel = level
            .parse()
            .map_err(|()| format!("unknown access level `{level}`"))?;
        let first = self.out.name_lists.len();
        let spans = list(dependents).map(|name| Span::in_text(self.text, name));
        self.out.name_lists.extend(spans);
        let row = ActionRow {
            name: self.span(name),
            service: self.out.services.len().saturating_sub(1) as u32,
            level,
            resources: self.uses(resources)?,
            keys: self.keys(keys, ',')?,
            dependents: Rows::since(first, &self.out.name_lists),
        };
        self.out.actions.push(row);
        let end = self.out.actions.len() as u32;
        self.present()?.actions.end = end;
        Ok(())
    }

    /// The keys that a list names, of the present service or global.
    fn keys(&mut self, names: &'t str, separator: char) -> Result<Rows, Problem> {
        if let Some(rows) = self.key_lists.get(names) {
            return Ok(*rows);
        }
        let own = self.present()?.keys;
        let first = self.out.key_lists.len();
        for name in names.split(separator).filter(|name| !name.is_empty()) {
            let index = self
                .key_index(own, name)
                .or_else(|| self.key_index(self.out.global_keys, name));
            self.out
                .key_lists
                .push(index.ok_or_else(|| format!("unknown condition key `{name}`"))?);
        }
        let rows = Rows::since(first, &self.out.key_lists);
        self.key_lists.insert(names, rows);
        Ok(rows)
    }

    fn key_index(&self, rows: Rows, name: &str) -> Option<u32> {
        let found = rows
            .of(&self.out.keys)
            .binary_search_by(|row| cmp_fold(row.name.of(self.text), name));
        Some(rows.start + found.ok()? as u32)
    }

    /// The resource types that a list names, of the present service.
    fn uses(&mut self, resources: &'t str) -> Result<Rows, Problem> {
        if let Some(rows) = self.use_lists.get(resources) {
            return Ok(*rows);
        }
        let own = self.present()?.resource_types;
        let first = self.out.uses.len();
        for item in list(resources) {
            let (name, keys) = item.split_once('=').unwrap_or((item, ""));
            let (name, required) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
            let types = own.of(&self.out.resource_types);
            let found = types.binary_search_by(|row| cmp_fold(row.name.of(self.text), name));
            let found = found.map_err(|_| format!("unknown resource type `{name}`"))?;
            let keys = self.keys(keys, '|')?;
            self.out.uses.push(UseRow {
                resource_type: own.start + found as u32,
                required,
                keys,
            });
        }
        let rows = Rows::since(first, &self.out.uses);
        self.use_lists.insert(resources, rows);
        Ok(rows)
    }

    fn count(&mut self) -> Result<(), Problem> {
        let out = &mut self.out;
        out.meta.services = out.services.len();
        out.meta.actions = out.actions.len();
        out.meta.resource_types = out.resource_types.len();
        out.meta.condition_keys = out.keys.len() - out.global_keys.range().len();
        let counts = counts(&out.meta);
        for (name, stated) in &self.stated {
            match counts.iter().find(|(known, _)| known == name) {
                None => return Err(format!("unknown field `{name}`")),
                Some((_, found)) if found != stated => {
                    return Err(format!("the header says {stated} {name}, the file has {found}"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// Exactly `N` fields, the first of them a name.
fn fields<const N: usize>(rest: &str) -> Result<[&str; N], Problem> {
    let mut found = [""; N];
    let mut parts = rest.split('\t');
    for (index, field) in found.iter_mut().enumerate() {
        *field = parts
            .next()
            .ok_or_else(|| format!("{index} fields where {N} belong"))?;
    }
    match parts.next() {
        Some(_) => Err(format!("more than {N} fields")),
        None if rest.starts_with('\t') || rest.is_empty() => Err("the name is empty".to_owned()),
        None => Ok(found),
    }
}

/// The items of a list; none of an empty one.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|item| !item.is_empty())
}
