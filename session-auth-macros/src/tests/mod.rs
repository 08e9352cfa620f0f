//! Tests of the three steps together.

mod expansion;
mod mistakes;
