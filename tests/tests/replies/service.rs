//! What the neighbour offers, and what the host asks of it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use firewall_tests::harness::host::{HOST, Host, NEIGHBOUR};
use firewall_tests::harness::netns::Netns;
use firewall_tests::harness::packet::pattern;

/// Far longer than anything takes; only what is lost is waited for as long.
pub const LOST: Duration = Duration::from_secs(20);
/// How long is waited for what mustn't come.
pub const BLOCKED: Duration = Duration::from_millis(300);

/// A UDP service that sends back as many bytes as it's asked for, so often.
pub fn answer(netns: &Netns, ip: IpAddr, port: u16, requests: usize) -> Result<JoinHandle<Result<()>>> {
    let socket = netns.enter(|| Ok(UdpSocket::bind((ip, port))?))?;
    socket.set_read_timeout(Some(LOST))?;
    Ok(std::thread::spawn(move || {
        for _ in 0..requests {
            let mut request = [0; 4];
            let (length, from) = socket.recv_from(&mut request).context("no request came")?;
            ensure!(length == request.len(), "a request of {length} bytes");
            socket.send_to(&pattern(u32::from_be_bytes(request) as usize), from)?;
        }
        Ok(())
    }))
}

/// Asks such a service for `length` bytes; `None` if they don't come.
pub fn ask(netns: &Netns, service: SocketAddr, length: u32) -> Result<Option<Vec<u8>>> {
    netns.enter(|| {
        let any: SocketAddr = if service.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }.parse()?;
        let socket = UdpSocket::bind(any)?;
        socket.connect(service)?;
        socket.send(&length.to_be_bytes())?;
        socket.set_read_timeout(Some(LOST))?;
        let mut answer = vec![0; 65_535];
        match socket.recv(&mut answer) {
            Ok(length) => {
                answer.truncate(length);
                Ok(Some(answer))
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            Err(error) => Err(error).context("can't receive"),
        }
    })
}

/// A TCP service in a namespace that takes one connection, and gives it to `serve`.
pub fn serve(
    netns: &Netns,
    place: SocketAddr,
    serve: impl FnOnce(TcpStream) -> Result<()> + Send + 'static,
) -> Result<JoinHandle<Result<()>>> {
    let listener = netns.enter(|| Ok(TcpListener::bind(place)?))?;
    Ok(std::thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(LOST))?;
        serve(stream)
    }))
}

/// Connects from a namespace.
pub fn connect(netns: &Netns, place: SocketAddr) -> Result<TcpStream> {
    netns.enter(|| {
        let stream = TcpStream::connect_timeout(&place, LOST)?;
        stream.set_read_timeout(Some(LOST))?;
        Ok(stream)
    })
}

/// Downloads so many bytes over TCP from a service on the neighbour.
pub fn download(host: &Host, ip: IpAddr, length: usize) -> Result<()> {
    let place = SocketAddr::new(ip, 80);
    let server = serve(&host.neighbour, place, move |mut stream| {
        let mut request = Vec::new();
        stream.read_to_end(&mut request)?;
        ensure!(request == b"GET", "{request:?}");
        stream.write_all(&pattern(length))?;
        Ok(())
    })?;
    let mut stream = connect(&host.netns, place)?;
    stream.write_all(b"GET")?;
    stream.shutdown(Shutdown::Write)?;
    let mut body = Vec::new();
    stream.read_to_end(&mut body)?;
    ensure!(body == pattern(length), "{} bytes of {length}", body.len());
    server.join().expect("the service doesn't panic")
}

/// The neighbour's address and the host's, of each IP version.
pub fn pairs() -> [(IpAddr, IpAddr); 2] {
    [(NEIGHBOUR[0], HOST[0]), (NEIGHBOUR[1], HOST[1])]
}

/// How many packets were dropped because no rule matched.
pub fn denied(host: &Host) -> Result<u64> {
    counted(host, "default")
}

/// How many packets were counted with a reason.
pub fn counted(host: &Host, reason: &str) -> Result<u64> {
    Ok(host.fragwall().statistics()?.reason_packets(reason))
}
