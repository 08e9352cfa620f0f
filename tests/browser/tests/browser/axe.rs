//! axe, of npm: what is wrong with a page for people who see or point differently.

use serde_json::json;

use super::driver::Browser;

const RUN: &str = "const done = arguments[arguments.length - 1]; \
     axe.run().then(found => done([found.passes.length, found.violations.map(it => \
       [it.id, it.help, it.nodes.map(node => node.html + ' ' + node.failureSummary)])]));";

pub(crate) struct Axe(String);

impl Axe {
    /// `None` where it was not installed; under `CI=true` that is a failure.
    pub(crate) fn installed() -> Option<Self> {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../axe/node_modules/axe-core/axe.min.js"
        );
        let found = std::fs::read_to_string(file).ok();
        if found.is_none() {
            let message = "axe is not installed: `npm ci --ignore-scripts --prefix tests/axe`";
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
            eprintln!("SKIPPED: {message}");
        }
        found.map(Self)
    }

    /// Nothing is wrong with the page that is open, and none of it is beside the screen.
    pub(crate) async fn finds_nothing(&self, browser: &Browser, what: &str) {
        let client = &browser.client;
        client.execute(&self.0, vec![]).await.unwrap();
        let found = client.execute_async(RUN, vec![]).await.unwrap();
        let passes = found[0].as_u64().unwrap();
        assert!(passes > 10, "axe looked at nothing: {found}");
        assert_eq!(found[1], json!([]), "{what}: {found:#}");
        let wide = "return document.documentElement.scrollWidth - window.innerWidth";
        let wide = client.execute(wide, vec![]).await.unwrap();
        assert!(wide.as_i64().unwrap() <= 0, "{what}: {wide} too wide");
    }
}
