//! The scan on crates that the tests write, with reports that they make up.

mod crates;
mod findings;
mod hidden;
mod mutations;
mod shapes;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use session_auth::audit::{
    Audit, Class, Finding, Mounted, Report, RouteRecord, RouterKind, RouterRecord, SCHEMA, Shape,
    reconcile,
};
use time::macros::date;

use super::cfg::Platform;
use super::exceptions;
use super::graph::{Handler, What};
use super::load::Target;
use super::on_a_large_stack;
use super::placement;
use super::rules;
use super::scan::Scan;
use crate::config::Exception;
use crate::error::CannotRun;

const LINUX: &str = "target_os=\"linux\"\nunix\n";

/// A package `shop`, with what its audited routers report.
struct Program {
    files: Vec<(String, String)>,
    targets: Vec<(&'static str, &'static str)>,
    features: BTreeSet<String>,
    reports: Vec<Report>,
}

/// A package of one file, whose router `app` is audited.
fn program(lib: &str) -> Program {
    Program {
        files: vec![("src/lib.rs".to_owned(), lib.to_owned())],
        targets: vec![("shop", "src/lib.rs")],
        features: BTreeSet::new(),
        reports: vec![report("app")],
    }
}

fn report(router: &str) -> Report {
    Report {
        schema: SCHEMA,
        router: RouterRecord {
            name: router.to_owned(),
            package: "shop".to_owned(),
            kind: RouterKind::Axum,
            file: "src/lib.rs".to_owned(),
            line: 1,
        },
        mounted: Vec::new(),
        declared: Vec::new(),
    }
}

/// `GET /users`; `FALLBACK`.
fn mounted(shape: Shape, what: &str) -> Mounted {
    let (methods, path) = what
        .split_once(' ')
        .map_or((what, None), |(methods, path)| {
            (methods, Some(path.to_owned()))
        });
    Mounted {
        shape,
        methods: methods.split('|').map(str::to_owned).collect(),
        path,
        declaration: None,
    }
}

impl Program {
    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Another target of the package; it knows the library by its name.
    fn target(mut self, name: &'static str, root: &'static str) -> Self {
        self.targets.push((name, root));
        self
    }

    fn feature(mut self, name: &str) -> Self {
        self.features.insert(name.to_owned());
        self
    }

    /// What the last router mounts.
    fn mounts(self, routes: &[&str]) -> Self {
        routes
            .iter()
            .fold(self, |this, route| this.mount(Shape::Route, route))
    }

    fn mount(mut self, shape: Shape, what: &str) -> Self {
        let report = self.reports.last_mut().unwrap();
        report.mounted.push(mounted(shape, what));
        self
    }

    /// What its program declares, by which handler.
    fn declares(mut self, what: &str, handler: &str) -> Self {
        let Mounted { methods, path, .. } = mounted(Shape::Route, what);
        self.reports.last_mut().unwrap().declared.push(RouteRecord {
            methods,
            path,
            class: Some(Class::Public),
            handler: Some(handler.to_owned()),
            file: "src/declared.rs".to_owned(),
            line: 7,
            reason: None,
            verifier: None,
            scope: None,
            expect_every: None,
            until: None,
            owner: None,
            issues_session: false,
            optional_session: false,
            max_body: None,
            package: "shop".to_owned(),
            router: None,
            routers: Vec::new(),
        });
        self
    }

    fn router(mut self, name: &str) -> Self {
        self.reports.push(report(name));
        self
    }

    fn scan<R>(&self, read: impl FnOnce(&Scan<'_>) -> R) -> Result<R, CannotRun> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in &self.files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let targets: Vec<_> = self
            .targets
            .iter()
            .enumerate()
            .map(|(at, (name, root))| Target {
                package: "shop".to_owned(),
                name: (*name).to_owned(),
                root: folder.path().join(root),
                manifest_dir: folder.path().to_owned(),
                out_dir: Some(folder.path().join("out")),
                features: self.features.clone(),
                required_features: Vec::new(),
                externs: match at {
                    0 => HashMap::new(),
                    _ => HashMap::from([(self.targets[0].0.to_owned(), 0)]),
                },
            })
            .collect();
        let scan = Scan::of(&targets, folder.path(), &Platform::of(LINUX), &self.reports)?;
        Ok(read(&scan))
    }

    fn found(&self) -> Vec<Finding> {
        self.found_but(&[]).unwrap()
    }

    fn found_but(&self, exceptions: &[Exception]) -> Result<Vec<Finding>, CannotRun> {
        let members = ["shop".to_owned(), "other".to_owned()];
        self.scan(|scan| {
            let found = rules::run(scan, &mut Vec::new());
            exceptions::apply(found, exceptions, scan, None, &members)
        })?
    }

    /// `unaudited-router GET /a src/lib.rs:3`.
    fn codes(&self) -> Vec<String> {
        let line = |finding: Finding| {
            let path = finding.path.unwrap_or_else(|| "-".to_owned());
            let methods = finding.methods.join("|");
            format!(
                "{} {methods} {path} {}:{}",
                finding.code, finding.file, finding.line
            )
        };
        self.found().into_iter().map(line).collect()
    }

    /// The library's audit of the reports, with the places that the source gives.
    fn placed(&self) -> Audit {
        let mut audit = reconcile(&self.reports, date!(2026 - 11 - 22));
        self.scan(|scan| placement::place(scan, &mut audit))
            .unwrap();
        audit
    }

    /// Every registration as `METHODS path handler`, of those that `app` has by its whole path.
    fn registrations(&self) -> Vec<String> {
        self.scan(|scan| {
            let mut lines = Vec::new();
            for site in scan.sites() {
                let mut paths: BTreeSet<String> = scan
                    .mountings(site)
                    .map(|mounting| {
                        let path = mounting.path.unwrap_or_else(|| "?".to_owned());
                        let unsure = if mounting.exact { "" } else { ".." };
                        let opaque = if mounting.opaque { "(behind)" } else { "" };
                        format!("{unsure}{path}{opaque}")
                    })
                    .collect();
                if paths.is_empty() {
                    paths.insert("unreached".to_owned());
                }
                let paths = paths.into_iter().collect::<Vec<_>>().join(" and ");
                if matches!(site.what, What::Nest { .. }) {
                    continue;
                }
                if site.entries.is_empty() {
                    lines.push(format!("{:?} {paths}", site.what));
                }
                for entry in &site.entries {
                    let methods = entry
                        .methods
                        .map_or("?".to_owned(), |m| m.names().join("|"));
                    let handler = match &entry.handler {
                        Handler::Functions(ids) => scan.tables.functions[ids[0]].path.clone(),
                        Handler::Foreign(path) => format!("foreign {}", path.join("::")),
                        other => format!("{other:?}"),
                    };
                    lines.push(format!("{methods} {paths} {handler}"));
                }
            }
            lines
        })
        .unwrap()
    }
}

/// The crates and tests of this repository, those that must not compile too: nothing panics.
#[test]
fn any_source_is_read_or_refused() {
    fn files(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                files(&path, out);
            } else if path.extension().is_some_and(|end| end == "rs") {
                out.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut all = Vec::new();
    files(root, &mut all);
    let read = all
        .into_iter()
        .filter(|file| !file.iter().any(|part| part == "src") || file.ends_with("lib.rs"))
        .map(|root| Target {
            package: "shop".to_owned(),
            name: "shop".to_owned(),
            root,
            ..Target::default()
        })
        .filter(|target| {
            let targets = std::slice::from_ref(target);
            match Scan::of(targets, root, &Platform::of(LINUX), &[]) {
                Ok(scan) => {
                    rules::run(&scan, &mut Vec::new());
                    true
                }
                Err(_) => false,
            }
        })
        .count();
    assert!(read > 50, "{read}");
}

/// Handlers and their routes: as many files, and as many routes in each.
fn large(files: usize, routes: usize) -> Program {
    use std::fmt::Write;
    let mut lib = String::from("use axum::Router;\n");
    let mut merged = String::new();
    let mut program = program("");
    for file in 0..files {
        let mut text = String::from("use axum::{Json, Router, extract::State, routing::get};\n");
        let mut chain = String::new();
        for route in 0..routes {
            write!(
                text,
                "#[session_route(GET, \"/api/f{file}/r{route}\")]
                pub async fn h{route}(State(db): State<Db>, Json(body): Json<Body>) -> Result<Json<Rows>, Error> {{
                    let rows = db.query(\"select\", &[&body.a, &body.b]).await?;
                    let rows: Vec<_> = rows.iter().map(|row| row.get(0)).filter(|id| *id > 0).collect();
                    if rows.len() > 10 {{
                        return Err(Error::TooMany);
                    }}
                    tracing::info!(rows = rows.len(), \"done\");
                    Ok(Json(Rows {{ rows }}))
                }}
                "
            )
            .unwrap();
            writeln!(chain, ".route(\"/r{route}\", get(h{route}))").unwrap();
            let path = format!("GET /api/f{file}/r{route}");
            program = program
                .mounts(&[&path])
                .declares(&path, &format!("shop::f{file}::h{route}"));
        }
        writeln!(
            text,
            "pub fn router() -> Router {{ Router::new()\n{chain} }}"
        )
        .unwrap();
        program = program.file(&format!("src/f{file}.rs"), &text);
        writeln!(lib, "mod f{file};").unwrap();
        writeln!(merged, ".nest(\"/api/f{file}\", f{file}::router())").unwrap();
    }
    write!(
        lib,
        "#[audited_router] pub fn app() -> Router {{ Router::new(){merged} }}"
    )
    .unwrap();
    program.files[0].1 = lib;
    program
}

/// The time that is taken, of three.
fn time(program: &Program, routes: usize) -> Duration {
    let once = || {
        let start = Instant::now();
        let found = program.scan(|scan| {
            assert_eq!(
                scan.sites().filter(|site| site.what == What::Route).count(),
                routes
            );
            rules::run(scan, &mut Vec::new()).len()
        });
        assert_eq!(found.unwrap(), 0);
        start.elapsed()
    };
    on_a_large_stack(|| (0..3).map(|_| once()).min())
        .unwrap()
        .unwrap()
}

#[test]
fn time_grows_with_the_routes_and_no_faster() {
    let few = time(&large(10, 10), 100);
    for (files, routes) in [(50, 20), (1, 1000)] {
        let more = time(&large(files, routes), 1000);
        println!("{few:?} for 100 routes, {more:?} for 1,000 in {files} files");
        assert!(
            more < few * 40,
            "{few:?} for 100 routes, {more:?} for 1,000 in {files} files"
        );
    }
}

/// The tree of such a chain is as deep as it is long.
#[test]
fn a_chain_of_ten_thousand_calls_fits_on_the_stack() {
    let chain: String = (0..10_000)
        .map(|route| format!(".route(\"/r{route}\", get(h))\n"))
        .collect();
    let chained = program(&format!(
        "async fn h() {} #[audited_router] fn app() -> axum::Router {{ axum::Router::new(){chain} }}",
        "{}"
    ));
    let count = || chained.scan(|scan| scan.sites().count());
    assert_eq!(on_a_large_stack(count).unwrap().unwrap(), 10_000);
}
