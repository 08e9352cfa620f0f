use cargo_metadata::Package;
use expect_test::{Expect, expect};

use super::*;
use crate::testing::package;

fn members() -> Vec<Package> {
    vec![
        package(
            "web",
            &["default", "beta", "export", "release"],
            &[("sqlx", None)],
        ),
        package(
            "shop",
            &["gift-cards"],
            &[("web", None), ("redis", Some("cache"))],
        ),
    ]
}

fn read(list: &str) -> Result<Builds, String> {
    #[derive(Deserialize)]
    struct Table {
        builds: RawBuilds,
    }
    let text = match list.starts_with("[[") {
        true => list.to_owned(),
        false => format!("builds = {list}"),
    };
    let table: Table = toml::from_str(&text).map_err(|error| error.to_string())?;
    let members = members();
    let members: Vec<_> = members.iter().collect();
    // In place of a line, what is pointed at.
    let at = |span: Range<usize>| text[span].to_owned();
    Builds::of(table.builds, &members, at).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        problems.join("\n")
    })
}

/// Names and flags.
fn shown(builds: &[Build]) -> Vec<String> {
    let line = |build: &Build| {
        let args: Vec<_> = build
            .args()
            .iter()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect();
        format!("{}: {}", build.name(), args.join(" "))
    };
    builds.iter().map(line).collect()
}

#[test]
fn a_build_has_a_name_and_its_flags() {
    let builds = read(
        "[{}, { features = [\"beta\"] }, { release = true }, \
         { features = [\"export\", \"beta\", \"web/beta\"], no_default_features = true, release = true }, \
         { target = \"x86_64-unknown-linux-musl\", no_default_features = true, all_features = true }, \
         { features = [\"release\", \"sqlx/postgres\", \"cache/tls\"] }, { features = [\"default\"] }]",
    )
    .expect("good");
    assert_eq!(
        shown(&builds.all),
        [
            "default: ",
            "beta: --features beta",
            "release: --release",
            "no-default-features beta export web/beta release: \
             --features beta,export,web/beta --no-default-features --release",
            "all-features for x86_64-unknown-linux-musl: \
             --all-features --target x86_64-unknown-linux-musl",
            "cache/tls feature `release` sqlx/postgres: --features cache/tls,release,sqlx/postgres",
            "feature `default`: --features default",
        ]
    );
    let [_, beta, release, ..] = builds.all.as_slice() else {
        panic!("{builds:?}")
    };
    assert_eq!(beta.resolve(), ["--features", "beta"]);
    assert!(release.resolve().is_empty());
    assert_eq!((beta.profile(), release.profile()), ("dev", "release"));
}

#[test]
fn the_list_may_be_tables() {
    let tables = "[[builds]]\n[[builds]]\nfeatures = [\"beta\"]\nrelease = true\n";
    let line = "[{}, { features = [\"beta\"], release = true }]";
    assert_eq!(
        read(tables).expect("good").all,
        read(line).expect("good").all
    );
}

#[track_caller]
fn refused(list: &str, expected: Expect) {
    expected.assert_eq(&read(list).expect_err(list));
}

#[test]
fn an_unknown_feature_is_named_with_the_nearest() {
    refused(
        "[{ features = [\"beta\", \"betta\"] }]",
        expect![[r#"
            error: [workspace.metadata.route-audit]: `builds` names the feature `betta`, which no member of the workspace has; did you mean `beta`?
              --> "betta"
              = help: the features are: `beta`, `default`, `export`, `gift-cards`, `release`
        "#]],
    );
    refused(
        "[{ features = [\"web/exports\", \"shop/beta\"] }]",
        expect![[r#"
            error: [workspace.metadata.route-audit]: `builds` names the feature `web/exports`, which `web` does not have; did you mean `export`?
              --> "web/exports"
              = help: the features are: `beta`, `default`, `export`, `release`

            error: [workspace.metadata.route-audit]: `builds` names the feature `shop/beta`, which `shop` does not have
              --> "shop/beta"
              = help: the features are: `gift-cards`
        "#]],
    );
    // One string a feature, and a dependency that is there.
    refused(
        "[{ features = [\"beta,export\", \"redis/tls\"] }]",
        expect![[r#"
            error: [workspace.metadata.route-audit]: `builds` names the feature `beta,export`, which no member of the workspace has
              --> "beta,export"
              = help: the features are: `beta`, `default`, `export`, `gift-cards`, `release`

            error: [workspace.metadata.route-audit]: `builds` names the feature `redis/tls`, which no member of the workspace has
              --> "redis/tls"
              = help: the features are: `beta`, `default`, `export`, `gift-cards`, `release`
        "#]],
    );
}

#[test]
fn a_list_says_something() {
    refused(
        "[]",
        expect![[r#"
            error: [workspace.metadata.route-audit]: `builds` is empty: nothing would be audited
              --> []
              = help: name the builds, `builds = [{}, { release = true }]`, or leave the key out: then it is the one that the command line asks for
        "#]],
    );
    for (list, name) in [
        ("[{}, { features = [] }]", "default"),
        (
            "[{ features = [\"beta\", \"export\"] }, { features = [\"export\", \"beta\", \"beta\"] }]",
            "beta export",
        ),
        (
            "[{ release = false, all_features = true }, { all_features = true, features = [\"beta\"] }]",
            "all-features",
        ),
        (
            "[{ release = true, target = \"a\" }, {}, { target = \"a\", release = true }]",
            "release for a",
        ),
    ] {
        let error = read(list).expect_err(list);
        assert!(
            error.contains(&format!("has the build `{name}` twice")),
            "{error}"
        );
        assert_eq!(error.matches("twice").count(), 1, "{error}");
    }
    refused(
        "[{}, { release = true }, {}]",
        expect![[r#"
            error: [workspace.metadata.route-audit]: `builds` has the build `default` twice
              --> {}
              = help: remove one of the two, or say how they differ
        "#]],
    );
}

#[test]
fn a_target_is_no_flag() {
    for target in ["", " ", "--release", "a b"] {
        let error = read(&format!("[{{ target = {target:?} }}]")).expect_err(target);
        assert!(error.contains(&format!("the target `{target}`")), "{error}");
    }
}

#[test]
fn an_unknown_key_is_an_error_and_a_wrong_type_too() {
    for (list, message) in [
        ("[{ feature = [\"beta\"] }]", "unknown field `feature`"),
        ("[{ features = \"beta\" }]", "expected a sequence"),
        ("[{ release = \"yes\" }]", "expected a boolean"),
        ("{ features = [\"beta\"] }", "expected a sequence"),
    ] {
        let error = read(list).expect_err(list);
        assert!(error.contains(message), "{list}: {error}");
    }
}

#[test]
fn the_selected_packages_get_what_they_have() {
    let builds = read(
        "[{}, { features = [\"gift-cards\"] }, { features = [\"gift-cards\", \"web/beta\"] }, \
         { features = [\"cache/tls\"], release = true }]",
    )
    .expect("good");
    let members = members();
    let of = |names: &[&str]| {
        let packages: Vec<_> = members
            .iter()
            .filter(|one| names.contains(&one.name.as_str()))
            .collect();
        shown(&builds.of_packages(&packages))
    };
    assert_eq!(of(&["web", "shop"]), shown(&builds.all));
    assert_eq!(
        of(&["web"]),
        [
            "default: ",
            "web/beta: --features web/beta",
            "release: --release"
        ]
    );
    // A dependency's feature: `shop` has `web`.
    assert_eq!(
        of(&["shop"]),
        [
            "default: ",
            "gift-cards: --features gift-cards",
            "gift-cards web/beta: --features gift-cards,web/beta",
            "cache/tls release: --features cache/tls --release",
        ]
    );
}

#[test]
fn a_flag_that_chooses_a_build_is_refused_beside_the_list() {
    let builds = read("[{}]").expect("good");
    assert_eq!(builds.refuse(&[]), Ok(()));
    let refused = |flags: &[&str]| builds.refuse(flags).expect_err("both").to_string();
    expect![[r#"
        error: `--release` chooses a build, and the configuration has `builds`
          --> [{}]
          = help: leave it out: every build of the list is audited. One that is missing is added to it
    "#]].assert_eq(&refused(&["--release"]));
    expect![[r#"
        error: `--features` and `--target` choose a build, and the configuration has `builds`
          --> [{}]
          = help: leave them out: every build of the list is audited. One that is missing is added to it
    "#]].assert_eq(&refused(&["--features", "--target"]));
}
