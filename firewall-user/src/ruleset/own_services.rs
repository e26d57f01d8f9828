//! The table `[services]` of a config file: services of the user's own.

use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};
use toml::Spanned;

use super::{Names, error::ParseError, services::Service, term::Term};

/// The most services that a config file may have.
pub const MAX_SERVICES: usize = 256;
/// The most kinds of packets that a service may be made of.
pub const MAX_TERMS: usize = 64;
/// The longest name of a service, in bytes.
pub const MAX_NAME: usize = 32;

/// The table as it stands in the file, sorted by name.
pub(super) type RawServices = BTreeMap<Spanned<String>, Spanned<RawService>>;

/// What a service stands for: one text or a list.
pub(super) enum RawService {
    /// `"udp 500"`
    One(String),
    /// `["udp 500", "esp"]`
    Many(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for RawService {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = RawService;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("what the service needs, as in \"udp 500\" or [\"udp 500\", \"esp\"]")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawService, E> {
                Ok(RawService::One(text.to_owned()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, texts: A) -> Result<RawService, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(texts)).map(RawService::Many)
            }
        }

        // Not an untagged enum, which would lose the places of the texts.
        deserializer.deserialize_any(Texts)
    }
}

/// What is wrong with a service of the user's own.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ServiceProblem {
    /// A name that no service may have.
    #[error("{0:?} can't be a service's name: expected up to {MAX_NAME} letters, digits, `-` and `_`")]
    Name(String),
    /// A name that is taken.
    #[error("@{name} is there already, built in, and means `{0}`: expected another name", name = .0.name())]
    BuiltIn(Arc<Service>),
    /// A name that stands there twice.
    #[error("@{0} is there twice, since upper and lower case make no difference")]
    Twice(String),
    /// A service without packets.
    #[error("@{0} is empty: expected what the service needs, as in \"udp 500\" or [\"udp 500\", \"esp\"]")]
    Empty(String),
    /// A service of too many kinds of packets.
    #[error("@{name} is made of {terms}: expected {MAX_TERMS} at most")]
    TooManyTerms {
        /// The service's name.
        name: String,
        /// How many they are.
        terms: usize,
    },
    /// Too many services.
    #[error("{0} services are too many: expected {MAX_SERVICES} at most")]
    TooMany(usize),
    /// A text that can't be understood.
    #[error("@{name}: {error}")]
    Term {
        /// The service's name.
        name: String,
        /// What is wrong with the text.
        error: ParseError,
    },
}

/// What is wrong, and where in the file. Of an error in a text, that's the text's place.
type Wrong = (Range<usize>, ServiceProblem);

/// The services in the table, with protocols and ports named as in `names`; `inside` gives the place in the file of a place
/// in a text.
pub(super) fn parse(
    raw: RawServices,
    names: &Names,
    inside: impl Fn(&Spanned<String>, Range<usize>) -> Range<usize>,
) -> Result<Vec<Arc<Service>>, Wrong> {
    let count = raw.len();
    let mut services: Vec<Arc<Service>> = Vec::with_capacity(count);
    for (key, value) in raw {
        let (place, name) = (key.span(), key.into_inner());
        if services.len() == MAX_SERVICES {
            return Err((place, ServiceProblem::TooMany(count)));
        }
        let name = checked(name, &services, names).map_err(|problem| (place.clone(), problem))?;
        let value_place = value.span();
        let texts = match value.into_inner() {
            RawService::One(text) => vec![Spanned::new(value_place.clone(), text)],
            RawService::Many(texts) => texts,
        };
        if texts.is_empty() {
            return Err((value_place, ServiceProblem::Empty(name)));
        }
        if let Some(excess) = texts.get(MAX_TERMS) {
            return Err((excess.span(), ServiceProblem::TooManyTerms { name, terms: texts.len() }));
        }
        let mut terms = Vec::with_capacity(texts.len());
        for text in texts {
            let term = Term::parse(text.as_ref(), names).map_err(|error| {
                (inside(&text, error.span()), ServiceProblem::Term { name: name.clone(), error })
            })?;
            if !terms.contains(&term) {
                terms.push(term);
            }
        }
        services.push(Arc::new(Service::new(&name, terms)));
    }
    services.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(services)
}

/// The name in lower case, if a service may have it.
fn checked(name: String, services: &[Arc<Service>], names: &Names) -> Result<String, ServiceProblem> {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_fit) {
        return Err(ServiceProblem::Name(name));
    }
    if let Some(service) = names.service(&name) {
        return Err(ServiceProblem::BuiltIn(service));
    }
    let name = name.to_ascii_lowercase();
    if services.iter().any(|service| service.name() == name) {
        return Err(ServiceProblem::Twice(name));
    }
    Ok(name)
}
