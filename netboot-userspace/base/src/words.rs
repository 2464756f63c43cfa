//! The words that name the values of a type with few.

pub fn find_word<T: Copy>(text: &str, words: &[(T, &'static str)]) -> Result<T, String> {
    let found = words.iter().find(|(_, word)| *word == text);
    found.map(|(value, _)| *value).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(_, word)| format!("{word:?}")).collect();
        format!("{text:?} is not one of {}", words.join(", "))
    })
}
