//! `towpath demo`: a chat server that knows nothing of Towpath, Towpath in front of it, and in front of that a network
//! that can be told to block WebSockets.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::sync::Notify;
use towpath_conf::{AccessLog, Config, Level, Log, LogFormat};

use super::run::runtime;
use super::{FAILED, FORCED, fail, print};
use crate::demo::{Demo, Network};
use crate::generations::Inherited;
use crate::lifecycle::{End, Server};
use crate::observe::logging;

/// Serves the demo on `address` until told to stop.
pub(super) fn run(address: SocketAddr) -> ExitCode {
    let log = Log {
        level: Level::Warn,
        format: LogFormat::Text,
    };
    let _logging = logging::start(&log, AccessLog::Off);
    let runtime = match runtime(None) {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format_args!("cannot start threads: {error}")),
    };
    let code = runtime.block_on(serve(address));
    runtime.shutdown_background();
    code
}

async fn serve(address: SocketAddr) -> ExitCode {
    let network = match Network::bind(address).await {
        Ok(network) => network,
        Err(error) => return fail(&format_args!("cannot listen on {address}: {error}")),
    };
    let demo = match Demo::bind().await {
        Ok(demo) => demo,
        Err(error) => return fail(&format_args!("cannot start the chat server: {error}")),
    };
    let text = configuration(demo.address());
    let config = match Config::from_text("demo", &text) {
        Ok(config) => config,
        Err(errors) => return fail(&errors),
    };
    let server = match Server::start(config, None, Inherited::default()).await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("{error}");
            return FAILED.into();
        }
    };
    let Some(towpath) = server.addresses().next() else {
        return fail(&"no listener");
    };
    print(&welcome(network.address(), towpath, demo.address(), &text));
    let stop = Arc::new(Notify::new());
    let chat = tokio::spawn(demo.serve(stop.clone().notified_owned()));
    let network = tokio::spawn(network.carry(towpath, stop.clone().notified_owned()));
    let end = server.run().await;
    stop.notify_waiters();
    let _ = tokio::join!(network, chat);
    match end {
        End::Drained => ExitCode::SUCCESS,
        End::Forced => FORCED.into(),
    }
}

fn configuration(backend: SocketAddr) -> String {
    format!(
        "listeners:\n  - address: \"127.0.0.1:0\"\nroutes:\n  - path: /\n    upstream: \"{backend}\"\n\
         drain:\n  spread: 1s\n  timeout: 5s\n"
    )
}

fn welcome(browsers: SocketAddr, towpath: SocketAddr, backend: SocketAddr, text: &str) -> String {
    let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "A chat is served at  http://{browsers}/\n\
         Open it in two windows, and block WebSockets in one of them. Ctrl-C ends it.\n\n\
         Behind that address is a network that does to WebSockets what you choose in the page, then Towpath on\n\
         {towpath}, then a chat server on {backend}. Towpath has this configuration:\n\n\
         {indented}\n"
    )
}
