use super::*;

const ISSUED: Timestamp = Timestamp(1_700_000_000);

use crate::keys::Keys;

fn keys() -> TokenKeys {
    ring([std::array::from_fn(|i| u8::try_from(i).expect("32 fits"))])
}

fn ring<const N: usize>(keys: [[u8; 32]; N]) -> TokenKeys {
    Keys::new(keys)
        .expect("keys")
        .for_audience("__Host-session")
}

fn contents<'a>(scopes: &'a [String], claims: &'a [u8]) -> Contents<'a> {
    Contents {
        id: std::array::from_fn(|i| 0xa0 + u8::try_from(i).expect("16 fits")),
        issued: ISSUED,
        idle_deadline: Timestamp(ISSUED.0 + 3_600),
        absolute_deadline: Timestamp(ISSUED.0 + 86_400),
        lasts: Lasts::new(Some(Duration::from_secs(3_600)), true),
        subject: "ada@example.com",
        scopes,
        claims,
        #[cfg(feature = "encrypt")]
        seal: None,
    }
}

fn sample() -> String {
    let scopes = ["admin".to_owned(), "billing".to_owned()];
    encode(&keys(), &contents(&scopes, br#"{"plan":"pro"}"#)).expect("it is small")
}

fn refusal(encoded: &[u8]) -> Option<Refusal> {
    decode(&keys(), encoded, ISSUED).err()
}

/// The known answer was computed apart from this code, with Python's `hmac`, `hashlib`, `struct`
/// and `base64`, from the table in the module's documentation.
#[test]
fn the_format_is_the_one_that_is_documented() {
    assert_eq!(sample(), include_str!("known_answer.txt").trim());
}

#[test]
fn a_token_comes_back_as_it_was_issued() {
    let token = decode(&keys(), sample().as_bytes(), ISSUED).unwrap_or_else(|_| panic!("refused"));
    assert_eq!(token.subject(), "ada@example.com");
    assert_eq!(token.scopes().collect::<Vec<_>>(), ["admin", "billing"]);
    assert_eq!(token.claims(), br#"{"plan":"pro"}"#);
    assert_eq!(token.id()[0], 0xa0);
    assert_eq!(token.issued(), ISSUED);
    assert_eq!(token.lasts(), contents(&[], b"").lasts);
}

#[test]
fn texts_may_be_in_any_language() {
    let scopes = ["管理".to_owned(), "é".to_owned()];
    let contents = Contents {
        subject: "Адa",
        ..contents(&scopes, b"")
    };
    let text = encode(&keys(), &contents).expect("it is small");
    let token = decode(&keys(), text.as_bytes(), ISSUED).unwrap_or_else(|_| panic!("refused"));
    assert_eq!(token.subject(), "Адa");
    assert!(token.scopes().eq(["管理", "é"]));
}

#[test]
fn how_long_a_session_lasts_is_kept_to_the_second() {
    let most = u64::from(u32::MAX >> 1);
    for (seconds, kept) in [
        (0, 0),
        (1, 1),
        (90 * 86_400, 90 * 86_400),
        (most, most),
        (most + 1, most),
        (u64::from(u32::MAX), most),
        (u64::MAX, most),
    ] {
        for with_the_browser in [false, true] {
            let lasts = Lasts::new(Some(Duration::from_secs(seconds)), with_the_browser);
            let kept = (kept != 0).then(|| Duration::from_secs(kept));
            assert_eq!(lasts.idle_timeout(), kept);
            assert_eq!(lasts.with_the_browser(), with_the_browser);
        }
    }
    assert_eq!(Lasts::new(None, false), Lasts::default());
}

#[test]
fn security_any_single_flipped_bit_is_refused() {
    let bytes = URL_SAFE_NO_PAD.decode(sample()).expect("base64url");
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let encoded = URL_SAFE_NO_PAD.encode(&flipped);
        assert!(
            refusal(encoded.as_bytes()).is_some(),
            "bit {bit} does not count"
        );
    }
}

#[test]
fn security_any_single_flipped_bit_of_the_text_is_refused() {
    let text = sample().into_bytes();
    for bit in 0..text.len() * 8 {
        let mut flipped = text.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(refusal(&flipped).is_some(), "bit {bit} does not count");
    }
}

#[test]
fn security_every_truncation_and_extension_is_refused() {
    let text = sample();
    for len in 0..text.len() {
        assert!(
            refusal(&text.as_bytes()[..len]).is_some(),
            "{len} characters are enough"
        );
    }
    let bytes = URL_SAFE_NO_PAD.decode(&text).expect("base64url");
    for len in 0..bytes.len() {
        let encoded = URL_SAFE_NO_PAD.encode(&bytes[..len]);
        assert!(
            refusal(encoded.as_bytes()).is_some(),
            "{len} bytes are enough"
        );
    }
    for extra in [&b"A"[..], b"=", b"AAAA", b" ", b"\0", b"."] {
        let extended = [text.as_bytes(), extra].concat();
        assert!(
            refusal(&extended).is_some(),
            "{extra:?} at the end does not count"
        );
        let extended = [extra, text.as_bytes()].concat();
        assert!(
            refusal(&extended).is_some(),
            "{extra:?} at the front does not count"
        );
    }
}

#[test]
fn refusals_by_kind() {
    let mut unknown_version = URL_SAFE_NO_PAD.decode(sample()).expect("base64url");
    unknown_version[0] = 3;
    let mut unknown_key = URL_SAFE_NO_PAD.decode(sample()).expect("base64url");
    unknown_key[1] ^= 0xff;
    let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes).into_bytes();
    let table = [
        ("empty", Vec::new(), Refusal::Malformed),
        ("one byte", b"x".to_vec(), Refusal::Malformed),
        ("not base64url", b"a+b/".repeat(40), Refusal::Malformed),
        ("not UTF-8", vec![0xff; 120], Refusal::Malformed),
        ("10 kB", vec![b'A'; 10_000], Refusal::Malformed),
        ("zeros", encoded(&[0; 100]), Refusal::Malformed),
        (
            "an unknown version",
            encoded(&unknown_version),
            Refusal::Malformed,
        ),
        (
            "an unknown key",
            encoded(&unknown_key),
            Refusal::BadSignature,
        ),
    ];
    for (name, text, expected) in table {
        assert_eq!(refusal(&text), Some(expected), "{name}");
    }
}

#[test]
fn a_signature_under_another_key_with_the_same_id_is_refused() {
    // Ids are public: an attacker can name ours.
    let forger = ring([[9; 32]]);
    let mut forged = URL_SAFE_NO_PAD
        .decode(encode(&forger, &contents(&[], b"")).expect("small"))
        .expect("base64url");
    forged[1..=KEY_ID_LEN].copy_from_slice(&keys().ring().signing().id);
    let encoded = URL_SAFE_NO_PAD.encode(forged);
    assert_eq!(refusal(encoded.as_bytes()), Some(Refusal::BadSignature));
}

#[test]
fn security_a_token_of_another_audience_is_refused() {
    let keys = Keys::new([[7; 32]]).expect("one key");
    let customer = keys.for_audience("__Host-customer");
    let token = encode(&customer, &contents(&[], b"")).expect("small");
    for other in ["__Host-staff", "__Host-customer2", "__Host-custome", ""] {
        let refusal = decode(&keys.for_audience(other), token.as_bytes(), ISSUED).err();
        assert_eq!(refusal, Some(Refusal::BadSignature), "{other:?}");
    }
    let same = keys.for_audience("__Host-customer");
    assert!(decode(&same, token.as_bytes(), ISSUED).is_ok());
}

#[test]
fn deadlines_are_the_first_second_that_is_too_late() {
    let at = |seconds: i64| {
        let now = Timestamp(ISSUED.0.saturating_add_signed(seconds));
        decode(&keys(), sample().as_bytes(), now).err()
    };
    assert_eq!(at(0), None);
    assert_eq!(at(3_599), None);
    assert_eq!(at(3_600), Some(Refusal::Expired));
    // Another machine's clock may be behind the one that issued it; not by an hour.
    assert_eq!(at(-300), None);
    assert_eq!(at(-600), None);
    assert_eq!(at(-601), Some(Refusal::Expired));
    assert_eq!(at(-3_600), Some(Refusal::Expired));
    assert_eq!(at(-(1 << 40)), Some(Refusal::Expired));
}

#[test]
fn the_absolute_deadline_ends_what_the_idle_deadline_does_not() {
    let token = decode(&keys(), sample().as_bytes(), ISSUED).unwrap_or_else(|_| panic!("refused"));
    let slid = token.renewed(&keys(), Timestamp(u64::MAX));
    let at = |seconds| decode(&keys(), slid.as_bytes(), Timestamp(ISSUED.0 + seconds)).err();
    assert_eq!(at(86_399), None);
    assert_eq!(at(86_400), Some(Refusal::Expired));
}

#[test]
fn a_deadline_that_slides_is_seen_at_once() {
    let decoded = decode(&keys(), sample().as_bytes(), ISSUED);
    let mut token = decoded.unwrap_or_else(|_| panic!("refused"));
    let later = Timestamp(ISSUED.0 + 7_200);
    token.slide(later);
    assert_eq!(token.idle_deadline(), later);
    assert_eq!(token.absolute_deadline(), Timestamp(ISSUED.0 + 86_400));
}

#[test]
fn the_shortest_token_and_the_most_scopes_are_read() {
    let shortest = Contents {
        subject: "",
        ..contents(&[], b"")
    };
    let text = encode(&keys(), &shortest).expect("it is small");
    assert_eq!(
        URL_SAFE_NO_PAD.decode(&text).map(|it| it.len()),
        Ok(MIN_LEN)
    );
    assert_eq!(refusal(text.as_bytes()), None);
    let scopes = vec!["s".to_owned(); MAX_SCOPES];
    let text = encode(&keys(), &contents(&scopes, b"")).expect("a byte counts them");
    let token = decode(&keys(), text.as_bytes(), ISSUED).unwrap_or_else(|_| panic!("refused"));
    assert_eq!(token.scopes().count(), MAX_SCOPES);
}

#[test]
fn renewal_changes_the_idle_deadline_and_the_key_alone() {
    let old = keys();
    let [first, second]: [[u8; 32]; 2] = [
        [7; 32],
        std::array::from_fn(|i| u8::try_from(i).expect("32 fits")),
    ];
    let ring = ring([first, second]);
    let token = decode(&ring, sample().as_bytes(), ISSUED).unwrap_or_else(|_| panic!("refused"));
    let renewed = token.renewed(&ring, Timestamp(ISSUED.0 + 7_200));

    assert_eq!(
        decode(&old, renewed.as_bytes(), ISSUED).err(),
        Some(Refusal::BadSignature)
    );
    let again = decode(&ring, renewed.as_bytes(), ISSUED).unwrap_or_else(|_| panic!("refused"));
    assert_eq!(again.idle_deadline(), Timestamp(ISSUED.0 + 7_200));
    assert_eq!(
        (
            again.id(),
            again.issued(),
            again.absolute_deadline(),
            again.subject(),
            again.claims()
        ),
        (
            token.id(),
            token.issued(),
            token.absolute_deadline(),
            token.subject(),
            token.claims()
        )
    );
}

#[test]
fn what_does_not_fit_into_a_cookie_is_an_error() {
    let claims = |len: usize| encode(&keys(), &contents(&[], &vec![b'x'; len]));
    let fits = claims(2_900).expect("below the limit");
    assert!(fits.len() <= MAX_COOKIE_LEN);
    let error = claims(4_000).expect_err("above the limit");
    assert!(error.encoded_len > MAX_COOKIE_LEN);
    assert!(claims(70_000).is_err(), "more than a length field can hold");
    // To the byte: a cookie of 4096 is kept by browsers, and one of more is not.
    let scopes = ["admin".to_owned(), "billing".to_owned()];
    let claims = |len: usize| encode(&keys(), &contents(&scopes, &vec![b'x'; len]));
    let largest = (0..MAX_LEN)
        .rev()
        .find_map(|len| claims(len).ok().map(|text| (len, text)));
    let (len, text) = largest.expect("some fit");
    assert_eq!(text.len(), MAX_COOKIE_LEN);
    assert_eq!(refusal(text.as_bytes()), None);
    assert_eq!(
        claims(len + 1).err(),
        Some(TooLarge {
            encoded_len: MAX_COOKIE_LEN + 4
        })
    );
    let scopes = vec!["s".to_owned(); 256];
    assert!(
        encode(&keys(), &contents(&scopes, b"")).is_err(),
        "more than a count can hold"
    );
}

/// What is signed by our key and yet not of our form: a bug on our side must not become a panic.
#[test]
fn signed_garbage_is_malformed() {
    let keys = keys();
    let sample = URL_SAFE_NO_PAD.decode(sample()).expect("base64url");
    let body = &sample[..sample.len() - MAC_LEN];
    let sign = |mut bytes: Vec<u8>| {
        sign(&keys.ring().signing(), &mut bytes);
        decode(&keys, URL_SAFE_NO_PAD.encode(bytes).as_bytes(), ISSUED).err()
    };
    for at in SUBJECT_AT..body.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bytes = body.to_vec();
            bytes[at] = value;
            let _ = sign(bytes);
        }
    }
    assert_eq!(
        sign([body, b"x"].concat()),
        Some(Refusal::Malformed),
        "a byte too many"
    );
    let subject = SUBJECT_AT + 2;
    let subject_len = usize::from(body[SUBJECT_AT + 1]);
    // After the number of scopes and the length of the first.
    let scope = subject + subject_len + 2;
    // "admin", a length, "billing".
    let last = scope + 5 + 1 + 6;
    for (at, what) in [
        (subject, "a subject"),
        (scope, "a scope"),
        (last, "the last scope, in its last byte,"),
    ] {
        let mut not_utf8 = body.to_vec();
        not_utf8[at] = 0xff;
        let refusal = sign(not_utf8);
        assert_eq!(
            refusal,
            Some(Refusal::Malformed),
            "{what} that is not UTF-8"
        );
    }
}

#[cfg(feature = "encrypt")]
mod sealed_claims {
    use super::*;

    fn sealed(ring: &TokenKeys, id: u8) -> Vec<u8> {
        let contents = Contents {
            id: [id; SESSION_ID_LEN],
            claims: br#"{"plan":"pro"}"#,
            seal: Some([9; 24]),
            ..contents(&[], b"")
        };
        encode(ring, &contents).expect("it is small").into_bytes()
    }

    #[test]
    fn nobody_reads_them_but_the_service() {
        let value = sealed(&keys(), 1);
        let bytes = URL_SAFE_NO_PAD.decode(&value).expect("base64");
        assert_eq!(bytes[0], SEALED);
        assert!(!bytes.windows(4).any(|window| window == b"plan"));
        let token = decode(&keys(), &value, ISSUED).unwrap_or_else(|_| panic!("refused"));
        assert_eq!(token.claims(), br#"{"plan":"pro"}"#);
        assert!(token.is_sealed());
        let plain = decode(&keys(), sample().as_bytes(), ISSUED);
        assert!(!plain.unwrap_or_else(|_| panic!("refused")).is_sealed());
    }

    /// Somebody who has the signing sub-key alone, and writes one session's claims into another.
    #[test]
    fn they_belong_to_their_session() {
        let ring = keys();
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed(&ring, 1)).expect("base64");
        bytes[SESSION_ID_AT] ^= 1;
        bytes.truncate(bytes.len() - MAC_LEN);
        sign(&ring.ring().signing(), &mut bytes);
        let moved = URL_SAFE_NO_PAD.encode(bytes);
        let refusal = decode(&ring, moved.as_bytes(), ISSUED).err();
        assert_eq!(refusal, Some(Refusal::Malformed));
    }

    #[test]
    fn a_plain_token_cannot_pass_for_a_sealed_one_or_the_other_way_round() {
        let ring = keys();
        for (value, version) in [
            (sealed(&ring, 1), VERSION),
            (
                encode(&ring, &contents(&[], b"x"))
                    .expect("small")
                    .into_bytes(),
                SEALED,
            ),
        ] {
            let mut bytes = URL_SAFE_NO_PAD.decode(value).expect("base64");
            bytes[0] = version;
            let value = URL_SAFE_NO_PAD.encode(bytes);
            let refusal = decode(&ring, value.as_bytes(), ISSUED).err();
            assert_eq!(refusal, Some(Refusal::BadSignature));
        }
    }

    #[test]
    fn a_new_key_seals_them_anew_and_the_same_key_leaves_them() {
        let old = keys();
        let token = decode(&old, &sealed(&old, 1), ISSUED).unwrap_or_else(|_| panic!("refused"));
        let later = Timestamp(ISSUED.0 + 7_200);
        let same = token.renewed(&old, later);
        let claims_of = |value: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(value).expect("base64");
            parse(bytes).map(|token| token.bytes[token.claims_at()].to_vec())
        };
        let before = claims_of(std::str::from_utf8(&sealed(&old, 1)).expect("text"));
        assert_eq!(claims_of(&same), before);

        let ring = ring([[0x77; 32]]);
        let renewed = token.renewed(&ring, later);
        assert_ne!(claims_of(&renewed), before);
        let again = decode(&ring, renewed.as_bytes(), ISSUED).unwrap_or_else(|_| panic!("refused"));
        assert_eq!(again.claims(), br#"{"plan":"pro"}"#);
        assert_eq!(again.idle_deadline(), later);
        assert_eq!(again.subject(), token.subject());
    }
}
