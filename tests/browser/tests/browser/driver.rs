//! A headless Chromium, driven through WebDriver.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use tempfile::TempDir;

/// ChromeDriver and one browser; both end with it.
pub(crate) struct Browser {
    pub(crate) client: Client,
    _driver: Driver,
    _profile: TempDir,
}

struct Driver {
    process: Child,
    port: u16,
    /// Open for as long as it may write there, as a closed pipe would end it.
    _stdout: BufReader<ChildStdout>,
}

impl Driver {
    /// `None` where it ends without a port: it takes one of IPv4 and asks for the same of IPv6, which
    /// somebody else may have.
    fn start(chromedriver: &Path) -> Option<Self> {
        let mut process = Command::new(chromedriver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut stdout = BufReader::new(process.stdout.take().expect("it was piped"));
        let mut line = String::new();
        while stdout.read_line(&mut line).is_ok_and(|length| length > 0) {
            // "ChromeDriver was started successfully on port 12345."
            let port = line.split("started successfully on port ").nth(1);
            if let Some(Ok(port)) = port.map(|it| it.trim_end().trim_end_matches('.').parse()) {
                return Some(Self {
                    process,
                    port,
                    _stdout: stdout,
                });
            }
            line.clear();
        }
        let _ = process.wait();
        None
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `None` where there is no Chromium; under `CI=true` that is a failure.
fn binaries() -> Option<(PathBuf, PathBuf)> {
    let find = |names: &[&str]| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
            .find(|file| file.is_file())
    };
    let found = find(&["chromium", "google-chrome"]).zip(find(&["chromedriver"]));
    if found.is_none() {
        let message =
            "chromium and chromedriver are not on PATH (Debian: chromium, chromium-driver)";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        eprintln!("SKIPPED: {message}");
    }
    found
}

impl Browser {
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with("--disable-default-apps").await
    }

    /// For whom pages are dark.
    pub(crate) async fn start_dark() -> Option<Self> {
        Self::start_with("--blink-settings=preferredColorScheme=0").await
    }

    async fn start_with(argument: &str) -> Option<Self> {
        let (chromium, chromedriver) = binaries()?;
        let driver = (0..3).find_map(|_| Driver::start(&chromedriver));
        let driver = driver.expect("chromedriver says its port");

        let profile = tempfile::tempdir().expect("a folder");
        let profile_arg = format!("--user-data-dir={}", profile.path().display());
        let capabilities = serde_json::json!({
            "goog:chromeOptions": {
                "binary": chromium,
                "args": [
                    "--headless=new",
                    // As root, and in most CIs, Chromium has no sandbox of its own.
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--disable-quic",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    // Two sites that are not localhost, without a name server.
                    "--host-resolver-rules=MAP app.test 127.0.0.1, MAP evil.test 127.0.0.1",
                    "--ignore-certificate-errors",
                    argument,
                    profile_arg,
                ],
            },
        });
        let serde_json::Value::Object(capabilities) = capabilities else {
            unreachable!("it is an object");
        };
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("a session of the browser");
        Some(Self {
            client,
            _driver: driver,
            _profile: profile,
        })
    }

    pub(crate) async fn open(&self, url: &str) -> String {
        self.client.goto(url).await.expect("the page opens");
        self.text().await
    }

    /// Opens a page with one button, presses it, and reads the page that follows.
    pub(crate) async fn press(&self, url: &str) -> String {
        self.client.goto(url).await.expect("the page opens");
        self.click(Locator::Css("button")).await;
        self.text().await
    }

    /// Clicks on what leads to another page, and waits for that page.
    pub(crate) async fn click(&self, on: Locator<'_>) {
        let mark = self.client.execute("window.isThePageBefore = true", vec![]);
        mark.await.expect("the script runs");
        let found = self.client.find(on).await.expect("something to click on");
        found.click().await.expect("a click");
        self.next_page().await;
    }

    /// Waits until another page is there: a click may return before.
    async fn next_page(&self) {
        let is_there = "return document.readyState === 'complete' && !window.isThePageBefore";
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            // An error between two pages: there is none to ask.
            let answer = self.client.execute(is_there, vec![]).await;
            if answer.is_ok_and(|answer| answer == true) {
                return;
            }
            assert!(Instant::now() < deadline, "no page follows the click");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn text(&self) -> String {
        let body = self
            .client
            .find(Locator::Css("body"))
            .await
            .expect("a body");
        body.text().await.expect("its text")
    }

    pub(crate) async fn url(&self) -> String {
        self.client
            .current_url()
            .await
            .expect("an address")
            .to_string()
    }

    /// The status that a script of the page gets.
    pub(crate) async fn fetch(&self, method: &str, path: &str) -> u64 {
        let script = "const [method, path, done] = arguments; \
                      fetch(path, {method, credentials: 'include'}) \
                      .then(r => done(r.status)).catch(() => done(0));";
        let status = self
            .client
            .execute_async(script, vec![method.into(), path.into()])
            .await;
        status.expect("the script runs").as_u64().expect("a number")
    }

    /// The first message that a script of the page hears on a WebSocket, or `refused`.
    pub(crate) async fn hear(&self, url: &str) -> String {
        let script = "const [url, done] = arguments; const socket = new WebSocket(url); \
                      socket.onmessage = message => done(message.data); \
                      socket.onerror = () => done('refused');";
        let heard = self.client.execute_async(script, vec![url.into()]).await;
        let heard = heard.expect("the script runs");
        heard.as_str().expect("a text").to_owned()
    }

    pub(crate) async fn close(self) {
        self.client
            .clone()
            .close()
            .await
            .expect("the browser closes");
    }
}
