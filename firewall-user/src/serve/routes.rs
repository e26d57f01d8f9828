//! What is asked for, and the answers.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    header::{self, HeaderMap, HeaderValue},
};

use super::{gate::Gate, status::Status};
use crate::{
    kernel::{Error, filter::Filter},
    observe::{
        metrics::{FilterSnapshot, Format, Snapshot},
        stats::Stats,
    },
    ruleset::Config,
};

/// A text, or why there's none.
type Text = Result<Bytes, Bytes>;

/// What answers requests.
pub(super) struct Routes {
    bpffs: Arc<Path>,
    status: Arc<Status>,
    /// For each format.
    metrics: [Gate<Text>; Format::ALL.len()],
    readiness: Gate<Text>,
}

impl Routes {
    pub(super) fn new(bpffs: PathBuf, status: Arc<Status>) -> Self {
        Self { bpffs: bpffs.into(), status, metrics: Default::default(), readiness: Gate::default() }
    }

    /// The answer to a request. Its body, if it has one, isn't looked at.
    pub(super) async fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if !["/metrics", "/healthz", "/readyz"].contains(&path) {
            return plain(StatusCode::NOT_FOUND, "there are /metrics, /healthz and /readyz\n");
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "there are GET and HEAD\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match path {
            "/metrics" => self.metrics(request.headers()).await,
            "/readyz" => self.readiness().await,
            _ => plain(StatusCode::OK, "ok\n"),
        }
    }

    async fn metrics(&self, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let accept: Vec<&str> =
            headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let format = Format::accepted(&accept.join(","));
        let (bpffs, status) = (Arc::clone(&self.bpffs), Arc::clone(&self.status));
        let text = self.metrics[format as usize].get(move || metrics(&bpffs, &status, format)).await;
        match text {
            Some(Ok(text)) => response(StatusCode::OK, format.content_type(), text),
            Some(Err(problem)) => response(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, problem),
            None => plain(StatusCode::SERVICE_UNAVAILABLE, LOCKED),
        }
    }

    async fn readiness(&self) -> Response<Full<Bytes>> {
        let (bpffs, status) = (Arc::clone(&self.bpffs), Arc::clone(&self.status));
        match self.readiness.get(move || readiness(&bpffs, &status)).await {
            Some(Ok(text)) => response(StatusCode::OK, PLAIN, text),
            Some(Err(problem)) => response(StatusCode::SERVICE_UNAVAILABLE, PLAIN, problem),
            None => plain(StatusCode::SERVICE_UNAVAILABLE, LOCKED),
        }
    }
}

/// What the media type of words is.
const PLAIN: &str = "text/plain; charset=utf-8";
const LOCKED: &str = "another fragwall command holds the filter's lock\n";

fn plain(status: StatusCode, words: &'static str) -> Response<Full<Bytes>> {
    response(status, PLAIN, Bytes::from_static(words.as_bytes()))
}

fn response(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Reads everything that there is to tell.
fn metrics(bpffs: &Path, status: &Status, format: Format) -> Text {
    let filter = match Filter::open(bpffs) {
        Ok(filter) => Some(filter_metrics(&filter).map_err(words)?),
        Err(Error::NotAttached) => None,
        Err(error) => return Err(words(error)),
    };
    let configured = status.configured().unwrap_or_default();
    let snapshot = Snapshot {
        filter,
        wanted: configured.wanted,
        reload: configured.reload,
        events: status.events().map(|counts| counts.read()),
        shed: status.shed(),
    };
    Ok(snapshot.render(format).into())
}

fn filter_metrics(filter: &Filter) -> Result<FilterSnapshot, Error> {
    let attached = filter.config().interfaces;
    Ok(FilterSnapshot { stats: Stats::read(filter)?, attached, loaded: filter.changed()? })
}

/// Whether a filter is attached, to all interfaces that it should be attached to.
fn readiness(bpffs: &Path, status: &Status) -> Text {
    let filter = Filter::open(bpffs).map_err(words)?;
    let wanted = status.configured().unwrap_or_default().wanted;
    let (missing, _) = filter.moves(&Config { interfaces: wanted, ..Config::default() });
    if missing.is_empty() {
        Ok("ready\n".into())
    } else {
        Err(format!("not attached to {}\n", missing.join(", ")).into())
    }
}

fn words(error: Error) -> Bytes {
    format!("{:#}\n", anyhow::Error::from(error)).into()
}
