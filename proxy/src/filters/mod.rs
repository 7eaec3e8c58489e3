//! What a route does with a request before a backend sees it: whose pages may come, who may, where else it leads, and
//! which path the backend sees. All of it holds for plain requests, for WebSockets and for the fallback's alike.

mod basic;
mod forward_auth;
mod identity;
mod inspect;
mod redirect;
mod rewrite;
mod users;

use std::sync::Arc;

use http::HeaderMap;
use pingora::Result;
use pingora::proxy::Session;
use towpath_conf::Config;
use towpath_fallback::Origins;

use crate::answer::{Refusal, Reply};
use crate::fallback::origins;
use crate::gateway::{Exchange, refuse};
use crate::snapshot::FilesError;
use crate::tls::FileError;
use crate::upstream::Group;
use basic::Basic;
use forward_auth::ForwardAuth;
pub(crate) use identity::Identity;
pub(crate) use inspect::{inspect, watched};
pub(crate) use redirect::Redirect;
pub(crate) use rewrite::Rewrite;
pub(crate) use users::UsersError;

/// The filters of a route.
#[derive(Debug)]
pub(crate) struct Filters {
    pub(crate) redirect: Option<Redirect>,
    pub(crate) rewrite: Rewrite,
    pub(crate) compression: bool,
    origins: Origins,
    basic: Option<Basic>,
    forward: Option<ForwardAuth>,
}

/// What came of asking who somebody is.
pub(crate) enum Verdict {
    /// This is what the backend is to know.
    Pass(Identity),
    /// This is what the client is to hear.
    Answer(Refusal, Reply),
    /// Nobody could say.
    Refuse(Refusal),
}

impl Filters {
    /// What `route` says. `group` gives the running group of an upstream.
    ///
    /// # Errors
    /// A file that it names is no use.
    pub(crate) fn new(
        route: &towpath_conf::Route,
        config: &Config,
        group: &mut dyn FnMut(&str) -> std::result::Result<Arc<Group>, FileError>,
    ) -> std::result::Result<Self, FilesError> {
        let basic = route.auth.basic.as_ref().map(Basic::new).transpose()?;
        let forward = route.auth.forward.as_ref();
        let forward = forward.map(|conf| {
            let group = group(&conf.upstream)?;
            Ok::<_, FilesError>(ForwardAuth::new(conf, config, group))
        });
        Ok(Self {
            redirect: route.redirect.as_ref().map(Redirect::new),
            rewrite: Rewrite::new(&route.rewrite),
            compression: route.compression,
            origins: origins(&route.origins),
            basic,
            forward: forward.transpose()?,
        })
    }

    /// Whether a WebSocket of this request's page may come (RFC 6455 §10.2).
    pub(crate) fn check_origin(
        &self,
        headers: &HeaderMap,
        own: impl FnOnce() -> String,
    ) -> std::result::Result<(), Refusal> {
        if matches!(self.origins, Origins::Upstream) {
            return Ok(());
        }
        let origin = headers.get(http::header::ORIGIN);
        let origin = origin.map(|origin| String::from_utf8_lossy(origin.as_bytes()));
        match self.origins.allow(&origin.unwrap_or_default(), &own()) {
            true => Ok(()),
            false => Err(Refusal::OriginDenied),
        }
    }

    /// Whether the route wants to know who the client is.
    pub(crate) fn ask_who(&self) -> bool {
        self.basic.is_some() || self.forward.is_some()
    }

    /// Finds out who the client is, where the route wants to know. `false`: it was answered.
    pub(crate) async fn authorize(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<bool> {
        let mut identity = Identity::default();
        if let Some(basic) = &self.basic {
            match basic.judge(session.req_header()).await {
                Verdict::Pass(known) => identity.join(known),
                other => return reject(session, exchange, other).await,
            }
        }
        if let Some(forward) = &self.forward {
            let (client, trace) = (exchange.client.clone(), exchange.trace.as_deref());
            match Box::pin(forward.judge(session.req_header(), &client, trace)).await {
                Verdict::Pass(known) => identity.join(known),
                other => return reject(session, exchange, other).await,
            }
        }
        if !identity.is_empty() {
            exchange.client.identity = Some(Arc::new(identity));
        }
        Ok(true)
    }
}

async fn reject(session: &mut Session, exchange: &mut Exchange, verdict: Verdict) -> Result<bool> {
    match verdict {
        Verdict::Pass(_) => return Ok(true),
        Verdict::Refuse(refusal) => {
            refuse(session, exchange, refusal).await?;
        }
        Verdict::Answer(refusal, reply) => {
            exchange.refused(refusal);
            let sent = reply.send(&mut session.downstream_session).await;
            sent.map_err(|e| e.into_down())?;
        }
    }
    Ok(false)
}
