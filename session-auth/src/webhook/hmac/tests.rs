use super::*;

#[test]
fn only_the_asked_length_is_decoded() {
    for (encoding, text) in [
        (Encoding::Hex, "fbf0"),
        (Encoding::Base64, "+/A="),
        (Encoding::Base64Url, "-_A="),
        (Encoding::Base64Url, "-_A"),
    ] {
        assert_eq!(encoding.decode(text, 2), Some(vec![0xfb, 0xf0]), "{text}");
        for len in [0, 1, 3, 32] {
            assert_eq!(encoding.decode(text, len), None, "{text} as {len} bytes");
        }
    }
}

#[test]
fn what_is_not_canonical_is_not_decoded() {
    for (encoding, text) in [
        (Encoding::Hex, "fbf"),
        (Encoding::Hex, "+bf0"),
        (Encoding::Hex, "0xfb"),
        (Encoding::Hex, "f\u{e9}0"),
        (Encoding::Base64, "+/A"),
        // The last character has bits that stand for nothing: another text, the same bytes.
        (Encoding::Base64, "+/B="),
        (Encoding::Base64, "-_A="),
        (Encoding::Base64Url, "-_B"),
        (Encoding::Base64Url, "+/A"),
    ] {
        assert_eq!(encoding.decode(text, 2), None, "{text}");
    }
}

#[test]
fn the_parts_of_a_message_are_signed_as_one() {
    let mut secrets = Secrets::new(Algorithm::Sha256, "It's a Secret to Everybody");
    let tag = Encoding::Hex
        .decode(
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            32,
        )
        .expect("hex");
    assert!(secrets.signed(&[b"Hello, World!"], &tag));
    assert!(secrets.signed(&[b"Hello", b", ", b"", b"World!"], &tag));
    assert!(!secrets.signed(&[b"Hello", b"World!"], &tag));
    assert!(!secrets.signed(&[b"Hello, World!"], &[]));
    secrets.usable.clear();
    assert!(!secrets.signed(&[b"Hello, World!"], &tag));
}
