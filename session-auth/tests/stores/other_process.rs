//! A store in another process, which is this test program again: the conformance suite then runs on
//! one handle here and one there, as on two machines.
//!
//! That process listens on the loopback interface; each call is a connection with a line of JSON
//! each way. It ends when the one that started it does.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use session_auth::store::{Generation, SessionStore, StoreError, StoredSession};
use session_auth::{SessionId, Timestamp};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the other process has to serve, as `KIND URL`; set there alone.
const SERVE: &str = "SESSION_AUTH_TEST_SERVE_STORE";
const LISTENING: &str = "the store listens on port ";

/// A handle that is here, or there.
pub(crate) enum Anywhere<S> {
    Here(S),
    There(OtherProcess),
}

pub(crate) struct OtherProcess {
    child: Child,
    address: SocketAddr,
    /// Kept, as that process fails where it cannot say how its test went.
    _output: BufReader<ChildStdout>,
}

impl OtherProcess {
    /// Starts it, with the store of this URL.
    pub(crate) fn start(kind: &str, url: &str) -> Self {
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "other_process::serves_a_store"])
            .args(["--ignored", "--nocapture"])
            .env(SERVE, format!("{kind} {url}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        // Ends with the process, if that does not get so far.
        let port = output
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once(LISTENING)?;
                port.parse::<u16>().ok()
            });
        let port = port.expect("the other process says where it listens");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            child,
            address,
            _output: output,
        }
    }

    async fn call(&self, question: Value) -> Result<Value, StoreError> {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(format!("{question}\n").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(serde_json::from_str::<Value>(&answer)?)
        };
        let answer = exchange.await.map_err(StoreError::unavailable)?;
        match answer.get("error") {
            Some(error) => Err(StoreError::unavailable(error.to_string())),
            None => Ok(answer["ok"].clone()),
        }
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The other process. There is nothing to test in it: the one that started it does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is started by other tests, in a process of its own"]
async fn serves_a_store() {
    let Ok(what) = env::var(SERVE) else {
        return;
    };
    let (kind, url) = what.split_once(' ').expect("KIND URL");
    match kind {
        #[cfg(feature = "sqlite")]
        "sqlite" => serve(crate::sqlite::patient(url).await).await,
        #[cfg(feature = "postgres")]
        "postgres" => {
            let store = session_auth::store::PostgresStore::connect(url).await;
            serve(store.expect("it connects")).await;
        }
        #[cfg(feature = "redis")]
        "redis" => {
            let store = session_auth::store::RedisStore::connect(url).await;
            serve(store.expect("it connects")).await;
        }
        _ => panic!("no store of the kind {kind}"),
    }
}

async fn serve<S: SessionStore>(store: S) {
    let store: &'static S = Box::leak(Box::new(store));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a free port");
    println!(
        "{LISTENING}{}",
        listener.local_addr().expect("it is bound").port()
    );
    let serving = async {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(async move {
                let (read, mut write) = stream.split();
                let mut question = String::new();
                let mut read = tokio::io::BufReader::new(read);
                read.read_line(&mut question).await.expect("a question");
                let question = serde_json::from_str(&question).expect("JSON");
                let answer = match answer(store, &question).await {
                    Ok(answer) => json!({ "ok": answer }),
                    Err(error) => json!({ "error": error.to_string() }),
                };
                write
                    .write_all(answer.to_string().as_bytes())
                    .await
                    .expect("an answer");
            });
        }
    };
    let mut stdin = tokio::io::stdin();
    let mut end = [0; 1];
    tokio::select! {
        () = serving => {}
        _ = stdin.read(&mut end) => {}
    }
}

async fn answer<S: SessionStore>(store: &S, question: &Value) -> Result<Value, StoreError> {
    let subject = question["subject"].as_str().unwrap_or_default();
    let id = || id_of(&question["id"]).expect("an id");
    let time = |name: &str| Timestamp::from_secs(question[name].as_u64().expect("a time"));
    let session = || session_of(&question["session"]);
    Ok(match question["call"].as_str().expect("a name") {
        "generation" => json!(store.generation(subject).await?.0),
        "insert" => {
            let generation = Generation(question["generation"].as_u64().expect("a number"));
            json!(store.insert(&session(), generation).await?)
        }
        "find" => match store.find(subject, id()).await? {
            Some(session) => json_of(&session),
            None => Value::Null,
        },
        "touch" => json!(
            store
                .touch(subject, id(), time("seen"), time("deadline"))
                .await?
        ),
        "replace" => json!(store.replace(id(), &session()).await?),
        "revoke" => json!(store.revoke(subject, id()).await?),
        "revoke_all" => {
            json!(
                store
                    .revoke_all(subject, id_of(&question["id"]), time("now"))
                    .await?
            )
        }
        "list" => store
            .list(subject, time("now"))
            .await?
            .iter()
            .map(json_of)
            .collect(),
        "remove_expired" => {
            let limit = question["limit"].as_u64().expect("a number") as u32;
            json!(store.remove_expired(time("before"), limit).await?)
        }
        "trim" => {
            let most = question["most"].as_u64().expect("a number") as u32;
            json!(store.trim(subject, id(), most, time("now")).await?)
        }
        "renew" => json!(store.renew(id(), &session(), time("until")).await?),
        "was_renewed" => json!(store.was_renewed(subject, id(), time("now")).await?),
        other => panic!("no call `{other}`"),
    })
}

fn id_of(value: &Value) -> Option<SessionId> {
    value.as_str().map(|id| id.parse().expect("an id"))
}

fn json_of(session: &StoredSession) -> Value {
    json!([
        session.id.to_string(),
        session.subject,
        session.label,
        session.issued.as_secs(),
        session.last_seen.as_secs(),
        session.idle_deadline.as_secs(),
        session.absolute_deadline.as_secs(),
    ])
}

fn session_of(value: &Value) -> StoredSession {
    let time = |index: usize| Timestamp::from_secs(value[index].as_u64().expect("a time"));
    StoredSession {
        id: id_of(&value[0]).expect("an id"),
        subject: value[1].as_str().expect("a subject").to_owned(),
        label: value[2].as_str().map(str::to_owned),
        issued: time(3),
        last_seen: time(4),
        idle_deadline: time(5),
        absolute_deadline: time(6),
    }
}

fn yes(answer: &Value) -> bool {
    answer.as_bool().expect("yes or no")
}

impl<S: SessionStore> SessionStore for Anywhere<S> {
    const FORGETS_BY_ITSELF: bool = S::FORGETS_BY_ITSELF;

    async fn generation(&self, subject: &str) -> Result<Generation, StoreError> {
        match self {
            Self::Here(store) => store.generation(subject).await,
            Self::There(other) => {
                let answer = other.call(json!({ "call": "generation", "subject": subject }));
                Ok(Generation(answer.await?.as_u64().expect("a number")))
            }
        }
    }

    async fn insert(
        &self,
        session: &StoredSession,
        generation: Generation,
    ) -> Result<bool, StoreError> {
        match self {
            Self::Here(store) => store.insert(session, generation).await,
            Self::There(other) => {
                let session = json_of(session);
                let question =
                    json!({ "call": "insert", "session": session, "generation": generation.0 });
                Ok(yes(&other.call(question).await?))
            }
        }
    }

    async fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> Result<Option<StoredSession>, StoreError> {
        match self {
            Self::Here(store) => store.find(subject, id).await,
            Self::There(other) => {
                let question = json!({ "call": "find", "subject": subject, "id": id.to_string() });
                let answer = other.call(question).await?;
                Ok((!answer.is_null()).then(|| session_of(&answer)))
            }
        }
    }

    async fn touch(
        &self,
        subject: &str,
        id: SessionId,
        last_seen: Timestamp,
        idle_deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        match self {
            Self::Here(store) => store.touch(subject, id, last_seen, idle_deadline).await,
            Self::There(other) => {
                let question = json!({
                    "call": "touch",
                    "subject": subject,
                    "id": id.to_string(),
                    "seen": last_seen.as_secs(),
                    "deadline": idle_deadline.as_secs(),
                });
                Ok(yes(&other.call(question).await?))
            }
        }
    }

    async fn replace(&self, old: SessionId, session: &StoredSession) -> Result<bool, StoreError> {
        match self {
            Self::Here(store) => store.replace(old, session).await,
            Self::There(other) => {
                let session = json_of(session);
                let question =
                    json!({ "call": "replace", "id": old.to_string(), "session": session });
                Ok(yes(&other.call(question).await?))
            }
        }
    }

    async fn revoke(&self, subject: &str, id: SessionId) -> Result<bool, StoreError> {
        match self {
            Self::Here(store) => store.revoke(subject, id).await,
            Self::There(other) => {
                let question =
                    json!({ "call": "revoke", "subject": subject, "id": id.to_string() });
                Ok(yes(&other.call(question).await?))
            }
        }
    }

    async fn revoke_all(
        &self,
        subject: &str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        match self {
            Self::Here(store) => store.revoke_all(subject, except, now).await,
            Self::There(other) => {
                let question = json!({
                    "call": "revoke_all",
                    "subject": subject,
                    "id": except.map(|id| id.to_string()),
                    "now": now.as_secs(),
                });
                Ok(other.call(question).await?.as_u64().expect("a number"))
            }
        }
    }

    async fn list(&self, subject: &str, now: Timestamp) -> Result<Vec<StoredSession>, StoreError> {
        match self {
            Self::Here(store) => store.list(subject, now).await,
            Self::There(other) => {
                let question = json!({ "call": "list", "subject": subject, "now": now.as_secs() });
                let answer = other.call(question).await?;
                Ok(answer
                    .as_array()
                    .expect("sessions")
                    .iter()
                    .map(session_of)
                    .collect())
            }
        }
    }

    async fn remove_expired(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        match self {
            Self::Here(store) => store.remove_expired(before, limit).await,
            Self::There(other) => {
                let question = json!({
                    "call": "remove_expired",
                    "before": before.as_secs(),
                    "limit": limit,
                });
                Ok(other.call(question).await?.as_u64().expect("a number"))
            }
        }
    }

    async fn trim(
        &self,
        subject: &str,
        keep: SessionId,
        most: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        match self {
            Self::Here(store) => store.trim(subject, keep, most, now).await,
            Self::There(other) => {
                let question = json!({
                    "call": "trim",
                    "subject": subject,
                    "id": keep.to_string(),
                    "most": most,
                    "now": now.as_secs(),
                });
                Ok(other.call(question).await?.as_u64().expect("a number"))
            }
        }
    }

    async fn renew(
        &self,
        old: SessionId,
        session: &StoredSession,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        match self {
            Self::Here(store) => store.renew(old, session, until).await,
            Self::There(other) => {
                let question = json!({
                    "call": "renew",
                    "id": old.to_string(),
                    "session": json_of(session),
                    "until": until.as_secs(),
                });
                Ok(yes(&other.call(question).await?))
            }
        }
    }

    async fn was_renewed(
        &self,
        subject: &str,
        old: SessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        match self {
            Self::Here(store) => store.was_renewed(subject, old, now).await,
            Self::There(other) => {
                let question = json!({
                    "call": "was_renewed",
                    "subject": subject,
                    "id": old.to_string(),
                    "now": now.as_secs(),
                });
                Ok(yes(&other.call(question).await?))
            }
        }
    }
}
