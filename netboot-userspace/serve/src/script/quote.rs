//! Words and texts as an iPXE script may have them.
//!
//! iPXE expands `${...}`, splits a line at blanks and takes `&&`, `||` and `;` for operators and what
//! begins with `#` for a comment. It has no quotes: a value with a blank is two.

use super::ScriptError;

/// The value, if iPXE reads it as one word.
///
/// # Errors
/// The value has blanks, control characters or is an operator.
pub(super) fn word<'a>(field: &'static str, value: &'a str) -> Result<&'a str, ScriptError> {
    let error = |why| ScriptError { field, why };
    if value.is_empty() {
        return Err(error("is empty"));
    }
    if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(error("has a blank or a control character"));
    }
    if matches!(value, "&&" | "||" | ";") || value.starts_with('#') {
        return Err(error("is an operator or a comment to iPXE"));
    }
    Ok(value)
}

/// The words of a value between blanks.
///
/// # Errors
/// As for [`word`]; a line break does not count as a blank.
pub(super) fn words<'a>(field: &'static str, value: &'a str) -> Result<Vec<&'a str>, ScriptError> {
    value.split([' ', '\t']).filter(|part| !part.is_empty()).map(|part| word(field, part)).collect()
}

/// A text to be shown: what could mean anything to iPXE becomes `?`.
pub(super) fn shown(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || " .,:!?'-_/=()[]@+%`".contains(c);
    text.chars().map(|c| if harmless(c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expect: bool) {
        assert_eq!(word("x", value).is_ok(), expect, "{value:?}");
    }

    #[test]
    fn one_word() {
        check("http://192.168.2.112:8080/a%20b?c=d&e=f", true);
        check("${net0/mac}", true);
        check("a;b&&c", true);
        check("dyndbg=\"x\"", true);

        check("", false);
        check("a b", false);
        check("a\nchain http://evil/", false);
        check("a\rb", false);
        check("a\tb", false);
        check("a\0b", false);
        check("a\u{a0}b", false);
        check("&&", false);
        check("||", false);
        check(";", false);
        check("#x", false);
    }

    #[test]
    fn several_words() {
        assert_eq!(words("x", " a=1  b=2\tc").unwrap(), ["a=1", "b=2", "c"]);
        assert!(words("x", "").unwrap().is_empty());
        assert!(words("x", "a && reboot").is_err());
        assert!(words("x", "a\nreboot").is_err());
    }

    #[test]
    fn shown_text() {
        assert_eq!(shown("web-1 (10.0.0.1)"), "web-1 (10.0.0.1)");
        assert_eq!(shown("a && b\n${c}; #d"), "a ?? b???c?? ?d");
    }
}
