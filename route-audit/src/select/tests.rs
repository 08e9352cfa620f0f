use super::*;
use crate::testing::{metadata, package};

/// A workspace in which `web` depends on this library, and `tool` on nothing.
fn workspace(library: &Package) -> Metadata {
    let web = package("web", &[], &[]);
    let tool = package("tool", &[], &[]);
    metadata(&[(&web, &[LIBRARY]), (&tool, &[]), (library, &[])])
}

fn library() -> Package {
    let mut library = package(LIBRARY, &[], &[]);
    library.version = env!("CARGO_PKG_VERSION").parse().expect("a version");
    library.metadata = serde_json::json!({ LIBRARY: { MARKER.0: MARKER.1 } });
    library
}

/// Without a name, all of them.
fn args(package: &[&str], exclude: &[&str]) -> CargoArgs {
    let mut args = CargoArgs::default();
    args.workspace = package.is_empty();
    args.package = package.iter().map(ToString::to_string).collect();
    args.exclude = exclude.iter().map(ToString::to_string).collect();
    args
}

#[test]
fn what_is_named_and_not_there_is_refused() {
    let workspace = workspace(&library());
    let run = |args: &CargoArgs| {
        select(&workspace, args, &Config::of(&workspace).expect("no table"))
            .map(|selection| names(&selection.examined))
            .map_err(|error| error.to_string())
    };
    assert_eq!(run(&args(&[], &["tool"])), Ok("`web`".to_owned()));
    for (wrong, because) in [
        (
            args(&["web", "wbe"], &[]),
            "`--package wbe` matches no member",
        ),
        (args(&[], &["tol"]), "`--exclude tol` matches no member"),
        (
            args(&["tool"], &[]),
            "none of the selected packages depends on",
        ),
    ] {
        let error = run(&wrong).expect_err(because);
        assert!(error.contains(because), "{error}");
    }
}

#[test]
fn another_package_of_the_librarys_name_is_refused() {
    let unmarked = package(LIBRARY, &[], &[]);
    let mut newer = library();
    newer.version.patch += 1;
    let mut of_a_registry = library();
    of_a_registry.source = serde_json::from_value("registry+https://example.com".into()).ok();
    for (stranger, because) in [
        (unmarked, "has no `[package.metadata.session-auth]`"),
        (newer, "and this is route-audit"),
        (of_a_registry, "there the name is another project's"),
    ] {
        let workspace = workspace(&stranger);
        let error = select(
            &workspace,
            &args(&[], &[]),
            &Config::of(&workspace).expect("no table"),
        )
        .expect_err(because);
        let error = error.to_string();
        assert!(
            error.contains("is not the library of this route-audit"),
            "{error}"
        );
        assert!(error.contains(because), "{error}");
    }
}

#[test]
fn a_specification_means_what_it_means_to_cargo() {
    let id = "path+file:///src/My%20Shop/web#web-api@1.2.3";
    let means = |spec| matches_parts(spec, "web-api", "1.2.3", id);
    for spec in [
        "web-api",
        "web-*",
        "*",
        "web?api",
        "[v-x]eb-api",
        "[!a]eb-api",
        "web-api@1.2.3",
        "web-api@1.2",
        "web-api:1",
        id,
        "file:///src/My%20Shop/web#web-api@1.2.3",
        "file:///src/My%20Shop/web",
    ] {
        assert!(means(spec), "{spec}");
    }
    for spec in [
        "",
        "web",
        "web-api2",
        "Web-api",
        "web_api",
        "[!w]eb-api",
        "[web-api",
        "web-api@1.2.4",
        "web-api@1.2.3.4",
        "web-api@",
        "web-api@2",
        "file:///src/My%20Shop",
    ] {
        assert!(!means(spec), "{spec}");
    }
}

#[test]
fn version_prefixes_end_at_a_dot() {
    assert!(!matches_parts("web@1", "web", "10.0.0", ""));
}
