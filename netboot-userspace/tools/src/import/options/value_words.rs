//! The value of an option, written as the words of a configuration.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use netboot_dhcp::{route::Route, shape::Shape, value::Value};

/// The bytes of the words.
pub(in crate::import) fn encode(shape: Shape, words: &[&str]) -> Result<Vec<u8>, String> {
    shape.encode(&value(shape, words)?).map_err(|error| error.to_string())
}

fn value(shape: Shape, words: &[&str]) -> Result<Value, String> {
    Ok(match shape {
        Shape::Address | Shape::Addresses | Shape::AddressPairs => {
            Value::Addresses(words.iter().map(|word| ip(word)).collect::<Result<_, _>>()?)
        }
        Shape::Text => Value::Text(words.join(",")),
        Shape::Names | Shape::SearchList => {
            Value::Names(words.iter().map(|word| (*word).to_owned()).collect())
        }
        Shape::Routes => Value::Routes(routes(words)?),
        Shape::Bytes => {
            let bytes = hex(&words.concat());
            Value::Bytes(bytes.ok_or_else(|| format!("{:?} is not hexadecimal", words.join(",")))?)
        }
        Shape::Bool
        | Shape::Number(_)
        | Shape::Numbers(_)
        | Shape::Seconds
        | Shape::MessageType => {
            let width = shape.width().unwrap_or_default();
            let numbers: Result<Vec<_>, _> = words.iter().map(|word| number(word, width)).collect();
            match (shape, &numbers?[..]) {
                (Shape::Bool, [number @ (0 | 1)]) => Value::Bool(*number == 1),
                (Shape::Bool, _) => {
                    return Err(format!("{:?} is neither on nor off", words.join(",")));
                }
                (Shape::Numbers(_), numbers) => Value::Numbers(numbers.to_vec()),
                (_, [number]) => Value::Number(*number),
                (_, numbers) => {
                    return Err(format!("it has {} numbers in place of one", numbers.len()));
                }
            }
        }
    })
}

/// By what the words look like, where nothing is known of the option.
pub(in crate::import) fn guess(words: &[&str]) -> Result<Vec<u8>, String> {
    if words.iter().all(|word| word.parse::<Ipv4Addr>().is_ok()) {
        return encode(Shape::Addresses, words);
    }
    if let [word] = words {
        if word.contains(':')
            && let Some(bytes) = hex(word)
        {
            return Ok(bytes);
        }
        if let Ok(number) = word.parse::<i64>() {
            let width = match number {
                0..=0xff => 1,
                0x100..=0xffff => 2,
                _ => 4,
            };
            return encode(Shape::Number(width), words);
        }
    }
    encode(Shape::Text, words)
}

fn ip(word: &str) -> Result<Ipv4Addr, String> {
    word.parse().map_err(|_| format!("{word:?} is not an IPv4 address"))
}

/// A number of this many bytes; of one below zero its two's complement.
fn number(word: &str, width: usize) -> Result<u32, String> {
    let wrong = || format!("{word:?} is not a number of {width} bytes");
    let number = match word {
        "true" | "on" => 1,
        "false" | "off" => 0,
        _ => match word.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).map_err(|_| wrong())?,
            None => word.parse::<i64>().map_err(|_| wrong())?,
        },
    };
    let bits = 8 * u32::try_from(width).unwrap_or(4);
    let range = -(1_i64 << (bits - 1))..1_i64 << bits;
    if !range.contains(&number) {
        return Err(wrong());
    }
    u32::try_from(number & ((1 << bits) - 1)).map_err(|_| wrong())
}

/// `10.0.0.0/8,10.0.0.1` and Kea's `10.0.0.0/8 - 10.0.0.1`
fn routes(words: &[&str]) -> Result<Vec<Route>, String> {
    let words: Vec<_> = words
        .iter()
        .flat_map(|word| word.split([' ', '-']))
        .filter(|word| !word.is_empty())
        .collect();
    let mut routes = Vec::new();
    for pair in words.chunks(2) {
        let [destination, router] = pair else {
            return Err(format!("a route to {} has no router", pair.concat()));
        };
        let wrong = || format!("{destination:?} is not a network");
        let network: Ipv4Net = match destination.parse() {
            Ok(network) => network,
            Err(_) => Ipv4Net::from(destination.parse::<Ipv4Addr>().map_err(|_| wrong())?),
        };
        routes.push((network, ip(router)?));
    }
    Ok(routes)
}

/// `0a:0b`, `a:b`, `0a0b`, `0x0a0b`, `0a 0b`
pub(in crate::import) fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let groups: Vec<&str> = text.split([':', ' ', '-']).collect();
    if groups.len() > 1 {
        let byte = |group: &&str| {
            let digits = group.bytes().all(|digit| digit.is_ascii_hexdigit());
            u8::from_str_radix(group, 16).ok().filter(|_| digits && group.len() <= 2)
        };
        return groups.iter().map(byte).collect();
    }
    if !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let digits = if text.len().is_multiple_of(2) { text.to_owned() } else { format!("0{text}") };
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_bytes() {
        let check = |shape, words: &[&str], expect: Option<&[u8]>| {
            assert_eq!(encode(shape, words).ok().as_deref(), expect, "{words:?}");
        };
        check(Shape::Addresses, &["10.0.0.1", "10.0.0.2"], Some(&[10, 0, 0, 1, 10, 0, 0, 2]));
        check(Shape::Addresses, &["ns1"], None);
        check(Shape::Text, &["a", "b"], Some(b"a,b"));
        check(Shape::Number(2), &["1500"], Some(&[5, 220]));
        check(Shape::Number(2), &["1500", "1400"], None);
        check(Shape::Numbers(2), &["1500", "0x100"], Some(&[5, 220, 1, 0]));
        check(Shape::Number(1), &["256"], None);
        check(Shape::Number(1), &["-1"], Some(&[255]));
        check(Shape::Number(4), &["-3600"], Some(&[255, 255, 241, 240]));
        check(Shape::Seconds, &["0x10"], Some(&[0, 0, 0, 16]));
        check(Shape::Bool, &["true"], Some(&[1]));
        check(Shape::Bool, &["off"], Some(&[0]));
        check(Shape::Bool, &["2"], None);
        check(Shape::Names, &["a.b"], Some(&[1, b'a', 1, b'b', 0]));
        check(Shape::Names, &["a..b"], None);
        check(Shape::Routes, &["10.0.0.0/8", "10.1.1.1"], Some(&[8, 10, 10, 1, 1, 1]));
        check(Shape::Routes, &["10.0.0.0/8 - 10.1.1.1"], Some(&[8, 10, 10, 1, 1, 1]));
        check(Shape::Routes, &["10.0.0.0/8"], None);
        check(Shape::Bytes, &["0a:b"], Some(&[10, 11]));
        check(Shape::Bytes, &["xyz"], None);
        check(Shape::Bytes, &["ü:a"], None);
        check(Shape::Bytes, &["üa"], None);
    }

    #[test]
    fn words_of_unknown_options() {
        let check = |word, expect: &[u8]| assert_eq!(guess(&[word]).unwrap(), expect, "{word}");
        check("1:2", &[1, 2]);
        check("300", &[1, 44]);
        check("10.0.0.1", &[10, 0, 0, 1]);
        check("text", b"text");
    }
}
