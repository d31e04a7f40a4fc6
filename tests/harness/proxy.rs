//! A link that can fail: a TCP proxy on loopback whose connections can be cut, refused, or lose what the server answers.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// What the link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Link {
    /// Carries everything.
    Up = 0,
    /// Cuts what is open and refuses what is new, as a pulled cable does.
    Down = 1,
    /// Carries what the client sends; cuts the connection instead of carrying back an answer. The server has done what
    /// it was asked then, and the client does not know.
    DropsAnswers = 2,
}

/// A proxy in front of one server. It ends with the process, or when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    target: Mutex<SocketAddr>,
    link: AtomicU8,
    dropped: AtomicU64,
    carried: AtomicU64,
    cut_off: AtomicU64,
    asking: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

/// How many bytes from a machine are a request: the frames that keep a connection going are smaller.
const REQUEST: u64 = 100;

impl Shared {
    fn link(&self) -> Link {
        match self.link.load(Ordering::SeqCst) {
            0 => Link::Up,
            1 => Link::Down,
            _ => Link::DropsAnswers,
        }
    }

    fn cut_all(&self) {
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Proxy {
    /// Listens on a free loopback port in front of `target`.
    ///
    /// # Errors
    /// Where no port can be had.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            link: AtomicU8::new(Link::Up as u8),
            dropped: AtomicU64::new(0),
            carried: AtomicU64::new(0),
            cut_off: AtomicU64::new(0),
            asking: AtomicU64::new(0),
            open: Mutex::new(Vec::new()),
        });
        let accepting = Arc::downgrade(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Some(shared) = accepting.upgrade() else { return };
                if let Ok(client) = client
                    && shared.link() != Link::Down
                {
                    thread::spawn(move || drop(carry(client, &shared)));
                }
            }
        });
        Ok(Self { address, shared })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what the link does from now on; what is open is cut unless the link is up.
    pub fn set(&self, link: Link) {
        self.shared.link.store(link as u8, Ordering::SeqCst);
        if link == Link::Down {
            self.shared.cut_all();
        }
    }

    /// The server listens elsewhere from now on.
    pub fn set_target(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
        self.shared.cut_all();
    }

    /// How many answers were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::SeqCst)
    }

    /// Whether a request is on its way, or on the server, and not answered yet.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        self.shared.asking.load(Ordering::SeqCst) >= REQUEST
    }

    /// How many connections ended, on either side, while a request on them was not answered yet.
    #[must_use]
    pub fn cut_off(&self) -> u64 {
        self.shared.cut_off.load(Ordering::SeqCst)
    }

    /// How many pieces of answers were carried.
    #[must_use]
    pub fn carried(&self) -> u64 {
        self.shared.carried.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Link::Down);
        // Wakes the accepting thread, which then finds that nobody needs it.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_millis(100));
    }
}

fn carry(client: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let target = *shared.target.lock().unwrap_or_else(PoisonError::into_inner);
    let server = TcpStream::connect_timeout(&target, Duration::from_secs(2))?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
        shared.open.lock().unwrap_or_else(PoisonError::into_inner).push(stream.try_clone()?);
    }
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let unanswered = Arc::new(AtomicU64::new(0));
    let (asked, link) = (Arc::clone(&unanswered), Arc::clone(shared));
    let upstream = thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from_client.read(&mut buffer) {
            for asked in [&asked, &link.asking] {
                asked.fetch_add(n as u64, Ordering::SeqCst);
            }
            if to_server.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        // The other way ends too, and says so of a request that is left.
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let downstream = answers(&server, &client, shared, &unanswered);
    if unanswered.load(Ordering::SeqCst) >= REQUEST {
        shared.cut_off.fetch_add(1, Ordering::SeqCst);
    }
    // Also where one side was reset: its end is the other's.
    for stream in [&client, &server] {
        let _ = stream.shutdown(Shutdown::Both);
    }
    let _ = upstream.join();
    downstream
}

/// Carries answers back. A TLS handshake is let through in every mode, so that it is an answer to a request that is
/// lost: the first bytes of application data (record type 23) after the client's first request end the connection.
fn answers(
    mut server: &TcpStream,
    mut client: &TcpStream,
    shared: &Shared,
    unanswered: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut pieces = 0_u64;
    loop {
        let n = server.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        // The server's hello, certificate and tickets come in the first two pieces.
        pieces += 1;
        for answered in [unanswered, &shared.asking] {
            answered.store(0, Ordering::SeqCst);
        }
        if shared.link() == Link::DropsAnswers && pieces > 2 {
            shared.dropped.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        client.write_all(&buffer[..n])?;
        shared.carried.fetch_add(1, Ordering::SeqCst);
    }
}
