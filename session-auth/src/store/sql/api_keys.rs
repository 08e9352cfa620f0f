//! API keys in SQL databases, in statements that both read alike.

use sqlx::{ColumnIndex, Decode, Row, Type};

use super::row::{check_version, column, nullable};
use crate::clock::Timestamp;
use crate::store::api_keys::{ApiKey, ApiKeyId};
use crate::store::error::StoreError;

pub(super) const ADD: &str = "\
    INSERT INTO session_auth_api_keys \
        (id, digest, subject, label, scopes, issued, expires, last_used, revoked, version) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

pub(super) const FIND: &str = "\
    SELECT id, digest, subject, label, scopes, issued, expires, last_used, revoked, version \
    FROM session_auth_api_keys WHERE id = $1";

pub(super) const OF: &str = "\
    SELECT id, digest, subject, label, scopes, issued, expires, last_used, revoked, version \
    FROM session_auth_api_keys WHERE subject = $1 \
    ORDER BY (revoked IS NULL) DESC, (expires IS NULL) DESC, expires DESC, issued DESC LIMIT $2";

pub(super) const END: &str = "\
    UPDATE session_auth_api_keys SET \
        expires = CASE WHEN expires < $4 THEN expires ELSE $4 END \
    WHERE id = $1 AND subject = $2 AND revoked IS NULL AND (expires IS NULL OR expires > $3)";

pub(super) const USE: &str = "\
    UPDATE session_auth_api_keys SET \
        last_used = CASE WHEN last_used > $2 THEN last_used ELSE $2 END WHERE id = $1";

pub(super) const REVOKE: &str = "\
    UPDATE session_auth_api_keys SET revoked = $3 \
    WHERE id = $1 AND subject = $2 AND revoked IS NULL";

/// Also what has an end and no room in a list.
pub(super) const FORGET: &str = "\
    DELETE FROM session_auth_api_keys WHERE subject = $1 AND (revoked < $2 OR expires < $2 \
        OR ((revoked IS NOT NULL OR expires IS NOT NULL) AND id NOT IN ( \
            SELECT id FROM session_auth_api_keys WHERE subject = $1 \
            ORDER BY (revoked IS NULL) DESC, (expires IS NULL) DESC, expires DESC, issued DESC \
            LIMIT $3)))";

/// The values of [`ADD`], in their order.
macro_rules! bind_key {
    ($query:expr, $key:expr) => {{
        use $crate::store::sql::statements::{ROW_VERSION, seconds};
        let key: &$crate::store::ApiKey = $key;
        $query
            .bind(key.id.as_bytes().as_slice())
            .bind(key.digest.as_slice())
            .bind(key.subject.as_str())
            .bind(key.label.as_str())
            // A scope has no white space in it.
            .bind(key.scopes.join(" "))
            .bind(seconds(key.issued))
            .bind(key.expires.map(seconds))
            .bind(key.last_used.map(seconds))
            .bind(key.revoked.map(seconds))
            .bind(ROW_VERSION)
    }};
}
pub(super) use bind_key;

/// The key of this row.
pub(super) fn key<R: Row>(row: &R) -> Result<ApiKey, StoreError>
where
    &'static str: ColumnIndex<R>,
    Vec<u8>: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    String: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    i64: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    i16: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    let id = bytes(row, "id")
        .map_err(|what| StoreError::unreadable(format!("an API key of unknown id: {what}")))?;
    let id = ApiKeyId::from_bytes(id);
    fields(row, id).map_err(|what| StoreError::unreadable(format!("{id:?}: {what}")))
}

fn fields<R: Row>(row: &R, id: ApiKeyId) -> Result<ApiKey, String>
where
    &'static str: ColumnIndex<R>,
    Vec<u8>: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    String: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    i64: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    i16: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    // First: in a row of another version the other columns may mean something else.
    check_version(column(row, "version")?)?;
    let time = |name| {
        let seconds: Option<i64> = nullable(row, name)?;
        let time = seconds.map(u64::try_from).transpose();
        let time = time.map_err(|_| format!("its {name} is before 1970"))?;
        Ok::<_, String>(time.map(Timestamp::from_secs))
    };
    let scopes: String = column(row, "scopes")?;
    Ok(ApiKey {
        id,
        digest: bytes(row, "digest")?,
        subject: column(row, "subject")?,
        label: column(row, "label")?,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        issued: time("issued")?.ok_or("its issued is NULL")?,
        expires: time("expires")?,
        last_used: time("last_used")?,
        revoked: time("revoked")?,
    })
}

fn bytes<const N: usize, R: Row>(row: &R, name: &'static str) -> Result<[u8; N], String>
where
    &'static str: ColumnIndex<R>,
    Vec<u8>: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    let bytes: Vec<u8> = column(row, name)?;
    <[u8; N]>::try_from(bytes.as_slice())
        .map_err(|_| format!("its {name} has {} bytes, not {N}", bytes.len()))
}

/// Implements `ApiKeyStore` by the store's `lease`.
macro_rules! sql_api_keys {
    ($store:ident) => {
        impl $crate::store::ApiKeyStore for $store {
            async fn add_key(&self, key: &$crate::store::ApiKey) -> Result<(), StoreError> {
                use $crate::store::sql::api_keys::{ADD, bind_key};
                let mut lease = self.lease(true).await?;
                let answer = bind_key!(sqlx::query(ADD), key).execute(&mut *lease).await;
                lease.finish(answer).await.map(drop)
            }

            async fn find_key(
                &self,
                id: $crate::store::ApiKeyId,
            ) -> Result<Option<$crate::store::ApiKey>, StoreError> {
                let mut lease = self.lease(false).await?;
                let answer = sqlx::query($crate::store::sql::api_keys::FIND)
                    .bind(id.as_bytes().as_slice())
                    .fetch_optional(&mut *lease)
                    .await;
                let row = lease.finish(answer).await?;
                row.as_ref()
                    .map($crate::store::sql::api_keys::key)
                    .transpose()
            }

            async fn keys_of(
                &self,
                subject: &str,
            ) -> Result<Vec<$crate::store::ApiKey>, StoreError> {
                let mut lease = self.lease(false).await?;
                let answer = sqlx::query($crate::store::sql::api_keys::OF)
                    .bind(subject)
                    .bind(i64::from(MAX_LISTED))
                    .fetch_all(&mut *lease)
                    .await;
                let rows = lease.finish(answer).await?;
                Ok($crate::store::api_keys::listed(row::readable(
                    &rows,
                    $crate::store::sql::api_keys::key,
                    "API keys",
                )))
            }

            async fn rotate_key(
                &self,
                old: $crate::store::ApiKeyId,
                new: &$crate::store::ApiKey,
                now: Timestamp,
                until: Timestamp,
            ) -> Result<bool, StoreError> {
                use $crate::store::sql::api_keys::{ADD, END, bind_key};
                let mut lease = self.lease(true).await?;
                let rotated = async {
                    let mut transaction = lease.begin().await?;
                    let ended = sqlx::query(END)
                        .bind(old.as_bytes().as_slice())
                        .bind(new.subject.as_str())
                        .bind(seconds(now))
                        .bind(seconds(until))
                        .execute(&mut *transaction)
                        .await?;
                    if ended.rows_affected() == 0 {
                        return Ok(false);
                    }
                    bind_key!(sqlx::query(ADD), new)
                        .execute(&mut *transaction)
                        .await?;
                    transaction.commit().await?;
                    Ok::<_, sqlx::Error>(true)
                };
                let answer = rotated.await;
                lease.finish(answer).await
            }

            async fn use_key(
                &self,
                id: $crate::store::ApiKeyId,
                now: Timestamp,
            ) -> Result<bool, StoreError> {
                let mut lease = self.lease(true).await?;
                let answer = sqlx::query($crate::store::sql::api_keys::USE)
                    .bind(id.as_bytes().as_slice())
                    .bind(seconds(now))
                    .execute(&mut *lease)
                    .await;
                Ok(lease.finish(answer).await?.rows_affected() == 1)
            }

            async fn revoke_key(
                &self,
                subject: &str,
                id: $crate::store::ApiKeyId,
                now: Timestamp,
            ) -> Result<bool, StoreError> {
                let mut lease = self.lease(true).await?;
                let answer = sqlx::query($crate::store::sql::api_keys::REVOKE)
                    .bind(id.as_bytes().as_slice())
                    .bind(subject)
                    .bind(seconds(now))
                    .execute(&mut *lease)
                    .await;
                Ok(lease.finish(answer).await?.rows_affected() == 1)
            }

            async fn forget_keys(
                &self,
                subject: &str,
                before: Timestamp,
            ) -> Result<u64, StoreError> {
                let mut lease = self.lease(true).await?;
                let answer = sqlx::query($crate::store::sql::api_keys::FORGET)
                    .bind(subject)
                    .bind(seconds(before))
                    .bind(i64::from(MAX_LISTED))
                    .execute(&mut *lease)
                    .await;
                Ok(lease.finish(answer).await?.rows_affected())
            }
        }
    };
}
pub(super) use sql_api_keys;
