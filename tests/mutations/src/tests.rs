use std::fs;
use std::path::PathBuf;

use quote::ToTokens as _;

use crate::find::mutants;
use crate::refusal::Words;
use crate::run;

/// A crate with one of each refusal, and with tests for most of them.
fn fixture() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixture"))
}

fn names(source: &str) -> Vec<String> {
    let words = ["denial", "deny", "err", "error", "problem"];
    let words = Words(words.map(str::to_owned).into());
    let found = mutants("it.rs", source, &words).expect("Rust");
    found.into_iter().map(|mutant| mutant.name).collect()
}

/// The mutants of one function, without what their names begin with.
fn of(returns: &str, body: &str) -> String {
    let names = names(&format!("fn f() -> {returns} {{ {body} }}"));
    names.join(" | ").replace("it.rs f: ", "")
}

/// Bodies of functions, and their mutants.
const REFUSALS: &str = r#"
if a || b && c { return Err(x()); }                         # if a | if b&&c
if !(a && b) { problems.push(x) }                           # unless a | unless b
if a { Ok(1) } else { Err(x()) }                            # unless a
if let Some(x) = y && x { return None; }                    # if let Some(x)=y&&x
if let Some(x) = y && x { g() } else { deny() }             # unless x
if a { deny() } else if b { panic!() } else { g() }         # if a | if b
if a { return Err(1); } if a { return Err(1); }             # if a | if a again 2
a.then(|| Problem::new(1))                                  # if a
assert!(a && !b, "why");                                    # unless a | unless !b
match x { 1 => Decision::Deny(2), _ => Decision::Admit }    # case 1
match x { A(y) if y => Err(z()), A(_) => g(), B => g() }    # if y
match x { Some(y) if y > 1 => g(y), _ => return false }     # unless y>1
match x { A(y) if y => g(y), A(_) => deny(), B => g() }     # unless y
check(x)?; g.check().await?; h()                            # check(x)? | g.check().await?
out.push(Problem(1)); add(1);                               # out.push(Problem(1)) | add(1)
let Some(x) = y else { errors.push(1); return; };           # errors.push(1)
match x { A => Ok(()), B => Err(Wrong(1)) }                 # Err(Wrong(1))
"#;

#[test]
fn each_refusal_is_a_mutant() {
    for line in REFUSALS.trim().lines() {
        let (body, expected) = line.split_once(" # ").expect("two columns");
        let found = of("Result<(), E>", body).replace('#', "again ");
        assert_eq!(found, expected, "{body}");
    }
}

#[test]
fn what_refuses_nothing_is_no_mutant() {
    for body in [
        "if a { g() } else { h() }",
        "debug_assert!(a); unreachable!(); write!(f, \"x\")?; f.write_str(\"x\")?;",
        // The only value that there is; what another has refused; which of two refusals.
        "let x = y.ok_or(Denial::Missing)?; match x { Some(y) => y, None => return Err(z()) }",
        "match x { Ok(y) => y, Err(error) => return Err(error) }",
        "if a { Err(x()) } else { Err(y()) }",
        "x.map_err(Wrong)",
        // Built for tests, not at all, or before there is an environment.
        "#[cfg(test)] if a { return Err(x()); }",
        "match x { #[cfg(windows)] 1 => deny(), _ => g() }",
        "#[cfg(test)] mod tests { fn f() { if a { return None; } } }",
        "#[cfg(not(feature = \"a\"))] fn f() { if a { return None; } }",
        "const fn f() -> bool { if a { return false; } true }",
        "impl S { const A: bool = if a { false } else { true }; }",
    ] {
        assert_eq!(of("u8", body), "", "{body}");
    }
}

#[test]
fn names_do_not_change_with_the_format() {
    for file in ["src/lib.rs", "src/rules.rs"] {
        let source = fs::read_to_string(fixture().join(file)).expect("the fixture");
        // All on one line, with a space between any two tokens.
        let tokens = syn::parse_file(&source)
            .expect("Rust")
            .to_token_stream()
            .to_string();
        assert!(!names(&source).is_empty());
        assert_eq!(names(&source), names(&tokens), "{file}");
    }
}

#[test]
fn survivors_and_wrong_exemptions_of_a_crate_are_found() {
    let scratch = tempfile::tempdir().expect("a folder");
    let run = |wanted: &[&str]| {
        let wanted: Vec<String> = wanted.iter().map(|&part| part.to_owned()).collect();
        run(&fixture(), &fixture(), scratch.path(), &wanted)
    };
    let problems = run(&[]).expect("the fixture is built, and its tests pass");
    let told: Vec<&str> = problems
        .iter()
        .flat_map(|problem| problem.lines().next_back())
        .collect();
    let expected = [
        "exempt.toml: a test catches `src/lib.rs decide: if age>limit`",
        "exempt.toml: there is no mutant `src/lib.rs decide: if age<limit`",
        // Only a test outside of its suite looks.
        "  src/lib.rs decide: if !has_scope",
        // There are other refusals behind these two.
        "  src/lib.rs parse: if text.is_empty()",
        "  src/lib.rs parse: if let Some(first)=text.chars().next()&&first=='+'",
        // No test meets these.
        "  src/lib.rs parse: unless digits",
        "  src/lib.rs check: unless name.len()<100",
        "  src/rules.rs empty: if rest.ends_with('/')",
    ];
    assert_eq!(told, expected);
    let line = "src/lib.rs:24: 1 tests meet it, and none fails without it";
    assert!(problems[2].starts_with(&format!("{line}\n  Some(_) if !has_scope =>")));
    let caught = run(&["steps", "Rules::wrong"]);
    assert_eq!(caught, Ok(vec![expected[1].to_owned()]));
    assert!(run(&["no such"]).is_err());
}
