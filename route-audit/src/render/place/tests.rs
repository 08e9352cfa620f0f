use super::*;

#[test]
fn a_file_has_one_name_in_its_repository() {
    let places = Places {
        workspace: "/repo/backend".into(),
        repository: "/repo".into(),
    };
    let inside = |path: &str| Place::Inside(path.to_owned());
    for (file, expected) in [
        ("src/a b.rs", inside("backend/src/a b.rs")),
        ("src/x/../y.rs", inside("backend/src/y.rs")),
        ("./src/y.rs", inside("backend/src/y.rs")),
        ("../shared/y.rs", inside("shared/y.rs")),
        ("/repo/shared/y.rs", inside("shared/y.rs")),
        ("../../y.rs", Place::Outside("/y.rs".to_owned())),
        (
            "/repository/y.rs",
            Place::Outside("/repository/y.rs".to_owned()),
        ),
    ] {
        assert_eq!(places.in_repository(file), expected, "{file}");
    }
}

#[test]
fn the_repository_is_found_from_the_workspace() {
    let folder = tempfile::tempdir().expect("a folder");
    let workspace = folder.path().join("services/api");
    std::fs::create_dir_all(&workspace).expect("the folders");
    assert_eq!(Places::of(&workspace).repository, workspace);
    std::fs::write(folder.path().join(".git"), "gitdir: elsewhere\n").expect("the file");
    assert_eq!(Places::of(&workspace).repository, folder.path());
}
