//! systemd, as far as a service speaks to it: the socket of `NOTIFY_SOCKET` (sd_notify(3)).

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg, sockopt::set_socket_passcred,
};
use tempfile::TempDir;
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::sync::watch;

use crate::within;

/// Hears what processes say of a service, in the order in which it came.
#[derive(Debug)]
pub struct ServiceManager {
    notices: watch::Receiver<Vec<Notice>>,
    /// How many the story has heard.
    heard: usize,
    directory: TempDir,
}

/// What a process has said.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The process, as the kernel says.
    pub pid: u32,
    text: String,
}

impl Notice {
    /// The value of a key that it sets.
    pub fn value(&self, key: &str) -> Option<&str> {
        let mut lines = self.text.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    }
}

impl ServiceManager {
    /// One that listens.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        set_socket_passcred(&socket, true).unwrap();
        let (sender, notices) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok(notice) = receive(&socket).await {
                sender.send_modify(|notices| notices.push(notice));
            }
        });
        Self {
            notices,
            heard: 0,
            directory,
        }
    }

    /// Where a service finds it.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("notify")
    }

    /// A directory for the service, which is gone with this.
    pub fn runtime_directory(&self) -> &Path {
        self.directory.path()
    }

    /// The next notice that sets `key`, and is `wanted`; those before it are passed over.
    pub async fn hears(&mut self, key: &str, wanted: impl Fn(&Notice) -> bool) -> Notice {
        loop {
            let notice = self.next(key).await;
            if notice.value(key).is_some() && wanted(&notice) {
                return notice;
            }
        }
    }

    /// The next notice, whatever it is; `why` it is waited for.
    pub async fn next(&mut self, why: &str) -> Notice {
        let heard = self.heard;
        let more = self.notices.wait_for(|notices| notices.len() > heard);
        let notices = within(format!("systemd is told {why}"), more)
            .await
            .unwrap();
        self.heard += 1;
        notices[heard].clone()
    }
}

async fn receive(socket: &UnixDatagram) -> io::Result<Notice> {
    socket.async_io(Interest::READABLE, || read(socket)).await
}

fn read(socket: &UnixDatagram) -> io::Result<Notice> {
    let mut text = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut text)];
    let received = recvmsg(socket, &mut parts, &mut ancillary, RecvFlags::DONTWAIT)?;
    let pid = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmCredentials(of) => Some(of.pid.as_raw_nonzero().get()),
        _ => None,
    });
    Ok(Notice {
        pid: pid.expect("the kernel says who").try_into().unwrap(),
        text: String::from_utf8_lossy(&text[..received.bytes]).into_owned(),
    })
}
