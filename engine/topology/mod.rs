//! From a TOML file to shards and rings: what runs where. Read this first.
//!
//! [`config`] is every setting, [`machine`] what the host lends, [`placement`] the stages on its cores and the rings
//! between them, [`limits`] what the gate lets through, [`error`] what is refused and how it is put right. [`host`] is how the
//! host is set up, [`findings`] what of that is wrong.

pub mod alone;
pub mod chain;
pub mod config;
pub mod error;
pub mod executor;
pub mod findings;
pub mod host;
mod idle;
pub mod jitter;
pub mod limits;
pub mod machine;
pub mod memory;
pub mod outcome;
pub mod placement;
pub mod run;
mod source;
mod system;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use error::ConfigError;
pub use machine::Machine;
pub use placement::Placement;
