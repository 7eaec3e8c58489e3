//! Header changes of a route, made ready once so that applying them cannot fail on a bad name.

use http::{HeaderName, HeaderValue};
use pingora::http::{RequestHeader, ResponseHeader};
use towpath_conf::HeaderChanges;

/// Changes to the fields of a request or a response; removed first, then set, then added.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    remove: Vec<HeaderName>,
    /// Names as the operator spells them: HTTP/1.1 backends exist that care.
    set: Vec<(String, HeaderValue)>,
    add: Vec<(String, HeaderValue)>,
}

/// The header of a message, whichever way it goes.
pub(crate) trait Fields {
    /// Removes all lines of a field.
    fn remove(&mut self, name: &HeaderName);
    /// Replaces all lines of a field by one.
    fn set(&mut self, name: String, value: HeaderValue) -> pingora::Result<()>;
    /// Adds a line.
    fn add(&mut self, name: String, value: HeaderValue) -> pingora::Result<()>;
}

impl Changes {
    /// Names and values were checked when the configuration was loaded.
    pub(crate) fn new(conf: &HeaderChanges) -> Self {
        let pair = |(name, value): (&String, &String)| {
            Some((
                name.clone(),
                HeaderValue::from_bytes(value.as_bytes()).ok()?,
            ))
        };
        Self {
            remove: conf
                .remove
                .iter()
                .filter_map(|n| HeaderName::from_bytes(n.as_bytes()).ok())
                .collect(),
            set: conf.set.iter().filter_map(pair).collect(),
            add: conf.add.iter().filter_map(pair).collect(),
        }
    }

    /// Changes a header.
    pub(crate) fn apply(&self, header: &mut impl Fields) -> pingora::Result<()> {
        for name in &self.remove {
            header.remove(name);
        }
        for (name, value) in &self.set {
            header.set(name.clone(), value.clone())?;
        }
        for (name, value) in &self.add {
            header.add(name.clone(), value.clone())?;
        }
        Ok(())
    }
}

impl Fields for RequestHeader {
    fn remove(&mut self, name: &HeaderName) {
        self.remove_header(name);
    }

    fn set(&mut self, name: String, value: HeaderValue) -> pingora::Result<()> {
        self.insert_header(name, value)
    }

    fn add(&mut self, name: String, value: HeaderValue) -> pingora::Result<()> {
        self.append_header(name, value).map(drop)
    }
}

impl Fields for ResponseHeader {
    fn remove(&mut self, name: &HeaderName) {
        self.remove_header(name);
    }

    fn set(&mut self, name: String, value: HeaderValue) -> pingora::Result<()> {
        self.insert_header(name, value)
    }

    fn add(&mut self, name: String, value: HeaderValue) -> pingora::Result<()> {
        self.append_header(name, value).map(drop)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn remove_comes_first_then_set_then_add() {
        let conf = HeaderChanges {
            remove: vec!["x-a".into()],
            set: [("X-B".to_owned(), "new".to_owned())].into(),
            add: [("X-B".to_owned(), "more".to_owned())].into(),
        };
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        request.append_header("X-A", "1").unwrap();
        request.append_header("X-B", "old").unwrap();
        Changes::new(&conf).apply(&mut request).unwrap();
        assert!(!request.headers.contains_key("x-a"));
        let values: Vec<_> = request.headers.get_all("x-b").into_iter().collect();
        assert_eq!(values, ["new", "more"]);
    }
}
