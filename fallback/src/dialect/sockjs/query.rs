//! The query of a request: what is SockJS's own in it, and what is the application's.

/// The longest name of a callback.
const MAX_CALLBACK: usize = 32;

/// Why a request for scripts cannot be answered; the text is the protocol's.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum NoCallback {
    #[error("\"callback\" parameter required")]
    Missing,
    #[error("invalid \"callback\" parameter")]
    Invalid,
}

/// The function that a request wants to be called.
pub(super) fn callback(query: &str) -> Result<String, NoCallback> {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let (_, callback) = parameters
        .find(|(name, value)| is_callback(name) && !value.is_empty())
        .ok_or(NoCallback::Missing)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if callback.len() > MAX_CALLBACK || !callback.bytes().all(plain) {
        return Err(NoCallback::Invalid);
    }
    Ok(callback.into_owned())
}

/// The application's part of a query, byte for byte. SockJS's own are the callback, and a clock's time at the end that
/// keeps caches away.
pub(super) fn of_application(query: &str, has_callback: bool) -> String {
    let mut parameters: Vec<&str> = query.split('&').collect();
    if has_callback {
        parameters.retain(|parameter| {
            let name = parameter.split('=').next().unwrap_or_default();
            !is_callback(name)
        });
    }
    let is_time = |parameter: &&&str| {
        parameter
            .strip_prefix("t=")
            .is_some_and(|time| !time.is_empty() && time.bytes().all(|b| b.is_ascii_digit()))
    };
    if parameters.last().filter(|last| is_time(last)).is_some() {
        parameters.pop();
    }
    parameters.join("&")
}

fn is_callback(name: &str) -> bool {
    matches!(name, "c" | "callback")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_a_name() {
        for (query, expected) in [
            ("c=%63allback", Ok("callback".to_owned())),
            ("callback=_jp.a-b0&t=1", Ok("_jp.a-b0".to_owned())),
            ("", Err(NoCallback::Missing)),
            ("c=", Err(NoCallback::Missing)),
            ("d=x", Err(NoCallback::Missing)),
            ("c=%20", Err(NoCallback::Invalid)),
            ("c=*", Err(NoCallback::Invalid)),
            ("c=abc(", Err(NoCallback::Invalid)),
            ("c=abc%28", Err(NoCallback::Invalid)),
            (
                "c=a23456789012345678901234567890123",
                Err(NoCallback::Invalid),
            ),
        ] {
            assert_eq!(callback(query), expected, "{query}");
        }
    }

    #[test]
    fn the_applications_part_is_left_as_it_was() {
        for (query, has_callback, expected) in [
            ("", false, ""),
            ("t=1700000000000", false, ""),
            ("token=a%20b&t=17", false, "token=a%20b"),
            ("t=5&room=1", false, "t=5&room=1"),
            ("room=1&t=now", false, "room=1&t=now"),
            ("c=x&token=1&t=3", true, "token=1"),
            ("c=x", false, "c=x"),
        ] {
            assert_eq!(of_application(query, has_callback), expected, "{query}");
        }
    }
}
