//! Texts of rules and of config files: what holds of every text, and what is said of malformed ones.

mod corpus;
mod malformed;
mod promises;

// The fuzz targets have the module itself there.
use fragwall::ruleset;
