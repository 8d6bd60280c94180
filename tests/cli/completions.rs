use std::fs;

use crate::common::{Place, repository};

/// The committed scripts are what the program prints; `MESHCTL_BLESS=1 cargo test` writes them anew.
#[test]
fn the_committed_scripts_are_fresh() {
    for (shell, file) in [
        ("bash", "meshctl.bash"),
        ("zsh", "_meshctl"),
        ("fish", "meshctl.fish"),
    ] {
        let out = Place::new().run(&["completions", shell]);
        assert_eq!(out.code, 0, "{}", out.stderr);
        let path = repository("completions").join(file);
        if std::env::var_os("MESHCTL_BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &out.stdout).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == out.stdout,
            "completions/{file} is stale; run MESHCTL_BLESS=1 cargo test completions"
        );
    }
}
