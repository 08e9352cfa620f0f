//! API keys in Redis: a hash for each, and a set of the ids of each subject. All of them are in one slot
//! of a Redis Cluster, so that a script can take several.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use redis::Script;
use redis::aio::ConnectionLike;
use sha2::{Digest as _, Sha256};

use super::RedisStore;
use super::row::number;
use crate::clock::Timestamp;
use crate::store::api_keys::{ApiKey, ApiKeyId, ApiKeyStore, KEEP_ENDED, beyond_lists, listed};
use crate::store::error::StoreError;
use crate::store::session_store::MAX_LISTED;

/// The version of a row that this code writes, and the only one that it reads.
const VERSION: &[u8] = b"1";

/// A function that adds a key: its id, the seconds that it is kept or 0, and its fields. The set of its
/// subject's keys is kept for as long as any of them.
macro_rules! add {
    () => {
        "local function add(id, kept, ...) \
             redis.call('HSET', KEYS[1], ...) \
             redis.call('SADD', KEYS[2], id) \
             if kept == '0' then \
                 redis.call('PERSIST', KEYS[2]) \
                 return \
             end \
             redis.call('EXPIRE', KEYS[1], kept) \
             local left = redis.call('TTL', KEYS[2]) \
             local is_first = redis.call('SCARD', KEYS[2]) == 1 \
             if is_first or (left >= 0 and left < tonumber(kept)) then \
                 redis.call('EXPIRE', KEYS[2], kept) \
             end \
         end "
    };
}

/// KEYS: the key's, and its subject's. ARGV: the id, the seconds that it is kept or 0, and its fields.
static ADD: LazyLock<Script> = LazyLock::new(|| Script::new(concat!(add!(), "add(unpack(ARGV))")));

/// KEYS: the new key's, its subject's, and the old key's. ARGV: as above, after the subject, now, the
/// end of the old one, and the seconds that it is kept.
static ROTATE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        add!(),
        "local old = redis.call('HMGET', KEYS[3], 'subject', 'revoked', 'expires') \
         local now, ends = tonumber(ARGV[2]), tonumber(ARGV[3]) \
         if old[1] ~= ARGV[1] or old[2] or (old[3] and tonumber(old[3]) <= now) then return 0 end \
         if not old[3] or tonumber(old[3]) > ends then \
             redis.call('HSET', KEYS[3], 'expires', ARGV[3]) \
             redis.call('EXPIRE', KEYS[3], ARGV[4]) \
         end \
         add(unpack(ARGV, 5)) \
         return 1"
    ))
});

/// KEYS: the key's. ARGV: now.
static USE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end \
         local last = redis.call('HGET', KEYS[1], 'last_used') \
         if not last or tonumber(last) < tonumber(ARGV[1]) then \
             redis.call('HSET', KEYS[1], 'last_used', ARGV[1]) \
         end \
         return 1",
    )
});

/// KEYS: the key's. ARGV: the subject, now, and the seconds that it is kept. A Redis whose memory is full
/// refuses the second write, but not after the first.
static REVOKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local key = redis.call('HMGET', KEYS[1], 'subject', 'revoked') \
         if key[1] ~= ARGV[1] or key[2] then return 0 end \
         redis.call('EXPIRE', KEYS[1], ARGV[3]) \
         redis.call('HSET', KEYS[1], 'revoked', ARGV[2]) \
         return 1",
    )
});

/// KEYS: the subject's, and those of keys. ARGV: their ids. Says how many there were.
static FORGET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "redis.call('SREM', KEYS[1], unpack(ARGV)) \
         return redis.call('DEL', unpack(KEYS, 2))",
    )
});

/// KEYS: the subject's, and those of keys that may be gone. ARGV: their ids. Where these are all of them, and
/// each has an end, the subject's goes with the last one.
static TIDY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local kept, longest, last = 0, 0, true \
         for at, id in ipairs(ARGV) do \
             local left = redis.call('TTL', KEYS[at + 1]) \
             if left == -2 then \
                 redis.call('SREM', KEYS[1], id) \
             else \
                 kept, longest, last = kept + 1, math.max(longest, left), last and left >= 0 \
             end \
         end \
         if last and kept == redis.call('SCARD', KEYS[1]) then \
             redis.call('EXPIRE', KEYS[1], longest + 1) \
         end",
    )
});

/// KEYS: those of keys.
static READ: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local all = {} \
         for at, key in ipairs(KEYS) do all[at] = redis.call('HGETALL', key) end \
         return all",
    )
});

/// How many keys one script looks at: others have their turn in between.
const AT_ONCE: usize = 500;

type Fields = HashMap<String, Vec<u8>>;

impl<C> ApiKeyStore for RedisStore<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    const FORGETS_BY_ITSELF: bool = true;

    async fn add_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let mut add = ADD.prepare_invoke();
        add.key(self.api_key(key.id))
            .key(self.api_keys_of(&key.subject));
        write(&mut add, key);
        self.script(&add).await
    }

    async fn find_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let mut get = redis::cmd("HGETALL");
        get.arg(self.api_key(id));
        let fields: Fields = self.command(&get).await?;
        read(id, &fields)
    }

    async fn keys_of(&self, subject: &str) -> Result<Vec<ApiKey>, StoreError> {
        let ids = self.ids_of(subject).await?;
        Ok(listed(self.read_all(&ids).await?))
    }

    async fn rotate_key(
        &self,
        old: ApiKeyId,
        new: &ApiKey,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut rotate = ROTATE.prepare_invoke();
        rotate
            .key(self.api_key(new.id))
            .key(self.api_keys_of(&new.subject))
            .key(self.api_key(old))
            .arg(&new.subject)
            .arg(now.as_secs())
            .arg(until.as_secs())
            .arg(kept(now, until));
        write(&mut rotate, new);
        self.script(&rotate).await
    }

    async fn use_key(&self, id: ApiKeyId, now: Timestamp) -> Result<bool, StoreError> {
        let mut note = USE.prepare_invoke();
        note.key(self.api_key(id)).arg(now.as_secs());
        self.script(&note).await
    }

    async fn revoke_key(
        &self,
        subject: &str,
        id: ApiKeyId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut revoke = REVOKE.prepare_invoke();
        revoke
            .key(self.api_key(id))
            .arg(subject)
            .arg(now.as_secs())
            .arg(KEEP_ENDED.as_secs());
        let revoked = self.script(&revoke).await?;
        if revoked && let Err(error) = self.forget_keys(subject, now).await {
            tracing::warn!(target: "session_auth", %error, "the set of a subject's API keys is kept");
        }
        Ok(revoked)
    }

    /// Redis has dropped what ended long ago; what is left is to take that out of its subject's set, and to
    /// drop what no list has room for.
    async fn forget_keys(&self, subject: &str, _before: Timestamp) -> Result<u64, StoreError> {
        let ids = self.ids_of(subject).await?;
        for ids in ids.chunks(AT_ONCE) {
            self.script::<()>(&self.of_all(&TIDY, subject, ids)).await?;
        }
        if ids.len() <= MAX_LISTED as usize {
            return Ok(0);
        }
        let beyond: Vec<_> = beyond_lists(self.read_all(&ids).await?).collect();
        let mut forgotten = 0;
        for ids in beyond.chunks(AT_ONCE) {
            forgotten += self
                .script::<u64>(&self.of_all(&FORGET, subject, ids))
                .await?;
        }
        Ok(forgotten)
    }
}

impl<C> RedisStore<C> {
    fn api_key(&self, id: ApiKeyId) -> String {
        format!("{}{{api-keys}}:{id}", self.prefix)
    }

    fn api_keys_of(&self, subject: &str) -> String {
        let mut key = format!("{}{{api-keys}}:of:", self.prefix);
        for byte in Sha256::digest(subject) {
            let _ = write!(key, "{byte:02x}");
        }
        key
    }
}

impl<C> RedisStore<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    /// The keys of these ids that are still there.
    async fn read_all(&self, ids: &[ApiKeyId]) -> Result<Vec<ApiKey>, StoreError> {
        let mut keys = Vec::new();
        for ids in ids.chunks(AT_ONCE) {
            let mut read_all = READ.prepare_invoke();
            for id in ids {
                read_all.key(self.api_key(*id));
            }
            let rows: Vec<Fields> = self.script(&read_all).await?;
            for (id, fields) in ids.iter().zip(&rows) {
                match read(*id, fields) {
                    Ok(key) => keys.extend(key),
                    // One row that is broken does not hide the others.
                    Err(error) => {
                        tracing::error!(target: "session_auth", %error, "left out of a list of API keys");
                    }
                }
            }
        }
        Ok(keys)
    }

    /// A script for these keys of the subject's.
    fn of_all(
        &self,
        script: &'static Script,
        subject: &str,
        ids: &[ApiKeyId],
    ) -> redis::ScriptInvocation<'static> {
        let mut script = script.prepare_invoke();
        script.key(self.api_keys_of(subject));
        for id in ids {
            script.key(self.api_key(*id)).arg(id.to_string());
        }
        script
    }

    async fn ids_of(&self, subject: &str) -> Result<Vec<ApiKeyId>, StoreError> {
        let mut members = redis::cmd("SMEMBERS");
        members.arg(self.api_keys_of(subject));
        let ids: Vec<String> = self.command(&members).await?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }
}

/// For how many seconds Redis keeps a key that ends at `end`: a duration, so that its clock need not
/// agree with anybody's.
fn kept(now: Timestamp, end: Timestamp) -> u64 {
    let left = end.as_secs().saturating_sub(now.as_secs());
    let kept = left.saturating_add(KEEP_ENDED.as_secs());
    kept.min(u64::from(u32::MAX))
}

/// Adds what a script writes of a key to its arguments.
fn write(script: &mut redis::ScriptInvocation<'_>, key: &ApiKey) {
    // Every field by name: a new one must not be forgotten here.
    let ApiKey {
        id,
        digest,
        subject,
        label,
        scopes,
        issued,
        expires,
        last_used,
        revoked,
    } = key;
    let kept = expires.map_or(0, |end| kept(*issued, end));
    script.arg(id.to_string()).arg(kept);
    script.arg("version").arg(VERSION);
    script.arg("digest").arg(digest.as_slice());
    script.arg("subject").arg(subject);
    script.arg("label").arg(label);
    script.arg("scopes").arg(scopes.join(" "));
    script.arg("issued").arg(issued.as_secs());
    for (name, time) in [
        ("expires", expires),
        ("last_used", last_used),
        ("revoked", revoked),
    ] {
        if let Some(time) = time {
            script.arg(name).arg(time.as_secs());
        }
    }
}

fn read(id: ApiKeyId, fields: &Fields) -> Result<Option<ApiKey>, StoreError> {
    if fields.is_empty() {
        return Ok(None);
    }
    parse(id, fields)
        .map(Some)
        .map_err(|what| StoreError::unreadable(format!("{id:?}: {what}")))
}

fn parse(id: ApiKeyId, fields: &Fields) -> Result<ApiKey, String> {
    let field = |name: &str| {
        let found = fields.get(name);
        found.ok_or_else(|| format!("it has no {name}"))
    };
    if field("version")? != VERSION {
        return Err("its version is another than this program reads, 1".to_owned());
    }
    let text = |name: &str| {
        let text = String::from_utf8(field(name)?.clone());
        text.map_err(|_| format!("its {name} is not UTF-8"))
    };
    let time = |name: &str| {
        let time = fields.get(name).map(|text| number(text).ok_or(name));
        let time = time.transpose();
        time.map(|time| time.map(Timestamp::from_secs))
            .map_err(|name| format!("its {name} is not a time"))
    };
    let digest = <[u8; 32]>::try_from(field("digest")?.as_slice());
    Ok(ApiKey {
        id,
        digest: digest.map_err(|_| "its digest has not 32 bytes")?,
        subject: text("subject")?,
        label: text("label")?,
        scopes: text("scopes")?
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        issued: time("issued")?.ok_or("it has no issued")?,
        expires: time("expires")?,
        last_used: time("last_used")?,
        revoked: time("revoked")?,
    })
}
