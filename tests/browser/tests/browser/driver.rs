//! A headless Chromium, driven through WebDriver.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use tempfile::TempDir;

/// ChromeDriver and one browser; both end with it.
pub(crate) struct Browser {
    pub(crate) client: Client,
    driver: Child,
    _profile: TempDir,
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
        let mut driver = Command::new(chromedriver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let stdout = driver.stdout.take().expect("it was piped");
        // "ChromeDriver was started successfully on port 12345."
        let port = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let port = line
                    .split("started successfully on port ")
                    .nth(1)?
                    .trim_end_matches('.');
                port.parse::<u16>().ok()
            })
            .expect("chromedriver says its port");

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
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a session of the browser");
        Some(Self {
            client,
            driver,
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
        let mark = self.client.execute("window.isThePageBefore = true", vec![]);
        mark.await.expect("the script runs");
        let button = self.client.find(Locator::Css("button")).await;
        button.expect("a button").click().await.expect("a click");
        self.next_page().await;
        self.text().await
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

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
