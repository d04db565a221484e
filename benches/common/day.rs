//! A generated day on the disk.

use coretick::exchange::flow::DaySpec;
use std::fs;
use std::path::{Path, PathBuf};

/// The day's file, written if it is not there yet.
pub(crate) fn write(day: &DaySpec) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let DaySpec { messages, symbols, live, seed, .. } = day;
    let path = folder.join(format!("matched-{messages}-{symbols}-{live}-{seed}.itch50"));
    if !path.exists() {
        let part = path.with_extension("part");
        let mut file = fs::File::create(&part).expect("target/ can be written to");
        day.write(&mut file, &mut |_| ()).expect("the arguments make a day, the disk holds it");
        fs::rename(&part, &path).expect("the folder is ours");
    }
    path
}
