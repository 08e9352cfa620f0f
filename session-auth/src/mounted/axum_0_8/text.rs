//! The grammar of `{:?}`: text that `fmt::DebugStruct` and its siblings print, as a tree.
//!
//! Only what axum's router prints is taken: named structs and tuples, bare names, maps, strings,
//! byte strings and numbers. Lists are not, nor is the `{:#?}` form. Each byte is looked at a
//! bounded number of times, and the recursion ends at [`MAX_DEPTH`].

use std::borrow::Cow;
use std::rc::Rc;

use crate::mounted::unreadable::Unreadable;

/// A router's own text is eight deep, whatever it nests.
const MAX_DEPTH: usize = 24;

/// Some 400 bytes a route: enough for 600,000 of them.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// The most values of a map that are kept for others of the same text. The routes of a router have few: one
/// for each set of methods.
const MAX_KEPT: usize = 32;

/// A value, and the byte at which it starts.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) at: usize,
    pub(super) value: Value<'a>,
}

#[derive(Debug)]
pub(super) enum Value<'a> {
    /// `Name`
    Name(&'a str),
    /// `Name { key: value, .. }`
    Struct(&'a str, Vec<(&'a str, Node<'a>)>),
    /// `Name(value, ..)`
    Tuple(&'a str, Vec<Node<'a>>),
    /// `{key: value, ..}`. Values of one text are one node, which is where the first of them is.
    Map(Vec<(Node<'a>, Rc<Node<'a>>)>),
    /// `"text"`
    Text(Cow<'a, str>),
    /// `b"text"`
    Bytes(Vec<u8>),
    /// `7`
    Number(u64),
}

impl Value<'_> {
    /// What it is, for an error.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Name(name) => format!("`{name}`"),
            Self::Struct(name, _) => format!("the struct `{name}`"),
            Self::Tuple(name, _) => format!("`{name}(..)`"),
            Self::Map(_) => "a map".into(),
            Self::Text(_) => "a string".into(),
            Self::Bytes(_) => "a byte string".into(),
            Self::Number(number) => format!("the number {number}"),
        }
    }
}

/// Parses all of `text` as one value.
pub(super) fn parse(text: &str) -> Result<Node<'_>, Unreadable> {
    if text.len() > MAX_BYTES {
        return Err(Unreadable::new(
            text,
            0,
            format!("{} bytes of text, more than {MAX_BYTES}", text.len()),
        ));
    }
    let mut parser = Parser {
        text,
        at: 0,
        kept: Vec::new(),
    };
    let root = parser.value(0)?;
    if parser.at < text.len() {
        return Err(parser.unexpected("the end"));
    }
    Ok(root)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Values of maps, each behind its text.
    kept: Vec<(&'a str, Rc<Node<'a>>)>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        // `at` only moves over whole characters.
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), Unreadable> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{token}`")))
        }
    }

    fn unexpected(&self, wanted: &str) -> Unreadable {
        let met = match self.rest().chars().next() {
            Some(char) => format!("{char:?} where {wanted} belongs"),
            None => format!("the end where {wanted} belongs"),
        };
        Unreadable::new(self.text, self.at, met)
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, Unreadable> {
        let at = self.at;
        if depth > MAX_DEPTH {
            let met = format!("more than {MAX_DEPTH} values inside each other");
            return Err(Unreadable::new(self.text, at, met));
        }
        let value = match self.rest().bytes().next() {
            Some(b'{') => self.map(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'0'..=b'9') => self.number()?,
            Some(b'b') if self.rest().starts_with("b\"") => self.bytes()?,
            Some(first) if first.is_ascii_alphabetic() => self.named(depth)?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node { at, value })
    }

    fn name(&mut self) -> Result<&'a str, Unreadable> {
        let rest = self.rest();
        let end = rest
            .bytes()
            .position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_')
            .unwrap_or(rest.len());
        if end == 0 {
            return Err(self.unexpected("a name"));
        }
        self.at += end;
        Ok(&rest[..end])
    }

    fn named(&mut self, depth: usize) -> Result<Value<'a>, Unreadable> {
        let name = self.name()?;
        if self.take(" { ") {
            let mut fields = Vec::new();
            loop {
                let key = self.name()?;
                self.expect(": ")?;
                fields.push((key, self.value(depth + 1)?));
                if !self.take(", ") {
                    break;
                }
            }
            self.expect(" }")?;
            return Ok(Value::Struct(name, fields));
        }
        if self.take("(") {
            let mut items = Vec::new();
            loop {
                items.push(self.value(depth + 1)?);
                if !self.take(", ") {
                    break;
                }
            }
            self.expect(")")?;
            return Ok(Value::Tuple(name, items));
        }
        Ok(Value::Name(name))
    }

    fn map(&mut self, depth: usize) -> Result<Value<'a>, Unreadable> {
        self.expect("{")?;
        let mut entries = Vec::new();
        if self.take("}") {
            return Ok(Value::Map(entries));
        }
        loop {
            let key = self.value(depth + 1)?;
            self.expect(": ")?;
            entries.push((key, self.map_value(depth + 1)?));
            if !self.take(", ") {
                break;
            }
        }
        self.expect("}")?;
        Ok(Value::Map(entries))
    }

    /// A value that may stand there a thousand times in the same words.
    fn map_value(&mut self, depth: usize) -> Result<Rc<Node<'a>>, Unreadable> {
        let rest = self.rest();
        if let Some((text, node)) = self.kept.iter().find(|(text, _)| rest.starts_with(text)) {
            self.at += text.len();
            return Ok(Rc::clone(node));
        }
        let node = Rc::new(self.value(depth)?);
        let text = &rest[..self.at - node.at];
        // What ends with its own parenthesis ends there whatever follows.
        if matches!(node.value, Value::Tuple(..)) && self.kept.len() < MAX_KEPT {
            self.kept.push((text, Rc::clone(&node)));
        }
        Ok(node)
    }

    fn number(&mut self) -> Result<Value<'a>, Unreadable> {
        let start = self.at;
        let digits = self.name()?;
        digits
            .parse()
            .map(Value::Number)
            .map_err(|_| Unreadable::new(self.text, start, format!("the number `{digits}`")))
    }

    /// A string as `str`'s `Debug` writes it. Borrowed where nothing is escaped.
    fn string(&mut self) -> Result<Cow<'a, str>, Unreadable> {
        self.expect("\"")?;
        let rest = self.rest();
        let plain = rest.find(['"', '\\']).unwrap_or(rest.len());
        self.at += plain;
        let mut out = Cow::Borrowed(&rest[..plain]);
        loop {
            let start = self.at;
            let mut chars = self.rest().chars();
            match chars.next() {
                Some('"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some('\\') => {
                    let escaped = self.escape()?;
                    out.to_mut().push(escaped);
                }
                Some(char) => {
                    self.at += char.len_utf8();
                    out.to_mut().push(char);
                }
                None => {
                    return Err(Unreadable::new(
                        self.text,
                        start,
                        "a string without its end",
                    ));
                }
            }
        }
    }

    /// `\n`, `\"`, `\u{1f600}`: what `char::escape_debug` makes.
    fn escape(&mut self) -> Result<char, Unreadable> {
        let start = self.at;
        let unknown = |parser: &Self| {
            let shown = parser.text.get(start..parser.at).unwrap_or("\\");
            Unreadable::new(
                parser.text,
                start,
                format!("the escape `{shown}` in a string"),
            )
        };
        self.expect("\\")?;
        if self.take("u{") {
            let digits = self.name()?;
            self.expect("}")?;
            // Six digits reach the last character; more would let a `u32` overflow.
            return (digits.len() <= 6)
                .then(|| u32::from_str_radix(digits, 16).ok())
                .flatten()
                .and_then(char::from_u32)
                .ok_or_else(|| unknown(self));
        }
        let Some(char) = self.rest().chars().next() else {
            return Err(unknown(self));
        };
        self.at += char.len_utf8();
        simple_escape(char).ok_or_else(|| unknown(self))
    }

    /// A byte string as `bytes` writes it: ASCII, the rest as `\x..`.
    fn bytes(&mut self) -> Result<Value<'a>, Unreadable> {
        self.expect("b\"")?;
        let mut out = Vec::new();
        loop {
            let start = self.at;
            let unknown = || {
                Unreadable::new(
                    self.text,
                    start,
                    "an escape or byte that no byte string has",
                )
            };
            match self.rest().bytes().next() {
                None => {
                    return Err(Unreadable::new(
                        self.text,
                        start,
                        "a byte string without its end",
                    ));
                }
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Value::Bytes(out));
                }
                Some(b'\\') => {
                    let rest = &self.rest()[1..];
                    if let Some(hex) = rest.strip_prefix('x') {
                        let digits = hex.get(..2).ok_or_else(unknown)?;
                        let byte = u8::from_str_radix(digits, 16).map_err(|_| unknown())?;
                        out.push(byte);
                        self.at += 4;
                    } else {
                        let char = rest
                            .chars()
                            .next()
                            .and_then(simple_escape)
                            .ok_or_else(unknown)?;
                        out.push(u8::try_from(char).map_err(|_| unknown())?);
                        self.at += 2;
                    }
                }
                Some(byte) if byte.is_ascii() => {
                    out.push(byte);
                    self.at += 1;
                }
                Some(_) => return Err(unknown()),
            }
        }
    }
}

fn simple_escape(char: char) -> Option<char> {
    Some(match char {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => '\0',
        '\\' | '"' | '\'' => char,
        _ => return None,
    })
}
