//! One command a file: read, ask, show.

pub(crate) mod analyze;
pub(crate) mod bench;
pub(crate) mod can;
pub(crate) mod catalog;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod paths;
#[cfg(feature = "collect")]
pub(crate) mod scan;
pub(crate) mod simulate;
pub(crate) mod who_can;
#[cfg(not(feature = "collect"))]
pub(crate) mod scan {
    //! What stands for `scan` in a build without the AWS SDK.
    pub(crate) fn run(_: &crate::args::ScanArgs) -> Result<u8, crate::Failure> {
        Err(crate::Failure::NoCollector)
    }
}
