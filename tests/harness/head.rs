//! The head of an HTTP/1.1 message as it stood on the wire: order, spelling and repetition kept.

/// A start line and its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The request or status line.
    pub start: String,
    /// Names and values in their order.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// Reads `text`, which ends before or with the empty line.
    pub(crate) fn parse(text: &str) -> Self {
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let field = |line: &str| {
            let (name, value) = line
                .split_once(':')
                .unwrap_or_else(|| panic!("no field: {line:?}"));
            (name.to_owned(), value.trim().to_owned())
        };
        Self {
            start,
            fields: lines.map(field).collect(),
        }
    }

    /// The status code of a response.
    pub fn status(&self) -> u16 {
        let code = self
            .start
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok());
        code.unwrap_or_else(|| panic!("not a status line: {:?}", self.start))
    }

    /// The values of a field, whatever its spelling.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let named = self
            .fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a field that stands there once.
    pub fn value(&self, name: &str) -> Option<&str> {
        match self.values(name).as_slice() {
            [] => None,
            [value] => Some(value),
            several => panic!("{name} stands {} times in {self:?}", several.len()),
        }
    }
}
