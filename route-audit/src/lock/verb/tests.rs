use super::*;

fn at(lines: &[(&str, u8)]) -> BTreeMap<Methods, u8> {
    let verb = |name| Methods::from_name(name).expect("a verb");
    lines.iter().map(|(name, of)| (verb(name), *of)).collect()
}

/// Every table of these verbs, each with one of two policies or none.
#[test]
fn leaving_lines_out_changes_no_answer_and_cannot_go_on() {
    let verbs = ["GET", "HEAD", "POST", "ANY", "FALLBACK"];
    for code in 0..3_u32.pow(5) {
        let table: Vec<(&str, u8)> = verbs
            .iter()
            .enumerate()
            .filter_map(|(digit, verb)| {
                let of = code / 3_u32.pow(u32::try_from(digit).ok()?) % 3;
                Some((*verb, u8::try_from(of).ok()?))
            })
            .filter(|(_, of)| *of != 0)
            .collect();
        let before = at(&table);
        let mut after = before.clone();
        normalize(&mut after, |a, b| a == b);
        for verb in all() {
            assert_eq!(
                answering(&before, verb),
                answering(&after, verb),
                "{verb} of {table:?}"
            );
        }
        let mut again = after.clone();
        normalize(&mut again, |a, b| a == b);
        assert_eq!(again, after, "{table:?}");
    }
}

#[test]
fn a_fallback_answers_for_itself_alone() {
    let any = at(&[("ANY", 1)]);
    assert_eq!(answering(&any, Methods::POST), Some(&1));
    assert_eq!(answering(&any, Methods::FALLBACK), None);
    let both = at(&[("ANY", 1), ("FALLBACK", 2)]);
    assert_eq!(answering(&both, Methods::FALLBACK), Some(&2));
}

#[test]
fn what_another_line_says_already_is_left_out() {
    for (lines, left) in [
        (&[("GET", 1), ("HEAD", 1)][..], &[("GET", 1)][..]),
        (&[("GET", 1), ("HEAD", 2)], &[("GET", 1), ("HEAD", 2)]),
        (&[("POST", 1), ("ANY", 1)], &[("ANY", 1)]),
        (&[("GET", 1), ("HEAD", 1), ("ANY", 1)], &[("ANY", 1)]),
        (
            &[("ANY", 1), ("FALLBACK", 1)],
            &[("ANY", 1), ("FALLBACK", 1)],
        ),
    ] {
        let mut table = at(lines);
        normalize(&mut table, |a, b| a == b);
        assert_eq!(table, at(left), "{lines:?}");
    }
}

#[test]
fn verbs_are_named_shortly() {
    let set = |names: &[&str]| {
        let all = names.iter().filter_map(|name| Methods::from_name(name));
        all.reduce(Methods::or).expect("one at least")
    };
    let all: Methods = all()
        .filter(|verb| !verb.is_fallback())
        .reduce(Methods::or)
        .expect("some");
    assert_eq!(label(set(&["GET", "HEAD", "POST"]), all), "GET | POST");
    assert_eq!(label(set(&["HEAD"]), all), "HEAD");
    assert_eq!(label(all, all), "ANY");
    assert_eq!(
        label(all.minus(set(&["GET", "HEAD"])), all),
        "ANY except GET"
    );
    assert_eq!(label(set(&["FALLBACK"]), set(&["FALLBACK"])), "FALLBACK");
}
