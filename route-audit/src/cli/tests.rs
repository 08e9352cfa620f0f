use super::*;

fn cargo_args(args: &[&str]) -> CargoArgs {
    let args: Vec<OsString> = ["route-audit"].iter().chain(args).map(Into::into).collect();
    match parse(&args) {
        Ok(Parsed::Run(command)) => match *command {
            Command::Check(check) => check.common.cargo,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn cargo_gets_what_it_understands_under_its_own_names() {
    let args = cargo_args(&[
        "--manifest-path=web/Cargo.toml",
        "--features=a,b",
        "-Fc d",
        "--all-features",
        "--no-default-features",
        "--target=x86_64-unknown-linux-gnu",
        "--profile=ci",
        "--offline",
        "--cargo-locked",
        "--target-dir=out",
        "-q",
        "--color=never",
    ]);
    let resolve = [
        "--manifest-path",
        "web/Cargo.toml",
        "--features",
        "a,b",
        "--features",
        "c d",
        "--all-features",
        "--no-default-features",
        "--offline",
        "--locked",
        "--quiet",
        "--color",
        "never",
    ];
    assert_eq!(args.resolve(), resolve);
    // `cargo metadata` refuses these.
    let build = [
        "--profile",
        "ci",
        "--target",
        "x86_64-unknown-linux-gnu",
        "--target-dir",
        "out",
    ];
    assert_eq!(args.build(), [&resolve[..], &build].concat());
    assert_eq!(cargo_args(&["--release"]).build(), ["--release"]);
    assert!(cargo_args(&[]).build().is_empty());
}
