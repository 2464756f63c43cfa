//! Tests of programs as sources.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::run_source;
use crate::model::CommandSource;

fn source(command: &[&str], timeout: Duration) -> CommandSource {
    let command: Vec<_> = command.iter().map(|word| (*word).to_owned()).collect();
    CommandSource { name: command[0].clone(), command, interval: Duration::from_secs(60), timeout }
}

const LONG: Duration = Duration::from_secs(60);

#[track_caller]
fn check(command: &[&str], timeout: Duration, expect: Result<&[u8], &str>) {
    let since = Instant::now();
    let ran = run_source(&source(command, timeout), None, &|| false);
    let printed = ran.printed.as_deref().map_err(String::as_str);
    assert_eq!(printed, expect, "{command:?} {:?}", ran.said);
    assert!(since.elapsed() < Duration::from_secs(30), "{command:?} {:?}", since.elapsed());
}

#[test]
fn what_a_program_prints() {
    let shell = |script: &str, expect| check(&["/bin/sh", "-c", script], LONG, expect);
    shell("printf x", Ok(b"x"));
    // There is nothing to read, and no shell but the one that is named.
    check(&["cat"], LONG, Ok(b""));
    check(&["printf", "%s", "$HOME; `a` *"], LONG, Ok(b"$HOME; `a` *"));
    shell("echo oops >&2; echo more >&2; exit 3", Err("ended with exit status: 3: oops"));
    shell("kill -9 $$", Err("ended with signal: 9 (SIGKILL)"));
    // What it leaves behind holds its pipes.
    shell("sleep 60 & printf x", Ok(b"x"));
    check(&["/nowhere/hosts"], LONG, Err("cannot be run: no such file or directory"));
    check(&["/"], LONG, Err("cannot be run: permission denied"));
}

#[test]
fn a_program_is_bounded() {
    let second = Duration::from_secs(1);
    let slow = "did not end within 1s, and was killed";
    check(&["sleep", "60"], second, Err(slow));
    check(&["/bin/sh", "-c", "exec >&- 2>&-; sleep 60"], second, Err(slow));
    check(&["/bin/sh", "-c", "trap '' TERM INT; sleep 60 & wait"], second, Err(slow));
    check(&["cat", "/dev/zero"], LONG, Err("prints more than 64 MiB, and was killed"));
    let script = ["/bin/sh", "-c", "yes | head -c 9999999 >&2"];
    let ran = run_source(&source(&script, LONG), None, &|| false);
    assert_eq!((ran.printed, ran.said), (Ok(Vec::new()), vec!["y".to_owned(); 10]));
}

/// All that it started goes with it.
#[test]
fn what_a_program_starts_ends_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pid");
    let script = format!("sleep 600 & echo $! > {}; wait", file.display());
    let ran = run_source(&source(&["/bin/sh", "-c", &script], LONG), None, &|| {
        fs::read_to_string(&file).is_ok_and(|pid| pid.ends_with('\n'))
    });
    assert_eq!(ran.printed, Err("was killed, since netboot ends".to_owned()));
    let pid = fs::read_to_string(&file).unwrap();
    let status = format!("/proc/{}/stat", pid.trim());
    let since = Instant::now();
    // A zombie, until somebody waits for it.
    while fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(since.elapsed() < Duration::from_secs(10), "it runs on");
        std::thread::yield_now();
    }
}
