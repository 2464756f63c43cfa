//! Tests of the content of transfers.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use super::*;

fn bytes(content: &Content) -> Vec<u8> {
    let mut reader = ContentReader::new(content.clone());
    let mut bytes = Vec::new();
    futures_lite::future::block_on(futures_lite::AsyncReadExt::read_to_end(
        &mut reader,
        &mut bytes,
    ))
    .unwrap();
    bytes
}

/// Opens it again until it is in memory.
fn settled(contents: &Contents, path: &Path) -> Content {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let content = contents.of(File::open(path).unwrap()).unwrap();
        if matches!(content, Content::Memory(_)) {
            return content;
        }
        assert!(Instant::now() < deadline, "it is not read");
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_in_memory_once_until_it_changes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    let contents = Contents::default();
    fs::write(&path, "one").unwrap();
    let first = contents.of(File::open(&path).unwrap()).unwrap();
    let one = settled(&contents, &path);
    let is_same = |one: &Content, two: &Content| match (one, two) {
        (Content::Memory(one), Content::Memory(two)) => Arc::ptr_eq(one, two),
        _ => false,
    };
    assert!(is_same(&one, &settled(&contents, &path)));
    assert_eq!(first.bytes(), Some(&b"one"[..]), "who began before sends from memory, too");
    // As an operator replaces it, and as one who does not know better.
    fs::write(directory.path().join("new"), "two").unwrap();
    fs::rename(directory.path().join("new"), &path).unwrap();
    let two = settled(&contents, &path);
    fs::write(&path, "three").unwrap();
    let all = [one, two, settled(&contents, &path)];
    assert_eq!(all.map(|content| bytes(&content)), [&b"one"[..], b"two", b"three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_stay_on_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    let whole: Vec<u8> = (0..LARGEST as usize + 1).map(|at| at as u8).collect();
    fs::write(&path, &whole).unwrap();
    let contents = Contents::default();
    let content = contents.of(File::open(&path).unwrap()).unwrap();
    let Content::Disk(on_disk) = &content else { panic!("in memory") };
    let again = contents.of(File::open(&path).unwrap()).unwrap();
    assert!(matches!(again, Content::Disk(again) if Arc::ptr_eq(on_disk, &again)));
    let usage = &contents.0.usage;
    assert_eq!((usage.bytes.load(Relaxed), usage.open.load(Relaxed)), (0, 1));
    let mut buffer = [0; 1000];
    assert_eq!(on_disk.fetch(5000, 1000).unwrap(), whole[5000..6000]);
    on_disk.read_cached(&mut buffer, 5000).unwrap();
    assert_eq!(buffer, whole[5000..6000]);
    assert!(matches!(on_disk.read_cached(&mut buffer, LARGEST - 10), Err(UnreadBytes::Changed)));
    assert!(matches!(on_disk.fetch(LARGEST - 10, 1000), Err(UnreadBytes::Changed)));
    assert!(content.as_netascii().unwrap().is_none());
    fs::write(&path, &whole[1..]).unwrap();
    assert!(matches!(on_disk.read_cached(&mut buffer, 0), Err(UnreadBytes::Changed)));
    assert!(matches!(on_disk.fetch(0, 1000), Err(UnreadBytes::Changed)));
    drop(content);
    assert_eq!(usage.open.load(Relaxed), 0, "nobody reads it");
}

/// Also where all are in use, and asked for again and again.
#[tokio::test(flavor = "multi_thread")]
async fn memory_and_open_files_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let contents = Contents::default();
    let most = ROOM / LARGEST as usize;
    let path = |number: usize| directory.path().join(number.to_string());
    let mut used = Vec::new();
    for number in 0..most + 4 {
        fs::write(path(number), vec![0; LARGEST as usize]).unwrap();
        let content = contents.of(File::open(path(number)).unwrap()).unwrap();
        if number < most {
            used.push(settled(&contents, &path(number)));
        }
        used.push(content);
    }
    for _ in 0..3 {
        for number in 0..most + 4 {
            used.push(contents.of(File::open(path(number)).unwrap()).unwrap());
        }
    }
    let usage = &contents.0.usage;
    assert_eq!(usage.bytes.load(Relaxed), ROOM);
    let on_disk = used.iter().filter(|content| content.bytes().is_none());
    assert_eq!(on_disk.count(), 4 + 3 * 4);

    used.clear();
    for number in 0..MAX_OPEN + 10 {
        let path = path(1000 + number);
        let file = File::create(&path).unwrap();
        file.set_len(LARGEST + 1).unwrap();
        match contents.of(File::open(&path).unwrap()) {
            Ok(content) => used.push(content),
            Err(error) => assert!(error.to_string().contains("too many large files"), "{error}"),
        }
    }
    assert!(used.len() <= MAX_OPEN, "{} files are open", used.len());
    assert!(used.len() > MAX_OPEN / 2);

    // Small ones are read then, and are not open for longer than that.
    for number in 0..MAX_OPEN + 50 {
        let path = path(2000 + number);
        fs::write(&path, "small").unwrap();
        used.push(contents.of(File::open(&path).unwrap()).unwrap());
    }
    used.drain(..MAX_OPEN / 2 + 1);
    let deadline = Instant::now() + Duration::from_secs(10);
    while usage.open.load(Relaxed) > MAX_OPEN / 2 {
        assert!(Instant::now() < deadline, "{} are open", usage.open.load(Relaxed));
        std::thread::yield_now();
    }
}

#[test]
fn ends_of_lines() {
    let check = |text: &str, expect: &str| {
        assert_eq!(netascii(text.as_bytes()), expect.as_bytes(), "{text:?}");
    };
    check("", "");
    check("a\nb", "a\r\nb");
    check("a\r\nb\r", "a\r\0\r\nb\r\0");
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("x"), "\n\n").unwrap();
    let content = Contents::default().of(File::open(directory.path().join("x")).unwrap()).unwrap();
    let one = content.as_netascii().unwrap().unwrap();
    assert_eq!(bytes(&one), b"\r\n\r\n");
    let Content::Memory(one) = one else { panic!() };
    let Content::Memory(two) = content.as_netascii().unwrap().unwrap() else { panic!() };
    assert!(Arc::ptr_eq(&one, &two));
}

/// Two read the same file at once: whole, beside, and for who asks for a text.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_read_while_it_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    for round in 0..50 {
        fs::write(&path, vec![b'a'; 500_000 + round]).unwrap();
        let content = Contents::default().of(File::open(&path).unwrap()).unwrap();
        let text = content.as_netascii().unwrap().unwrap();
        assert_eq!(text.size(), 500_000 + round as u64);
    }
}
