//! What an audited router tells of itself: the data, as JSON, and where it is written.

pub(crate) mod form;
mod site;

pub use self::site::RouterSite;
pub(crate) use self::site::{Failed, report_dir, write_adopted, write_report};
