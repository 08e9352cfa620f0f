use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::{Home, Running, free_port, program, skip, within};

/// nginx as a cache that several people share, in front of one server.
///
/// It keeps what HTTP lets such a cache keep: what is marked so, and for a minute what is marked in no
/// way; with `Set-Cookie`, as RFC 9111 (section 7.3) has it and many content delivery networks do.
#[derive(Debug)]
pub struct Nginx {
    // Before its folder: fields are dropped in this order.
    _running: Running,
    _home: Home,
    port: u16,
}

const READY_WITHIN: Duration = Duration::from_secs(20);

impl Nginx {
    /// Starts one. `None`: it is not installed, and that was said.
    ///
    /// # Panics
    ///
    /// It does not start, or is not installed and `CI=true`.
    #[must_use]
    pub fn start(server: SocketAddr) -> Option<Self> {
        Self::configured(|port, _| configure(port, server))
    }

    /// Starts one with this as its `server`, after `listen`: `location / { .. }`. `tls` are its
    /// certificate and key, in PEM.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn in_front(server: &str, tls: Option<(&str, &str)>) -> Option<Self> {
        Self::configured(|port, home| {
            let listen = match tls {
                None => format!("listen 127.0.0.1:{port};"),
                Some((certificate, key)) => {
                    fs::write(home.join("tls.pem"), certificate).expect("the folder is there");
                    fs::write(home.join("tls.key"), key).expect("the folder is there");
                    format!(
                        "listen 127.0.0.1:{port} ssl;
                        ssl_certificate tls.pem;
                        ssl_certificate_key tls.key;"
                    )
                }
            };
            around(&format!("server {{ {listen} {server} }}"))
        })
    }

    /// Starts one as an authenticating proxy in front of this server: HTTP Basic (RFC 7617) for these users
    /// and passwords, whose name goes on in this header. It asks the server from
    /// [`SENDS_FROM`](Self::SENDS_FROM).
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn authenticating(
        server: SocketAddr,
        header: &str,
        users: &[(&str, &str)],
    ) -> Option<Self> {
        Self::configured(|port, home| {
            let of_user = |(user, password): &(&str, &str)| format!("{user}:{{PLAIN}}{password}\n");
            let users: String = users.iter().map(of_user).collect();
            fs::write(home.join("users"), users).expect("the folder is there");
            let from = Self::SENDS_FROM;
            around(&format!(
                "server {{
                    listen 127.0.0.1:{port};
                    location / {{
                        auth_basic realm;
                        auth_basic_user_file users;
                        proxy_bind {from};
                        proxy_pass http://{server};
                        proxy_set_header Host $http_host;
                        proxy_set_header {header} $remote_user;
                    }}
                }}"
            ))
        })
    }

    /// Where an [authenticating](Self::authenticating) one asks from: not where tests do.
    pub const SENDS_FROM: &str = "127.0.0.2";

    fn configured(configure: impl FnOnce(u16, &Path) -> String) -> Option<Self> {
        // Not on everybody's `PATH`.
        let Some(nginx) = program("nginx", &["/usr/sbin".into()]) else {
            skip("nginx is not installed (from Debian: `nginx`)");
            return None;
        };
        let home = Home::new(&["www-data", "nobody"]);
        let port = free_port();
        let configuration = home.path().join("nginx.conf");
        fs::write(&configuration, configure(port, home.path())).expect("the folder is there");
        let mut command = home.command(nginx);
        command
            .arg("-p")
            .arg(home.path())
            .arg("-c")
            .arg(&configuration);
        let log = home.path().join("log");
        let running = Running::start(&command, &log);
        // Its own: on the port there may be somebody else's.
        let is_ready = || {
            home.path().join("nginx.pid").is_file()
                && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        };
        assert!(
            within(READY_WITHIN, is_ready),
            "nginx is not ready: {}",
            fs::read_to_string(&log).unwrap_or_default()
        );
        Some(Self {
            _running: running,
            _home: home,
            port,
        })
    }

    /// Where it listens. Its answers have `X-Cache`: `HIT` where the server was not asked.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

fn around(server: &str) -> String {
    format!(
        "daemon off;
        pid nginx.pid;
        error_log stderr;
        worker_processes 1;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path body;
            proxy_temp_path proxy;
            fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            proxy_cache_path kept keys_zone=kept:1m;
            {server}
        }}
        "
    )
}

fn configure(port: u16, server: SocketAddr) -> String {
    around(&format!(
        "server {{
            listen 127.0.0.1:{port};
            location / {{
                proxy_pass http://{server};
                proxy_http_version 1.1;
                proxy_set_header Host $http_host;
                proxy_cache kept;
                proxy_cache_valid 200 303 1m;
                proxy_cache_revalidate on;
                proxy_ignore_headers Set-Cookie;
                add_header X-Cache $upstream_cache_status always;
            }}
        }}"
    ))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Else a test behind it would show nothing.
    #[test]
    fn it_keeps_an_answer_with_its_cookie() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let Some(nginx) = Nginx::start(server.local_addr().expect("an address")) else {
            return;
        };
        thread::spawn(move || {
            let (mut stream, _) = server.accept().expect("it asks once");
            let _ = stream.read(&mut [0; 1000]);
            let answer = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\
                          Connection: close\r\n\r\nhi";
            stream.write_all(answer.as_bytes()).expect("it reads");
        });
        let ask = || {
            let mut stream = TcpStream::connect(nginx.address()).expect("it listens");
            let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).expect("it reads");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("it answers");
            answer
        };
        let (first, second) = (ask(), ask());
        assert!(first.contains("X-Cache: MISS"), "{first}");
        assert!(
            second.contains("X-Cache: HIT") && second.contains("Set-Cookie: a=b"),
            "{second}"
        );
    }
}
