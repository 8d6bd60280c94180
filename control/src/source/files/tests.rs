use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A directory that is removed when dropped.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let n = COUNTER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("control-{}-{n}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether `change` is noticed, well before anybody looks without being woken.
async fn notices(files: &mut Files, change: impl FnOnce()) -> bool {
    change();
    let noticed = tokio::time::timeout(Duration::from_millis(800), files.changed());
    noticed.await.is_ok()
}

/// A ConfigMap as the kubelet projects it: `a.yaml -> ..data/a.yaml`, `..data -> ..V`.
fn project(dir: &Path, version: &str, text: &str) {
    let folder = dir.join(format!("..{version}"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.yaml"), text).unwrap();
    let new = dir.join("..data_tmp");
    symlink(folder.file_name().unwrap(), &new).unwrap();
    fs::rename(new, dir.join("..data")).unwrap();
}

#[tokio::test]
async fn a_file_that_is_written_anew_or_renamed_into_place_is_noticed() {
    let place = Place::new();
    fs::write(place.at("a.yaml"), "1").unwrap();
    let mut files = Files::watch(vec![place.0.clone()], false);
    assert!(notices(&mut files, || fs::write(place.at("a.yaml"), "22").unwrap()).await);
    let rename = || {
        fs::write(place.at(".a.tmp"), "333").unwrap();
        fs::rename(place.at(".a.tmp"), place.at("a.yaml")).unwrap();
    };
    assert!(notices(&mut files, rename).await);
    assert!(notices(&mut files, || fs::remove_file(place.at("a.yaml")).unwrap()).await);
}

#[tokio::test]
async fn a_configmap_that_is_swapped_is_noticed() {
    let place = Place::new();
    project(&place.0, "1", "one");
    symlink("..data/a.yaml", place.at("a.yaml")).unwrap();
    let mut files = Files::watch(vec![place.0.clone()], false);
    assert!(notices(&mut files, || project(&place.0, "2", "two")).await);
    assert!(notices(&mut files, || project(&place.0, "3", "tri")).await);
}

#[tokio::test]
async fn a_directory_behind_a_link_that_is_turned_is_noticed() {
    let place = Place::new();
    for version in ["v1", "v2"] {
        fs::create_dir_all(place.at(version)).unwrap();
        fs::write(place.at(version).join("a.yaml"), version).unwrap();
    }
    symlink("v1", place.at("current")).unwrap();
    let mut files = Files::watch(vec![place.at("current")], false);
    let turn = || {
        symlink("v2", place.at("next")).unwrap();
        fs::rename(place.at("next"), place.at("current")).unwrap();
    };
    assert!(notices(&mut files, turn).await);
    let edit = || fs::write(place.at("v2").join("b.yaml"), "new").unwrap();
    assert!(notices(&mut files, edit).await);
}

#[tokio::test]
async fn a_directory_that_disappears_and_comes_back_is_noticed_both_times() {
    let place = Place::new();
    let dir = place.at("etc");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("a.yaml"), "1").unwrap();
    let mut files = Files::watch(vec![dir.clone()], false);
    assert!(notices(&mut files, || fs::remove_dir_all(&dir).unwrap()).await);
    let back = || {
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("a.yaml"), "2").unwrap();
    };
    assert!(notices(&mut files, back).await);
}

#[tokio::test]
async fn what_changes_no_manifest_is_no_change() {
    let place = Place::new();
    fs::write(place.at("a.yaml"), "1").unwrap();
    let mut files = Files::watch(vec![place.at("a.yaml")], false);
    let beside = || fs::write(place.at("b.yaml"), "2").unwrap();
    assert!(!notices(&mut files, beside).await);
}

#[tokio::test]
async fn subdirectories_count_when_asked_for() {
    let place = Place::new();
    fs::create_dir_all(place.at("sub")).unwrap();
    let mut flat = Files::watch(vec![place.0.clone()], false);
    let mut deep = Files::watch(vec![place.0.clone()], true);
    let write = || fs::write(place.at("sub").join("a.yaml"), "1").unwrap();
    assert!(notices(&mut deep, write).await);
    assert!(!notices(&mut flat, || {}).await);
}
