//! The second router of stand-ins, and what was mounted on it.

use std::borrow::Cow;
use std::sync::Arc;

use axum::routing::{self, MethodFilter, MethodRouter};

use super::axum_0_8::{self, Endpoint, FALLBACK_TAIL, Rest, Routes};
use super::stand_in::{Kind, Note, StandIn};
use super::unreadable::Unreadable;
use crate::access::{Location, Methods, Text};

/// Stands beside a router, and goes through the same calls.
#[derive(Clone, Default)]
pub(crate) struct Record {
    pub(super) stand_ins: axum::Router<()>,
    pub(super) entries: Vec<Entry>,
    /// What is wrong already, whatever the router does.
    pub(crate) mistakes: Vec<Mistake>,
    /// Where the router begins.
    begun: Option<Location>,
}

/// One thing that was mounted.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) note: Arc<Note>,
    /// The prefix that only the configuration knows.
    pub(super) base: Text,
    /// Whether it is a fallback of this very router, which `reset_fallback` drops.
    own_fallback: bool,
}

/// Something that was mounted wrongly, and how to do it right.
#[derive(Clone, Debug)]
pub(crate) struct Mistake {
    pub(crate) mounted: Location,
    pub(crate) what: Cow<'static, str>,
}

/// The record of a method router.
#[derive(Clone, Default)]
pub(crate) struct MethodRecord {
    stand_ins: MethodRouter<()>,
    notes: Vec<Arc<Note>>,
    mistakes: Vec<Mistake>,
}

impl MethodRecord {
    #[track_caller]
    pub(crate) fn on(mut self, filter: MethodFilter, note: Arc<Note>) -> Self {
        self.stand_ins = self.stand_ins.on(filter, StandIn(Arc::clone(&note)));
        self.notes.push(note);
        self
    }

    /// Of `any(..)`: not the same as a method router with a fallback.
    pub(crate) fn any(note: Arc<Note>) -> Self {
        Self {
            stand_ins: routing::any(StandIn(Arc::clone(&note))),
            notes: vec![note],
            mistakes: Vec::new(),
        }
    }

    pub(crate) fn fallback(mut self, note: Arc<Note>) -> Self {
        self.stand_ins = self.stand_ins.fallback(StandIn(Arc::clone(&note)));
        self.notes.push(note);
        self
    }

    #[track_caller]
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.stand_ins = self.stand_ins.merge(other.stand_ins);
        self.notes.extend(other.notes);
        self.mistakes.extend(other.mistakes);
        self
    }

    pub(crate) fn with_mistake(mut self, mistake: Option<Mistake>) -> Self {
        self.mistakes.extend(mistake);
        self
    }

    /// What its handlers declare.
    pub(crate) fn notes(&self) -> &[Arc<Note>] {
        &self.notes
    }

    /// The method router becomes axum's own, and the record is dropped.
    pub(crate) fn goes_out(&self) {
        for note in &self.notes {
            note.goes_out();
        }
    }
}

impl Record {
    #[track_caller]
    pub(crate) fn new() -> Self {
        Self {
            begun: Some(Location::caller()).filter(|begun| !begun.is_elsewhere()),
            ..Self::default()
        }
    }

    /// Where something was mounted; if nobody's own source says, where its router begins.
    pub(super) fn place(&self, note: &Note) -> Location {
        let begun = self.begun.as_ref();
        let begun = begun.filter(|_| note.mounted.is_elsewhere());
        begun.unwrap_or(&note.mounted).clone()
    }

    #[track_caller]
    pub(crate) fn route(mut self, path: &str, record: MethodRecord) -> Self {
        self.stand_ins = self.stand_ins.route(path, record.stand_ins);
        self.mistakes.extend(record.mistakes);
        self.entries(record.notes, false)
    }

    pub(crate) fn route_service(mut self, path: &str, note: Arc<Note>) -> Self {
        let stand_in = StandIn(Arc::clone(&note));
        self.stand_ins = self.stand_ins.route_service(path, stand_in);
        self.entries([note], false)
    }

    #[track_caller]
    pub(crate) fn nest_service(mut self, path: &str, note: Arc<Note>) -> Self {
        let stand_in = StandIn(Arc::clone(&note));
        self.stand_ins = self.stand_ins.nest_service(path, stand_in);
        self.entries([note], false)
    }

    #[track_caller]
    pub(crate) fn nest(mut self, path: &str, other: Self) -> Self {
        self.stand_ins = self.stand_ins.nest(path, other.stand_ins);
        self.mistakes.extend(other.mistakes);
        self.begun = self.begun.or(other.begun);
        self.entries
            .extend(other.entries.into_iter().map(|entry| Entry {
                own_fallback: false,
                ..entry
            }));
        self
    }

    #[track_caller]
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.stand_ins = self.stand_ins.merge(other.stand_ins);
        self.mistakes.extend(other.mistakes);
        self.begun = self.begun.or(other.begun);
        self.entries.extend(other.entries);
        self
    }

    pub(crate) fn fallback(mut self, note: Arc<Note>) -> Self {
        self.stand_ins = self.stand_ins.fallback(StandIn(Arc::clone(&note)));
        self.entries([note], true)
    }

    pub(crate) fn fallback_service(mut self, note: Arc<Note>) -> Self {
        self.stand_ins = self.stand_ins.fallback_service(StandIn(Arc::clone(&note)));
        self.entries([note], true)
    }

    pub(crate) fn method_not_allowed_fallback(mut self, note: Arc<Note>) -> Self {
        let stand_in = StandIn(Arc::clone(&note));
        self.stand_ins = self.stand_ins.method_not_allowed_fallback(stand_in);
        self.entries([note], false)
    }

    pub(crate) fn reset_fallback(mut self) -> Self {
        self.stand_ins = reset_fallback(self.stand_ins);
        self.entries.retain(|entry| !entry.own_fallback);
        self
    }

    /// The router becomes axum's own, and the record is dropped.
    pub(crate) fn goes_out(&self) {
        for entry in &self.entries {
            entry.note.goes_out();
        }
    }

    pub(crate) fn without_v07_checks(mut self) -> Self {
        self.stand_ins = self.stand_ins.without_v07_checks();
        self
    }

    /// The text that axum prints of a router that mounts the same.
    pub(crate) fn text(&self) -> String {
        format!("{:?}", self.stand_ins)
    }

    /// Puts everything below a prefix that is no part of what is declared.
    pub(crate) fn under(mut self, prefix: &str) -> Self {
        for entry in &mut self.entries {
            entry.base = Cow::Owned(format!("{prefix}{}", entry.base));
        }
        self
    }

    fn entries(mut self, notes: impl IntoIterator<Item = Arc<Note>>, own_fallback: bool) -> Self {
        self.entries.extend(notes.into_iter().map(|note| Entry {
            note,
            base: Cow::Borrowed(""),
            own_fallback,
        }));
        self
    }

    /// The record of a foreign router: a stand-in for each row of its text, so that axum joins and
    /// drops them as it will the real ones.
    ///
    /// # Errors
    ///
    /// Where the text is not one that axum 0.8 prints.
    #[track_caller]
    pub(crate) fn of_foreign<S>(router: &axum::Router<S>, kind: &Kind) -> Result<Self, Unreadable> {
        let Routes {
            routes,
            fallbacks,
            default_fallback,
        } = axum_0_8::read(&format!("{router:?}"))?;
        let mounted = Location::caller();
        let note_of = |kind: &Kind| {
            Arc::new(Note {
                kind: kind.clone(),
                mounted: mounted.clone(),
            })
        };
        let note = || note_of(kind);
        let service = || match kind {
            Kind::Foreign => note_of(&Kind::ForeignService),
            kind => note_of(kind),
        };
        // Whatever its paths look like, the foreign router took them.
        let mut record = Self::default().without_v07_checks();
        for (path, endpoint) in routes {
            record = match endpoint {
                Endpoint::Service => record.route_service(&path, service()),
                Endpoint::Methods { named, rest } => {
                    let base = match rest {
                        Rest::Any => MethodRecord::any(note()),
                        Rest::Fallback => MethodRecord::default().fallback(note()),
                        Rest::Refused => MethodRecord::default(),
                    };
                    let methods = named
                        .iter()
                        .filter_map(filter)
                        .fold(base, |all, one| all.on(one, note()));
                    record.route(&path, methods)
                }
            };
        }
        // A nested fallback has two rows. The one without the tail is the path of the nest, with the
        // slash at its end if there is one.
        let nested = fallbacks
            .iter()
            .filter(|(path, _)| *path != "/" && !path.ends_with(FALLBACK_TAIL));
        for (below, endpoint) in nested {
            let fallback = match endpoint {
                Endpoint::Service => Self::default().fallback_service(service()),
                Endpoint::Methods { .. } => Self::default().fallback(note()),
            };
            record = record.nest(below, fallback);
        }
        if !default_fallback {
            record = match fallbacks.get(FALLBACK_TAIL) {
                Some(Endpoint::Service) => record.fallback_service(service()),
                _ => record.fallback(note()),
            };
        }
        Ok(record)
    }
}

/// [`axum::Router::reset_fallback`], which is there since axum 0.8.4. Before it, a fallback that answers
/// as axum's own does.
pub(crate) fn reset_fallback<S>(router: axum::Router<S>) -> axum::Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    #[allow(dead_code, reason = "axum's own method goes before this one")]
    trait SinceAxum084 {
        fn reset_fallback(self) -> Self;
    }

    impl<S> SinceAxum084 for axum::Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        fn reset_fallback(self) -> Self {
            self.fallback(|| async { http::StatusCode::NOT_FOUND })
        }
    }

    router.reset_fallback()
}

/// axum's filter for one method.
pub(crate) fn filter(method: Methods) -> Option<MethodFilter> {
    Some(match method {
        Methods::GET => MethodFilter::GET,
        Methods::HEAD => MethodFilter::HEAD,
        Methods::POST => MethodFilter::POST,
        Methods::PUT => MethodFilter::PUT,
        Methods::PATCH => MethodFilter::PATCH,
        Methods::DELETE => MethodFilter::DELETE,
        Methods::OPTIONS => MethodFilter::OPTIONS,
        Methods::TRACE => MethodFilter::TRACE,
        Methods::CONNECT => MethodFilter::CONNECT,
        _ => return None,
    })
}
