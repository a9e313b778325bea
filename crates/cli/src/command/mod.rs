//! One command a file: read, ask, show.

pub(crate) mod analyze;
pub(crate) mod bench;
pub(crate) mod blast_radius;
pub(crate) mod can;
pub(crate) mod catalog;
pub(crate) mod choke_points;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod evidence;
pub(crate) mod rightsize;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod token;
pub(crate) mod unused;
pub(crate) mod what_if;
pub(crate) mod who_can;
pub(crate) mod who_did;

#[cfg(feature = "collect")]
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod findings;
#[cfg(feature = "collect")]
pub(crate) mod onboard;
pub(crate) mod paths;
pub(crate) mod review;
#[cfg(feature = "collect")]
pub(crate) mod scan;

#[cfg(not(feature = "collect"))]
pub(crate) use without_collect::{doctor, onboard, scan};

/// What stands for the commands that ask AWS in a build without its SDK.
#[cfg(not(feature = "collect"))]
mod without_collect {
    macro_rules! refuse {
        ($($name:ident: $args:ident),+) => {
            $(pub(crate) mod $name {
                pub(crate) fn run(_: &crate::args::$args) -> Result<u8, crate::Failure> {
                    Err(crate::Failure::NoCollector)
                }
            })+
        };
    }
    refuse!(doctor: DoctorArgs, onboard: OnboardArgs, scan: ScanArgs);
}
