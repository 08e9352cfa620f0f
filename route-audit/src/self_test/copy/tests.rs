use std::os::unix::fs::symlink;

use super::*;

#[test]
fn nothing_of_the_copy_leads_back_to_the_original() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let put = |path: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("create it");
        fs::write(path, "original").expect("write it");
    };
    for path in [
        "from/src/lib.rs",
        "from/.git/config",
        "from/out/debug/app",
        "from/built/CACHEDIR.TAG",
        "from/.cargo/config.toml",
        "from/web/.cargo/config.toml",
        "elsewhere/shared.rs",
    ] {
        put(path);
    }
    symlink("../elsewhere", from.join("shared")).expect("a link");
    symlink("src/lib.rs", from.join("link.rs")).expect("a link");
    symlink("..", from.join("src/loop")).expect("a link");
    symlink("nowhere", from.join("broken")).expect("a link");
    let target = fs::canonicalize(from.join("out")).expect("it is there");
    let mut walk = Walk {
        target: &target,
        configuration: Some(from.join(".cargo")),
        above: Vec::new(),
    };
    walk.folder(&from, &to).expect("a copy");

    for path in [
        "src/lib.rs",
        "link.rs",
        "shared/shared.rs",
        "web/.cargo/config.toml",
    ] {
        let copy = to.join(path);
        let real = fs::canonicalize(&copy).expect(path);
        assert!(real.ends_with(Path::new("to").join(path)), "{real:?}");
        fs::write(copy, "changed").expect(path);
        let original = fs::read_to_string(from.join(path)).expect(path);
        assert_eq!(original, "original", "{path}");
    }
    for path in [".git", "out", "built", ".cargo", "broken", "src/loop"] {
        assert!(!to.join(path).exists(), "{path}");
    }
}
