use super::*;

#[test]
fn a_path_with_one_reading_is_not_ambiguous() {
    for plain in [
        "/",
        "/a/b",
        "/a/b/",
        "/my%20file",
        "/%C3%BC",
        "/a..b",
        "/.well-known/x",
        "/a:b@c,d",
        "/a%2Bb",
    ] {
        assert!(!is_ambiguous(plain), "{plain}");
    }
    for two in [
        "//a",
        "/a//b",
        "/a/../b",
        "/a/.",
        "/a;b",
        "/a\\b",
        "/%70rivate",
        "/a%2fb",
        "/%2e%2e/a",
        "/a%5Cb",
        "/a%3bb",
        "/a%00",
        "/a%2570",
        "/a%",
        "/a%zz",
        "/%7e",
    ] {
        assert!(is_ambiguous(two), "{two}");
        assert!(may_have_readings(two), "{two}");
    }
}

#[test]
fn each_reading_on_record_is_among_them() {
    for (path, reading) in [
        ("/files/%70rivate/x", "/files/private/x"),
        ("/files/%2570rivate/x", "/files/private/x"),
        ("/files//private/x", "/files/private/x"),
        ("/files/./private/x", "/files/private/x"),
        ("/files/a/../private/x", "/files/private/x"),
        ("/files/a/%2e%2e/private/x", "/files/private/x"),
        ("/files/a;b/..;c/private;d/x", "/files/private/x"),
        ("/files\\private\\x", "/files/private/x"),
        ("/files/%5cprivate/x", "/files/private/x"),
        ("/files/private%2fx", "/files/private/x"),
        ("/files/private/x/", "/files/private/x"),
        ("/files/../../private", "/private"),
    ] {
        assert!(may_have_readings(path), "{path}");
        assert!(
            readings(path).contains(reading),
            "{path}: {:?}",
            readings(path)
        );
    }
    assert_eq!(readings("/plain/path"), BTreeSet::new());
}
