//! The options of a message, read as RFC 2131 and RFC 3396 say: by another hand than the responder's.

const SNAME: std::ops::Range<usize> = 44..108;
const FILE: std::ops::Range<usize> = 108..236;
const OPTIONS: usize = 240;

const PAD: u8 = 0;
const OVERLOAD: u8 = 52;
const END: u8 = 255;

/// Codes and values, in the order in which each code comes first; parts of one code are joined.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options(Vec<(u8, Vec<u8>)>);

/// How a field of options ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// With option 255; so many bytes were read with it.
    WithEnd(usize),
    /// With the field, perhaps in the middle of an option.
    Without,
}

impl Options {
    /// All options of a message.
    pub fn of(message: &[u8]) -> Self {
        let mut options = Self::default();
        options.read(message.get(OPTIONS..).unwrap_or_default());
        let [fields] = options.fixed(OVERLOAD).unwrap_or_default();
        if fields & 1 != 0 {
            options.read(message.get(FILE).unwrap_or_default());
        }
        if fields & 2 != 0 {
            options.read(message.get(SNAME).unwrap_or_default());
        }
        options
    }

    /// Reads one field more.
    pub fn read(&mut self, field: &[u8]) -> Ended {
        let mut rest = field;
        loop {
            match rest {
                [END, after @ ..] => return Ended::WithEnd(field.len() - after.len()),
                [PAD, after @ ..] => rest = after,
                [code, len, after @ ..] if after.len() >= usize::from(*len) => {
                    let (value, after) = after.split_at(usize::from(*len));
                    self.join(*code, value);
                    rest = after;
                }
                _ => return Ended::Without,
            }
        }
    }

    fn join(&mut self, code: u8, value: &[u8]) {
        match self.0.iter_mut().find(|(known, _)| *known == code) {
            Some((_, parts)) => parts.extend(value),
            None => self.0.push((code, value.to_vec())),
        }
    }

    /// An option's value.
    pub fn find(&self, code: u8) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| *known == code).map(|(_, value)| value.as_slice())
    }

    /// The value of an option that has `N` bytes.
    pub fn fixed<const N: usize>(&self, code: u8) -> Option<[u8; N]> {
        self.find(code)?.try_into().ok()
    }

    /// The codes in order.
    pub fn codes(&self) -> impl DoubleEndedIterator<Item = u8> {
        self.0.iter().map(|(code, _)| *code)
    }
}
