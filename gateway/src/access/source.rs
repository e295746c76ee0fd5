//! How the lists follow their files while requests are being served.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use arc_swap::{ArcSwap, Guard};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;
use std::sync::Arc;

use super::lists::{AccessLists, parse};
use crate::caretaker::Nudge;
use crate::config::AccessListSource;
use crate::error::GatewayError;

/// The lists in force, and what is needed to bring them up to date.
pub(crate) struct LiveAccessLists {
    /// `None` when no list is configured, so that such a door does not pay for a lookup.
    current: Option<ArcSwap<AccessLists>>,
    source: AccessListSource,
    /// What the files held when they were last looked at, good or bad: a bad file is reported once.
    seen: Mutex<Snapshot>,
    /// Kept for as long as the files are to be watched.
    watcher: Mutex<Option<RecommendedWatcher>>,
}

/// Bytes of both files; `Err` holds the text of the read error.
#[derive(Default, PartialEq)]
struct Snapshot {
    allow: Option<Result<Vec<u8>, String>>,
    deny: Option<Result<Vec<u8>, String>>,
}

impl Snapshot {
    fn take(source: &AccessListSource) -> Self {
        let read = |path: &Option<PathBuf>| {
            path.as_ref()
                .map(|path| fs::read(path).map_err(|error| error.to_string()))
        };
        Self {
            allow: read(&source.allow),
            deny: read(&source.deny),
        }
    }

    fn lists(&self, source: &AccessListSource) -> Result<AccessLists, GatewayError> {
        let allow = networks(source.allow.as_deref(), self.allow.as_ref())?;
        let deny = networks(source.deny.as_deref(), self.deny.as_ref())?;
        Ok(AccessLists::new(&allow, &deny))
    }
}

fn networks(
    path: Option<&Path>,
    content: Option<&Result<Vec<u8>, String>>,
) -> Result<Vec<ipnet::IpNet>, GatewayError> {
    let (Some(path), Some(content)) = (path, content) else {
        return Ok(Vec::new());
    };
    let parsed = match content {
        Ok(bytes) => std::str::from_utf8(bytes)
            .map_err(|_| "it is not UTF-8 text".to_owned())
            .and_then(parse),
        Err(error) => Err(error.clone()),
    };
    parsed.map_err(|reason| GatewayError::AccessList {
        path: path.to_owned(),
        reason,
    })
}

impl LiveAccessLists {
    /// Reads the files for the first time; a bad one is an error here.
    pub(crate) fn open(source: AccessListSource) -> Result<Self, GatewayError> {
        let seen = Snapshot::take(&source);
        let lists = seen.lists(&source)?;
        let current = (!source.is_empty()).then(|| ArcSwap::from_pointee(lists));
        Ok(Self {
            current,
            source,
            seen: Mutex::new(seen),
            watcher: Mutex::new(None),
        })
    }

    /// The lists now; `None` when there are none to ask.
    #[inline]
    pub(crate) fn current(&self) -> Option<Guard<Arc<AccessLists>>> {
        self.current.as_ref().map(ArcSwap::load)
    }

    /// Watches the directories of the files (a rename over a file, and the swap of a symlink beside it, are
    /// events of the directory). Without a watcher the slow poll still finds changes.
    pub(crate) fn watch(&self, nudges: Sender<Nudge>) {
        let directories: BTreeSet<PathBuf> = [&self.source.allow, &self.source.deny]
            .into_iter()
            .flatten()
            .map(|path| directory_of(path))
            .collect();
        if directories.is_empty() {
            return;
        }
        let on_event = move |event: notify::Result<notify::Event>| {
            // Our own reading is an access event; everything else is worth a look.
            if !matches!(
                event,
                Ok(notify::Event {
                    kind: EventKind::Access(_),
                    ..
                })
            ) {
                let _ = nudges.send(Nudge::ListsMayHaveChanged);
            }
        };
        let watching = notify::recommended_watcher(on_event).and_then(|mut watcher| {
            for directory in &directories {
                watcher.watch(directory, RecursiveMode::NonRecursive)?;
            }
            Ok(watcher)
        });
        match watching {
            Ok(watcher) => *self.watcher.lock() = Some(watcher),
            Err(error) => {
                tracing::warn!(%error, "access lists cannot be watched; changes are found within half a minute");
            }
        }
    }

    /// Looks at the files and takes over what they say, if they changed and are in order.
    pub(crate) fn refresh(&self) {
        let Some(current) = &self.current else { return };
        let now = Snapshot::take(&self.source);
        let mut seen = self.seen.lock();
        if *seen == now {
            return;
        }
        match now.lists(&self.source) {
            Ok(lists) => {
                current.store(Arc::new(lists));
                tracing::info!("access lists have been read again");
            }
            Err(error) => tracing::error!(%error, "access lists stay as they were"),
        }
        *seen = now;
    }
}

fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("/"),
    }
}
