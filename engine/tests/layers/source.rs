//! Rust source as words and marks, without comments, literals and tests.

/// A word or a mark of the source, with its line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

/// The source without comments and literals.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let word = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric() || byte >= 128;
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while at < bytes.len() {
        let start = at;
        let rest = &bytes[at..];
        if rest.starts_with(b"//") {
            at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        } else if rest.starts_with(b"/*") {
            at += comment_length(rest);
        } else if let Some(length) = literal_length(rest) {
            at += length;
        } else if word(bytes[at]) {
            at += rest.iter().position(|byte| !word(*byte)).unwrap_or(rest.len());
            found.push(Token { text: &text[start..at], line });
        } else if rest.starts_with(b"::") {
            at += 2;
            found.push(Token { text: "::", line });
        } else {
            at += 1;
            if !bytes[start].is_ascii_whitespace() {
                found.push(Token { text: &text[start..at], line });
            }
        }
        line += bytes[start..at].iter().filter(|byte| **byte == b'\n').count();
    }
    found
}

/// Length of the block comment that `rest` starts with; they nest.
fn comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Length of the string or character that `rest` starts with.
fn literal_length(rest: &[u8]) -> Option<usize> {
    let prefix = rest.iter().take_while(|byte| matches!(byte, b'b' | b'c' | b'r')).count();
    let raw = rest[..prefix].ends_with(b"r") && prefix <= 2;
    let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    if raw && rest.get(prefix + hashes) == Some(&b'"') {
        let end: Vec<u8> = [b'"'].into_iter().chain(vec![b'#'; hashes]).collect();
        let body = prefix + hashes + 1;
        let close = rest[body..].windows(end.len()).position(|window| window == end);
        return Some(close.map_or(rest.len(), |close| body + close + end.len()));
    }
    let prefix = prefix.min(1);
    let quote = *rest.get(prefix)?;
    // A lone quote before a word is a lifetime unless another closes it after one character.
    let one_character = || {
        let closed = rest[prefix + 1..].iter().skip(1).take(4).position(|byte| *byte == b'\'')?;
        let text = std::str::from_utf8(&rest[prefix + 1..prefix + 2 + closed]).ok()?;
        (rest[prefix + 1] == b'\\' || text.chars().count() == 1).then_some(())
    };
    if quote != b'"'
        && (quote != b'\'' || (rest.get(prefix + 1) != Some(&b'\\') && one_character().is_none()))
    {
        return None;
    }
    let mut at = prefix + 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    Some((at + 1).min(rest.len()))
}

/// `all` without what stands behind `#[cfg(test)]`, up to the end of that item.
pub(crate) fn without_tests<'a>(all: &[Token<'a>]) -> Vec<Token<'a>> {
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < all.len() {
        let is_test = all.len() - at >= mark.len()
            && all[at..].iter().zip(mark).all(|(token, mark)| token.text == mark);
        if !is_test {
            kept.push(all[at]);
            at += 1;
            continue;
        }
        let mut depth = 0;
        at += mark.len();
        while at < all.len() {
            match all[at].text {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 && matches!(all[at - 1].text, "}" | ";") {
                break;
            }
        }
    }
    kept
}
