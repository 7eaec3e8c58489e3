//! What routes demand of connections, against what listeners can prove.

use super::Mistakes;
use crate::error::{Mistake, Path};
use crate::model::Config;
use crate::tls::ListenerTls;

/// A demand that no connection can meet shuts its route for good.
pub(super) fn check(found: &mut Mistakes, config: &Config, root: &Path) {
    let listeners = || config.listeners.iter();
    let any_tls = listeners().any(|listener| listener.tls.is_some());
    let asks = |tls: &ListenerTls| tls.client_certificates.is_some();
    let any_asks = listeners().any(|listener| listener.tls.as_ref().is_some_and(asks));
    for (index, route) in config.routes.iter().enumerate() {
        let path = root.key("routes").index(index).key("tls");
        let mut shut = |key, message| {
            let mistake = Mistake::new(path.key(key), message);
            found.push(mistake.because([root.key("listeners")]));
        };
        if route.tls.strict_sni && !any_tls {
            shut(
                "strict_sni",
                "no listener has `tls`, so no request can come in",
            );
        }
        if route.tls.client_certificate && !any_asks {
            let message = "no listener has `tls.client_certificates`, so no request can come in";
            shut("client_certificate", message);
        }
    }
}
