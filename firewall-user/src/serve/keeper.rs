//! Keeping a config file in force: at first, when it's read anew, and on interfaces that come later.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Error, Say,
    status::Status,
    watch::{Found, Watch},
};
use crate::{
    kernel::{
        self,
        change::{Change, Precautions},
        filter::{self, Applied, Attached, Wanted, WantedMode},
        netlink::{self, Interface},
    },
    ruleset::Config,
};

/// How often it's tried to put the file into force while interfaces come and go.
const TRIES: usize = 3;

/// The config file that is to be in force, and how.
#[derive(Clone)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// Reads it; or says what is wrong with it, and where.
    pub read: fn(&Path) -> Result<Config, String>,
    /// What may refuse a change.
    pub guard: fn(&Change<'_>) -> Result<(), kernel::Error>,
    /// How to run on interfaces that are attached to.
    pub mode: WantedMode,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("file", &self.file).field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Who keeps it in force.
pub(super) struct Keeper {
    bpffs: PathBuf,
    source: Source,
    watch: Watch,
    status: Arc<Status>,
    say: Say,
    config: Config,
    /// Whether a filter was made of `config`. Not as long as none of its interfaces are there.
    is_in_force: bool,
    /// The indexes of the interfaces that the filter was attached to. One that it's taken off by someone else is left alone until it
    /// comes again.
    attended: BTreeMap<String, u32>,
    /// The cause of what was said of each interface that can't be attached to: it isn't said twice.
    complaints: BTreeMap<String, String>,
}

/// What has come of something.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    /// The file was read.
    pub(super) is_reload: bool,
    /// There's something new to be told.
    pub(super) changed: bool,
    /// Something couldn't be done, and should be tried again.
    pub(super) retry: bool,
    /// The file is another, and should be read.
    pub(super) reread: bool,
}

impl Keeper {
    /// Puts the file into force.
    ///
    /// # Errors
    /// The file can't be understood, or its configuration not be put into force.
    pub(super) fn start(
        bpffs: PathBuf,
        source: Source,
        status: Arc<Status>,
        say: Say,
    ) -> Result<Self, Error> {
        let mut watch = Watch::default();
        watch.reads(&source.file);
        let config = (source.read)(&source.file).map_err(Error::Config)?;
        let mut keeper = Self {
            bpffs,
            source,
            watch,
            status,
            say,
            config: Config::default(),
            is_in_force: false,
            attended: BTreeMap::new(),
            complaints: BTreeMap::new(),
        };
        keeper.put_into_force(config)?;
        Ok(keeper)
    }

    /// Reads the file anew and puts it into force. If that can't be done, what is in force stays so.
    pub(super) fn reload(&mut self) -> Outcome {
        self.watch.reads(&self.source.file);
        let read = (self.source.read)(&self.source.file);
        if let Err(problem) = read.and_then(|config| self.put_into_force(config).map_err(words)) {
            (self.say)(&format_args!("{problem}"));
            (self.say)(&"the config file was refused; what was in force before still is");
            self.status.refused();
        }
        Outcome { is_reload: true, changed: true, ..Outcome::default() }
    }

    /// Looks whether the file is still the one that was read. As long as it's away, what is in force stays so.
    pub(super) fn look_at_file(&mut self) -> Outcome {
        let file = self.source.file.display();
        let mut outcome = Outcome::default();
        match self.watch.look(&self.source.file) {
            Found::Nothing => {}
            Found::Another => outcome.reread = true,
            Found::Away(error) => (self.say)(&format_args!("{file}: {error}; what is in force stays so")),
            Found::Back => (self.say)(&format_args!("{file}: it's there again, as it was")),
        }
        outcome
    }

    /// Looks at the interfaces that there are, and attaches to those that are wanted and have come since.
    pub(super) fn look(&mut self) -> Outcome {
        let present = match netlink::interfaces() {
            Ok(present) => present,
            Err(error) => {
                (self.say)(&words(error));
                return Outcome { retry: true, ..Outcome::default() };
            }
        };
        let mut outcome = Outcome::default();
        let mut new = Vec::new();
        for name in &self.config.interfaces {
            match find(&present, name) {
                None => {
                    self.complaints.remove(name);
                    if self.attended.remove(name).is_some() {
                        (self.say)(&format_args!(
                            "{name}: it's gone; it will be filtered when it's there again"
                        ));
                        outcome.changed = true;
                    }
                }
                Some(interface) if self.attended.get(name) != Some(&interface.index) => {
                    new.push((name.clone(), interface.index));
                }
                Some(_) => {}
            }
        }
        if !new.is_empty() {
            outcome.changed = true;
            outcome.retry = if self.is_in_force { self.attend(&new) } else { self.begin(&new) };
        }
        self.status.set_missing(self.missing());
        outcome
    }

    /// Attaches the filter in force to interfaces that have come. Says whether one of them has to be tried again.
    fn attend(&mut self, new: &[(String, u32)]) -> bool {
        let mut retry = false;
        for (name, index) in new {
            let otherwise = Config { interfaces: Vec::new(), ..self.config.clone() };
            let wanted = Wanted { mode: self.source.mode, otherwise, ..Wanted::default() };
            let precautions = Precautions { confirm: None, guard: &self.source.guard };
            match filter::attach(&self.bpffs, std::slice::from_ref(name), wanted, &precautions) {
                Ok(Attached { links, takeover }) => {
                    takeover.iter().for_each(|takeover| (self.say)(takeover));
                    links.iter().for_each(|link| (self.say)(link));
                    self.attended(name, *index);
                }
                Err(kernel::Error::AlreadyAttached { .. }) => self.attended(name, *index),
                // It has gone again already, which will be told.
                Err(kernel::Error::UnknownInterface { .. }) => {}
                Err(error) => {
                    self.complain(name, &Problem::of(error));
                    retry = true;
                }
            }
        }
        retry
    }

    /// Makes a filter, now that there are interfaces for it. Says whether that has to be tried again.
    fn begin(&mut self, new: &[(String, u32)]) -> bool {
        match self.put_into_force(self.config.clone()) {
            Ok(()) => false,
            Err(error) => {
                let problem = Problem::of(error);
                new.iter().for_each(|(name, _)| self.complain(name, &problem));
                true
            }
        }
    }

    fn attended(&mut self, name: &str, index: u32) {
        self.complaints.remove(name);
        self.attended.insert(name.to_owned(), index);
    }

    fn complain(&mut self, name: &str, problem: &Problem) {
        if self.complaints.get(name) != Some(&problem.cause) {
            (self.say)(&problem.words);
            self.complaints.insert(name.to_owned(), problem.cause.clone());
        }
    }

    /// Makes a configuration the one in force on those of its interfaces that are there. If it names some and none is, what is in
    /// force stays so until one comes.
    fn put_into_force(&mut self, config: Config) -> Result<(), Error> {
        let mut tries = 1;
        let (present, applied) = loop {
            let present = netlink::interfaces()?;
            let (here, missing): (Vec<String>, Vec<String>) =
                config.interfaces.iter().cloned().partition(|name| find(&present, name).is_some());
            if here.is_empty() && !missing.is_empty() {
                break (present, None);
            }
            let wanted = Config { interfaces: here, ..config.clone() };
            let precautions = Precautions { confirm: None, guard: &self.source.guard };
            match filter::apply(&self.bpffs, wanted, false, self.source.mode, &precautions) {
                Ok(applied) => break (present, Some(applied)),
                // One has just gone.
                Err(kernel::Error::UnknownInterface { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        };
        self.is_in_force = applied.is_some();
        let indexes = config
            .interfaces
            .iter()
            .filter_map(|name| find(&present, name).map(|interface| (name.clone(), interface.index)));
        self.attended = indexes.filter(|_| applied.is_some()).collect();
        self.config = config;
        self.complaints.clear();
        let missing = self.missing();
        self.tell(applied.as_ref(), &missing);
        self.status.in_force(&self.config.interfaces, missing);
        Ok(())
    }

    /// Says what was done.
    fn tell(&self, applied: Option<&Applied>, missing: &[String]) {
        let Self { say, source, .. } = self;
        if let Some(Applied { changed, attached, detached, takeover }) = applied {
            takeover.iter().for_each(|takeover| say(takeover));
            attached.iter().for_each(|link| say(link));
            if !detached.is_empty() {
                say(&format_args!("{}: detached", detached.join(", ")));
            }
            let file = source.file.display();
            if *changed || takeover.is_some() || !attached.is_empty() || !detached.is_empty() {
                say(&format_args!("{file}: in force"));
            } else {
                say(&format_args!("{file}: nothing changes, it's in force already"));
            }
        }
        for name in missing {
            say(&format_args!("{name}: there's no such interface yet; it will be filtered when it's there"));
        }
    }

    /// The wanted interfaces that the filter isn't attached to, for all that this knows.
    fn missing(&self) -> Vec<String> {
        let is_missing = |name: &&String| !self.attended.contains_key(*name);
        self.config.interfaces.iter().filter(is_missing).cloned().collect()
    }
}

fn find<'i>(present: &'i [Interface], name: &str) -> Option<&'i Interface> {
    present.iter().find(|interface| interface.is_named(name))
}

/// Why an interface can't be attached to.
struct Problem {
    words: String,
    /// What makes it the same problem the next time, though the words may be others: who holds an interface may be open in one more
    /// process, or for a moment.
    cause: String,
}

impl Problem {
    fn of(error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        let held = error.chain().find_map(|cause| match cause.downcast_ref() {
            Some(kernel::Error::Held { interface, holder, mode, by: _ }) => {
                Some(format!("{interface}: {holder}, {}", mode.name()))
            }
            _ => None,
        });
        let words = words(error);
        Self { cause: held.unwrap_or_else(|| words.clone()), words }
    }
}

/// An error with all that led to it.
fn words(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}
