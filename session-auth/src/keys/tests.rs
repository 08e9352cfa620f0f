use super::*;

const ONE: &str = "lDZzGbt8GRJqQbc4gOUY6ue4hMaJ9nSibnszRq1cmrA=";
const TWO: &str = "EUr4202/bfTqeH0b1qJFHZNzDy0AgZJmkiHaytQqOkY=";

fn unset() -> Result<String, VarError> {
    Err(VarError::NotPresent)
}

#[test]
fn each_mistake_is_its_own_error_and_says_where_it_is() {
    let thirty_one = BASE64.encode([7; 31]);
    let thirty_three = BASE64.encode([7; 33]);
    let table = [
        ("empty", String::new(), "no session key"),
        ("blank", "  ".into(), "no session key"),
        (
            "not base64",
            "not base64!".into(),
            "session key 1 is not base64",
        ),
        (
            "second is not base64",
            format!("{ONE},%%%"),
            "session key 2 is not base64",
        ),
        (
            "comma at the end",
            format!("{ONE},"),
            "session key 2 is not base64",
        ),
        (
            "31 bytes",
            thirty_one,
            "session key 1 has 31 bytes instead of 32",
        ),
        (
            "33 bytes",
            format!("{ONE},{thirty_three}"),
            "session key 2 has 33 bytes",
        ),
        (
            "twice",
            format!("{ONE},{TWO},{ONE}"),
            "session keys 1 and 3 are the same",
        ),
    ];
    for (name, text, expected) in table {
        let error = Keys::parse(&text).expect_err(name).to_string();
        assert!(error.starts_with(expected), "{name}: {error}");
        assert!(!error.contains("lDZz"), "{name}: the key is in the error");
    }
}

#[test]
fn errors_answer_questions() {
    assert!(Keys::parse("").expect_err("empty").is_missing());
    assert!(Keys::parse("?").expect_err("malformed").is_malformed());
    assert!(Keys::parse("AAAA").expect_err("short").is_length());
    assert!(
        Keys::parse(&format!("{ONE},{ONE}"))
            .expect_err("twice")
            .is_duplicate()
    );
}

#[test]
fn padding_and_white_space_do_not_matter() {
    let keys = Keys::parse(&format!(" {} ,\n{TWO}", ONE.trim_end_matches('='))).expect("valid");
    assert_eq!(keys.len(), 2);
}

#[test]
fn the_development_key_needs_both_conditions() {
    let dev = |value: &str| Ok(value.to_owned());
    assert!(Keys::from_variables(unset(), dev("true")).is_ok());

    let nothing = Keys::from_variables(unset(), unset()).expect_err("no key");
    assert!(nothing.is_missing());
    for value in ["1", "yes", "TRUE", ""] {
        let error = Keys::from_variables(unset(), dev(value)).expect_err("not `true`");
        assert!(error.is_missing());
        assert!(error.to_string().contains("only `true` allows"), "{error}");
    }
    // A key that is set and wrong is never replaced by the development key.
    let wrong = Keys::from_variables(Ok("?".into()), dev("true")).expect_err("malformed");
    assert!(wrong.is_malformed());
    let empty = Keys::from_variables(Ok(String::new()), dev("true")).expect_err("empty");
    assert!(empty.is_missing());
}

/// Keys that are no secrets, and whether a program that has one as bytes is refused as well.
fn flawed() -> Vec<(&'static str, [u8; KEY_LEN], Flaw, bool)> {
    let of = |text: &str| BASE64.decode(text).unwrap().try_into().unwrap();
    let repeated = std::array::from_fn(|at| [0x13, 0x37, 0xc0, 0xde][at % 4]);
    // Of no few bytes, and not going up: 16, 13 and 12 of them.
    let random = |at: usize| (at as u8).wrapping_mul(151).wrapping_add(7) ^ (at as u8) << 5;
    let padded = |text: &str| {
        let mut key = [0; KEY_LEN];
        key[..text.len()].copy_from_slice(text.as_bytes());
        key
    };
    let number = |at: usize| (250 + at as u16 / 2 * 3).to_be_bytes()[at % 2];
    let weak = [
        ("16 bytes twice", std::array::from_fn(|at| random(at % 16))),
        (
            "13 bytes over and over",
            std::array::from_fn(|at| random(at % 13)),
        ),
        (
            "12 bytes over and over",
            std::array::from_fn(|at| random(at % 12)),
        ),
        (
            "00 11 .. ff twice",
            std::array::from_fn(|at| (at % 16 * 0x11) as u8),
        ),
        ("each twice", std::array::from_fn(|at| (at / 2) as u8)),
        (
            "each twice, past the end",
            std::array::from_fn(|at| (at / 2 + 250) as u8),
        ),
        ("going up", std::array::from_fn(|at| (at * at / 4) as u8)),
        (
            "going down",
            std::array::from_fn(|at| 255 - (at * at / 4) as u8),
        ),
        (
            "two counters in turn",
            std::array::from_fn(|at| ((at % 2) * 77 + at * 5) as u8),
        ),
        ("numbers of two bytes", std::array::from_fn(number)),
        (
            "the other byte first",
            std::array::from_fn(|at| number(at ^ 1)),
        ),
        (
            "numbers of four bytes",
            std::array::from_fn(|at| (0x8f3a_11fe + at as u32 / 4).to_le_bytes()[at % 4]),
        ),
        ("text, padded", padded("correct horse battery")),
        (
            "text with its end",
            padded("correct horse battery staple 12"),
        ),
        (
            "text of two bytes a sign",
            std::array::from_fn(|at| b"quick brown fox."[at / 2] * (at % 2) as u8),
        ),
    ];
    let weak = weak.map(|(name, key)| (name, key, Flaw::Weak, false));
    let mut all = vec![
        (
            "the development key",
            DEVELOPMENT_KEY,
            Flaw::Published,
            true,
        ),
        (
            "the documentation's",
            of("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="),
            Flaw::Published,
            true,
        ),
        (
            "a counter",
            of("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            Flaw::Weak,
            false,
        ),
        ("zeros", [0; KEY_LEN], Flaw::Weak, true),
        ("ones", [0xff; KEY_LEN], Flaw::Weak, true),
        ("one byte", [7; KEY_LEN], Flaw::Weak, false),
        ("a few bytes", repeated, Flaw::Weak, false),
        (
            "a sequence",
            std::array::from_fn(|at| 200 + at as u8),
            Flaw::Weak,
            false,
        ),
        (
            "a sequence down",
            std::array::from_fn(|at| 99 - 3 * at as u8),
            Flaw::Weak,
            false,
        ),
        (
            "words",
            *b"correct horse battery staple 123",
            Flaw::Weak,
            false,
        ),
        (
            "hexadecimal",
            *b"5f2e0c9a7b1d4e8f6a3c0b9d8e7f1a2c",
            Flaw::Weak,
            false,
        ),
    ];
    all.extend(weak);
    all
}

#[test]
fn a_key_that_is_no_secret_is_refused_outside_of_development() {
    let dev = |value: &str| Ok(value.to_owned());
    for (name, key, flaw, in_a_program) in flawed() {
        let text = format!("{ONE},{}", BASE64.encode(key));
        for variable in [unset(), dev("false"), dev("")] {
            let error = Keys::from_variables(Ok(text.clone()), variable).expect_err(name);
            let asked = (error.is_published(), error.is_weak());
            let expected = (flaw == Flaw::Published, flaw == Flaw::Weak);
            assert_eq!(asked, expected, "{name}");
            let error = error.to_string();
            assert!(error.starts_with("session key 2 is "), "{name}: {error}");
            assert!(error.contains("openssl rand"), "{name}: {error}");
        }
        assert!(Keys::parse(&text).is_err(), "{name}");
        assert_eq!(Keys::new([key]).is_err(), in_a_program, "{name}");
        let developing = Keys::from_variables(Ok(text), dev("true"));
        assert!(developing.is_ok(), "{name}");
    }
}

#[test]
fn a_random_key_has_no_flaw() {
    for _ in 0..200_000 {
        let mut key = [0; KEY_LEN];
        getrandom::fill(&mut key).expect("random numbers");
        assert_eq!(Flaw::of_text(&key), None, "{key:?}");
    }
}

#[test]
fn the_first_key_signs() {
    let keys = Keys::parse(&format!("{TWO},{ONE}")).expect("valid");
    let alone = Keys::parse(TWO).expect("valid");
    let [keys, alone] = [keys, alone].map(|keys| keys.for_audience("here"));
    let one = id_of_one();
    assert_eq!(keys.ring().signing().id, alone.ring().signing().id);
    assert!(keys.ring().find(one).is_some());
    assert!(alone.ring().find(one).is_none());
}

#[test]
fn debug_shows_ids_alone() {
    let keys = Keys::new([[0x41; KEY_LEN]]).expect("valid");
    let debug = format!("{keys:?}");
    assert!(debug.len() == "Keys[00000000]".len(), "{debug}");
    assert!(!debug.contains("4141"), "{debug}");
}

#[test]
fn rotation_reaches_every_clone_and_keeps_the_counts() {
    let keys = Keys::parse(ONE).expect("valid");
    let in_the_layer = keys.for_audience("here");
    in_the_layer.ring().signing().count_signed();

    keys.rotate(&Keys::parse(&format!("{TWO},{ONE}")).expect("valid"));
    let uses = keys.clone().uses();
    assert_eq!(uses.len(), 2);
    assert!(uses[0].signs && !uses[1].signs);
    assert_eq!((uses[0].signed, uses[1].signed), (0, 1));

    keys.rotate(&Keys::parse(TWO).expect("valid"));
    assert!(
        in_the_layer.ring().find(id_of_one()).is_none(),
        "the key is retired"
    );
}

fn id_of_one() -> [u8; KEY_ID_LEN] {
    let keys = Keys::parse(ONE).expect("valid").for_audience("");
    keys.ring().signing().id
}

/// One ring, several layers: each has keys of its own, whatever the others are called and however
/// the ring turns.
#[test]
fn each_audience_has_keys_of_its_own_through_every_rotation() {
    let keys = Keys::parse(ONE).expect("valid");
    let names = ["a", "b", "ab", "", "a\u{1}", "session-auth v1 claims"];
    let audiences: Vec<_> = names.map(|name| keys.for_audience(name)).into();
    let mac_of = |keys: &TokenKeys| keys.ring().signing().mac().finalize().into_bytes();
    for ring in [ONE, TWO, ONE] {
        keys.rotate(&Keys::parse(ring).expect("valid"));
        for (position, keys_of) in audiences.iter().enumerate() {
            let again = keys.for_audience(names[position]);
            assert_eq!(mac_of(keys_of), mac_of(&again));
            for other in &audiences[position + 1..] {
                assert_ne!(mac_of(keys_of), mac_of(other));
            }
        }
    }
    let debug = format!("{:?}", audiences[0]);
    assert_eq!(debug, format!("{keys:?}"), "ids alone");
}

#[test]
fn a_ring_has_a_key() {
    let error = Keys::new([]).expect_err("no key");
    assert!(error.is_missing(), "{error}");
}

/// What is kept of a key is wiped when it is dropped, the state of a MAC included, which is two of the
/// hash's: from that, too, anything can be signed.
#[test]
fn the_state_of_a_mac_is_wiped() {
    fn is_wiped<T: zeroize::ZeroizeOnDrop>() {}
    is_wiped::<Sha256>();
}
