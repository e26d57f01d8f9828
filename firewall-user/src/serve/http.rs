//! Connections: how many there are, how much of them is kept, and for how long.

use std::{path::PathBuf, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    listen::Stream,
    place::{Place, Places},
    routes::Routes,
    status::Status,
    stream::Limited,
};

/// How long a connection may be without a whole request: at its beginning, amid a head, and between two requests.
const HEAD: Duration = Duration::from_secs(10);
/// How large a request's head may be, in bytes.
const HEAD_SIZE: usize = 16 * 1024;
/// How many fields it may have.
const FIELDS: usize = 64;

/// What takes connections in.
pub(super) struct Server {
    routes: Arc<Routes>,
    places: Places,
    status: Arc<Status>,
    http: http1::Builder,
}

impl Server {
    pub(super) fn new(bpffs: PathBuf, status: Arc<Status>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_headers(FIELDS)
            .max_buf_size(HEAD_SIZE)
            .half_close(false);
        let routes = Arc::new(Routes::new(bpffs, Arc::clone(&status)));
        Self { routes, places: Places::default(), status, http }
    }

    /// Serves a connection if there's room for it.
    pub(super) fn serve(&mut self, stream: Stream) {
        let (has_room, went) = self.places.make_room();
        if went || !has_room {
            self.status.shed_one();
        }
        if !has_room {
            return;
        }
        match stream {
            Stream::Tcp(stream) => self.spawn(stream),
            Stream::Unix(stream) => self.spawn(stream),
        }
    }

    fn spawn<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(&mut self, stream: S) {
        let place = Place::new();
        let (routes, http, own) = (Arc::clone(&self.routes), self.http.clone(), Arc::clone(&place));
        let task = tokio::spawn(async move {
            let io = TokioIo::new(Limited::new(stream, Arc::clone(&own)));
            let service = service_fn(|request| {
                let (routes, own) = (Arc::clone(&routes), Arc::clone(&own));
                async move {
                    own.answers();
                    let response = routes.answer(&request).await;
                    own.sends();
                    Ok::<_, std::convert::Infallible>(response)
                }
            });
            // Whatever goes wrong is the other side's doing: it has gone, it's too slow, or it doesn't speak HTTP.
            let _ = http.serve_connection(io, service).await;
        });
        self.places.add(place, task.abort_handle());
    }
}
