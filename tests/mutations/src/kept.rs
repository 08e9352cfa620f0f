//! What goes into each crate of the copy, and into no other build.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::{env, fs, process, thread, time};

static REACHED: LazyLock<Option<String>> = LazyLock::new(|| env::var("MUTANTS_REACHED").ok());
static SEEN: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
static LEFT_OUT: LazyLock<Option<String>> = LazyLock::new(|| {
    // Without its refusal a program may not come to an end.
    if let Some(seconds) = env::var("MUTANT_SECONDS").ok().and_then(|text| text.parse().ok()) {
        thread::spawn(move || {
            thread::sleep(time::Duration::from_secs_f64(seconds));
            process::abort();
        });
    }
    env::var("MUTANT").ok()
});

/// Whether this refusal is in its place. It is asked where the program is about to refuse, so that
/// the tests in which that happens are known.
pub(crate) fn kept(mutant: &'static str) -> bool {
    if let Some(file) = &*REACHED
        && SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(mutant)
    {
        let file = fs::OpenOptions::new().append(true).create(true).open(file);
        // Processes append to it side by side: a line is written at once.
        let written = file.and_then(|mut file| file.write_all(format!("{mutant}\n").as_bytes()));
        written.expect("the file that MUTANTS_REACHED names can be written");
    }
    LEFT_OUT.as_deref() != Some(mutant)
}
