//! JSONP, for clients that can only load scripts and submit forms: an answer is a script that calls the client's
//! callback with the payload, and a request's content is a form with the payload in its field `d`.

use bytes::Bytes;

use super::form::fields;
use super::payload::Malformed;

/// Which of the client's callbacks is to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// Digits alone, perhaps none: nothing else of the client's gets into a script.
    index: String,
}

impl Callback {
    /// The callback of this index; what is no digit of it is ignored.
    #[must_use]
    pub fn of(index: &str) -> Self {
        let index = index.chars().filter(char::is_ascii_digit).collect();
        Self { index }
    }

    /// The script that hands over a payload of text. It is sent as such a payload is, as `text/plain`: whoever adds
    /// `X-Content-Type-Options: nosniff` to that keeps browsers from running it.
    #[must_use]
    pub fn script(&self, payload: &[u8]) -> Bytes {
        let payload = String::from_utf8_lossy(payload);
        // Any string can be said in JSON.
        let json = serde_json::to_string(&payload).unwrap_or_default();
        let mut script = String::with_capacity(json.len() + self.index.len() + 16);
        script.push_str("___eio[");
        script.push_str(&self.index);
        script.push_str("](");
        push_script(&mut script, &json);
        script.push_str(");");
        script.into()
    }
}

/// Appends JSON as JavaScript, whose strings could not hold all the line ends that JSON's can (before ECMAScript 2019).
fn push_script(script: &mut String, json: &str) {
    for line in json.split_inclusive(['\u{2028}', '\u{2029}']) {
        if let Some(line) = line.strip_suffix('\u{2028}') {
            script.push_str(line);
            script.push_str("\\u2028");
        } else if let Some(line) = line.strip_suffix('\u{2029}') {
            script.push_str(line);
            script.push_str("\\u2029");
        } else {
            script.push_str(line);
        }
    }
}

/// The payload in a request's content.
///
/// # Errors
/// The content is not text, or there is not one field `d` in it.
pub fn payload(content: &[u8]) -> Result<Bytes, Malformed> {
    let content =
        std::str::from_utf8(content).map_err(|_| Malformed("the form is not in UTF-8"))?;
    let mut found = fields(content).filter(|field| field.key == "d");
    match (found.next(), found.next()) {
        (Some(field), None) => Ok(unescaped(&field.value()).into()),
        (None, _) => Err(Malformed("the form has no payload")),
        _ => Err(Malformed("the form has more than one payload")),
    }
}

/// Undoes what keeps line ends unchanged by browsers: a line end is sent as `\n`, and what was `\n` has one more
/// backslash.
fn unescaped(value: &str) -> String {
    let mut payload = String::with_capacity(value.len());
    for piece in value.split_inclusive('n') {
        match piece.strip_suffix("\\n") {
            Some(before) if before.ends_with('\\') => {
                payload.push_str(before);
                payload.push('n');
            }
            Some(before) => {
                payload.push_str(before);
                payload.push('\n');
            }
            None => payload.push_str(piece),
        }
    }
    payload
}

#[cfg(test)]
mod tests;
