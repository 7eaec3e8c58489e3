//! `towpath demo`: a chat server that knows nothing of Towpath, and Towpath in front of it.

use std::net::SocketAddr;
use std::process::ExitCode;

use towpath_conf::{AccessLog, Config, Level, Log, LogFormat};

use super::run::runtime;
use super::{FAILED, FORCED, fail, print};
use crate::demo::Demo;
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
    let demo = match Demo::bind().await {
        Ok(demo) => demo,
        Err(error) => return fail(&format_args!("cannot start the chat server: {error}")),
    };
    let text = configuration(address, demo.address());
    let config = match Config::from_text("demo", &text) {
        Ok(config) => config,
        Err(errors) => return fail(&errors),
    };
    let backend = demo.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let chat = tokio::spawn(demo.serve(async {
        let _ = stopped.await;
    }));
    let server = match Server::start(config, None).await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("{error}");
            return FAILED.into();
        }
    };
    let listening = server.addresses().next().unwrap_or(address);
    print(&welcome(listening, backend, &text));
    let end = server.run().await;
    let _ = stop.send(());
    let _ = chat.await;
    match end {
        End::Drained => ExitCode::SUCCESS,
        End::Forced => FORCED.into(),
    }
}

fn configuration(address: SocketAddr, backend: SocketAddr) -> String {
    format!(
        "listeners:\n  - address: \"{address}\"\nroutes:\n  - path: /\n    upstream: \"{backend}\"\n\
         drain:\n  spread: 1s\n  timeout: 5s\n"
    )
}

fn welcome(listening: SocketAddr, backend: SocketAddr, text: &str) -> String {
    let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "A chat is served at  http://{listening}/\n\
         Open it in two windows. Ctrl-C ends it.\n\n\
         Its WebSockets go through Towpath to a chat server on {backend}, with this configuration:\n\n\
         {indented}\n"
    )
}
