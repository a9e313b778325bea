//! How much a finding matters: what is at stake × how far outside it begins × how certain it is × whether it was used. Each
//! adds points, and each is printed with its reason.

use sv0_model::finding::{Factor, Severity};
use sv0_model::kind::{AccessLevel, Sensitivity};
use sv0_model::path::PathVerdict;

/// What is at stake, lightest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Impact {
    /// Nothing that is known to matter.
    #[default]
    Nothing,
    /// Some data, by how sensitive it is and the most that can be done to it.
    Data {
        /// Ordered by what it is worth: see [`worth`].
        worth: u8,
        /// How sensitive.
        sensitivity: Sensitivity,
        /// The heaviest level.
        level: AccessLevel,
    },
    /// Everything in an account.
    Account,
    /// Everything in the management account, and so the organization.
    Organization,
}

/// What knowing or changing data of a sensitivity is worth: data that nobody classified may be anything.
#[must_use]
pub const fn worth(sensitivity: Sensitivity) -> u8 {
    match sensitivity {
        Sensitivity::Public => 0,
        Sensitivity::Internal => 1,
        Sensitivity::Unknown => 2,
        Sensitivity::Confidential => 3,
        Sensitivity::Restricted => 4,
    }
}

impl Impact {
    /// Some data.
    #[must_use]
    pub const fn data(sensitivity: Sensitivity, level: AccessLevel) -> Self {
        match worth(sensitivity) {
            0 => Self::Nothing,
            worth => Self::Data {
                worth,
                sensitivity,
                level,
            },
        }
    }

    /// Its points.
    #[must_use]
    pub fn points(self) -> i8 {
        match self {
            Self::Nothing => 0,
            Self::Data { worth, level, .. } => {
                let more = worth >= 3 && level >= AccessLevel::Write;
                let less = level <= AccessLevel::List;
                i8::try_from(worth).unwrap_or(0) + i8::from(more) - i8::from(less)
            }
            Self::Account => 5,
            Self::Organization => 6,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Nothing => "no data that is known to be sensitive".into(),
            Self::Data {
                sensitivity: Sensitivity::Unknown,
                level,
                ..
            } => format!("data that nobody classified: {level}"),
            Self::Data {
                sensitivity, level, ..
            } => format!("{sensitivity} data: {level}"),
            Self::Account => "everything in an account".into(),
            Self::Organization => "everything in the management account".into(),
        }
    }
}

/// Where it begins, nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Exposure {
    /// Nobody that is known.
    #[default]
    Nobody,
    /// A workload, or a role that nobody known becomes.
    Workload,
    /// A person, or a token of another system that the organization trusts.
    Person,
    /// An account or principal outside what was collected.
    Outside,
    /// Anyone.
    Internet,
}

impl Exposure {
    /// Every value, nearest first.
    pub const ALL: &'static [Self] = &[
        Self::Nobody,
        Self::Workload,
        Self::Person,
        Self::Outside,
        Self::Internet,
    ];

    /// Its points.
    #[must_use]
    pub const fn points(self) -> i8 {
        match self {
            Self::Nobody => 0,
            Self::Workload => 1,
            Self::Person => 2,
            Self::Outside => 3,
            Self::Internet => 5,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Nobody => "nobody that is known gets there",
            Self::Workload => "begins at a workload, or at a role that nobody known becomes",
            Self::Person => "begins at a person, or at a token of another system",
            Self::Outside => "begins outside the organization",
            Self::Internet => "open to anyone",
        }
    }
}

/// What bears on a severity.
#[derive(Debug, Clone, Default)]
pub struct Weigh {
    /// What is at stake.
    pub impact: Impact,
    /// Where it begins.
    pub exposure: Exposure,
    /// Whether it is certain.
    pub verdict: Option<PathVerdict>,
    /// What else the rule knows.
    pub more: Vec<Factor>,
    /// The heaviest that it can be, and why.
    pub at_most: Option<(Severity, String)>,
}

/// The severity and its reasons.
#[must_use]
pub fn weigh(weigh: &Weigh) -> (Severity, Vec<Factor>) {
    let mut factors = vec![
        Factor {
            name: "impact",
            points: weigh.impact.points(),
            text: weigh.impact.words(),
        },
        Factor {
            name: "exposure",
            points: weigh.exposure.points(),
            text: weigh.exposure.words().into(),
        },
    ];
    if weigh.verdict == Some(PathVerdict::AllowedIf) {
        factors.push(Factor {
            name: "certainty",
            points: -1,
            text: "hangs on conditions".into(),
        });
    }
    factors.extend(weigh.more.iter().cloned());
    let sum: i8 = factors.iter().map(|factor| factor.points).sum();
    let found = match sum {
        8.. => Severity::Critical,
        6..=7 => Severity::High,
        4..=5 => Severity::Medium,
        2..=3 => Severity::Low,
        _ => Severity::Informational,
    };
    match &weigh.at_most {
        Some((most, why)) if *most < found => {
            factors.push(Factor {
                name: "limit",
                points: 0,
                text: format!("{most} at most: {why}"),
            });
            (*most, factors)
        }
        _ => (found, factors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(impact: Impact, exposure: Exposure, verdict: PathVerdict) -> Severity {
        let (severity, factors) = weigh(&Weigh {
            impact,
            exposure,
            verdict: Some(verdict),
            ..Weigh::default()
        });
        assert!(factors.len() >= 2, "every severity has its reasons");
        severity
    }

    #[test]
    fn what_is_at_stake_and_who_gets_there_count() {
        let restricted = Impact::data(Sensitivity::Restricted, AccessLevel::Read);
        let all = |impact| {
            Exposure::ALL
                .iter()
                .map(move |e| of(impact, *e, PathVerdict::Allowed))
        };
        assert_eq!(
            all(restricted).collect::<Vec<_>>(),
            [
                Severity::Medium,
                Severity::Medium,
                Severity::High,
                Severity::High,
                Severity::Critical
            ]
        );
        assert_eq!(
            of(restricted, Exposure::Internet, PathVerdict::AllowedIf),
            Severity::Critical
        );
        assert_eq!(
            of(
                Impact::data(Sensitivity::Public, AccessLevel::Read),
                Exposure::Internet,
                PathVerdict::Allowed
            ),
            Severity::Medium
        );
    }

    #[test]
    fn heavier_stakes_are_never_lighter() {
        let stakes = [
            Impact::Nothing,
            Impact::data(Sensitivity::Internal, AccessLevel::Read),
            Impact::data(Sensitivity::Unknown, AccessLevel::Read),
            Impact::data(Sensitivity::Confidential, AccessLevel::Read),
            Impact::data(Sensitivity::Restricted, AccessLevel::Read),
            Impact::Account,
            Impact::Organization,
        ];
        for exposure in Exposure::ALL {
            let found: Vec<Severity> = stakes
                .iter()
                .map(|impact| of(*impact, *exposure, PathVerdict::Allowed))
                .collect();
            assert!(found.is_sorted(), "{exposure:?}: {found:?}");
        }
    }
}
