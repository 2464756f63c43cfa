//! Tests of the import from dhcpd.

use std::path::Path;

use super::{
    condition::condition,
    lexer::{Token, tokens},
    names::Names,
};
use crate::import::files::FileText;

fn text(text: &str) -> FileText {
    FileText { file: Path::new("a").into(), text: text.to_owned(), depth: 0 }
}

#[test]
fn strings_and_signs() {
    let check = |from: &str, expect: Result<&[&str], &str>| {
        let found = tokens(&text(from));
        let found = found.map(|tokens| {
            let shown = |token: &super::lexer::PlacedToken| match &token.token {
                Token::Text(bytes) => format!("{bytes:?}"),
                _ => token.shown(),
            };
            tokens.iter().map(shown).collect::<Vec<_>>()
        });
        let expect = expect.map(|words| words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(
            found.map_err(|problem| problem.to_string()),
            expect.map_err(str::to_owned),
            "{from}"
        );
    };
    check("", Ok(&[]));
    check("host a-1.b { } # comment", Ok(&["host", "a-1.b", "{", "}"]));
    check("x 00:1a,10.0.0.1;", Ok(&["x", "00:1a", ",", "10.0.0.1", ";"]));
    check(r#""a\"\\\n\t""#, Ok(&["[97, 34, 92, 10, 9]"]));
    check(r#""\x0a\12\0a\x""#, Ok(&["[10, 10, 0, 97, 0]"]));
    check("\n\"a", Err("a:2: the string that begins here is not closed: a quote (\") is missing"));
    check("\"a\\", Err("a:1: the string that begins here is not closed: a quote (\") is missing"));
    check("\u{1}", Err("a:1: '\\u{1}' is no character of a configuration"));
}

#[test]
fn conditions() {
    let check = |from: &str, expect: &str| {
        let found = condition(&tokens(&text(from)).unwrap(), &Names::default());
        assert_eq!(format!("{:?}", found.0), expect, "{from}");
    };
    check("option pxe-system-type = 00:07", "[[Arch(7)]]");
    check(
        "option pxe-system-type = 00:07 or option pxe-system-type = 00:09",
        "[[Arch(7)], [Arch(9)]]",
    );
    check("exists user-class and option user-class = \"iPXE\"", "[[Has(77), Class(\"iPXE\")]]");
    check("not (option user-class = \"iPXE\")", "[[Not(Class(\"iPXE\"))]]");
    check("option user-class != \"iPXE\"", "[[Not(Class(\"iPXE\"))]]");
    check("substring(option user-class, 1, 10) = \"Tinkerbell\"", "[[Class(\"Tinkerbell\")]]");
    check("option user-class = \"\\012Tinkerbell\"", "[[Class(\"Tinkerbell\")]]");
    check(
        "substring (option vendor-class-identifier, 0, 9) = \"PXEClient\"",
        "[[Vendor(\"PXEClient\")]]",
    );
    check("(substring(option vendor-class-identifier, 15, 5)) = \"00009\"", "[[Arch(9)]]");
    check("exists ipxe.http", "[[Class(\"iPXE\")]]");
    check("known", "[[]]");
    check("hardware = 1:0", "[[Other(\"hardware = 1:0\")]]");
    check("option pxe-system-type =", "[[Other(\"option pxe-system-type =\")]]");
    let nested = "(".repeat(5000);
    check(
        &nested,
        &format!("[[Other({:?})]]", nested.chars().map(String::from).collect::<Vec<_>>().join(" ")),
    );
}
