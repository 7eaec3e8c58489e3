//! Header changes of a route, made ready once so that applying them cannot fail on a bad name.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use towpath_conf::HeaderChanges;

use crate::fields::Fields;

/// Changes to the fields of a request or a response; removed first, then set, then added.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    remove: Vec<HeaderName>,
    /// Names as the operator spells them: HTTP/1.1 backends exist that care.
    set: Vec<(Bytes, HeaderValue)>,
    add: Vec<(Bytes, HeaderValue)>,
}

impl Changes {
    /// Names and values were checked when the configuration was loaded.
    pub(crate) fn new(conf: &HeaderChanges) -> Self {
        let pair = |(name, value): (&String, &String)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
            Some((Bytes::from(name.clone()), value))
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

    /// Changes a message's fields.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use pingora::http::RequestHeader;

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
