//! Replay windows in SQL databases, in statements that both read alike.

/// Takes a delivery that nobody has, or whose time is over.
pub(super) const CLAIM: &str = "\
    INSERT INTO session_auth_replays (delivery, owner, until) VALUES ($1, $2, $4) \
    ON CONFLICT (delivery) DO UPDATE SET owner = excluded.owner, until = excluded.until \
    WHERE session_auth_replays.until <= $3";

/// Whose it is: nobody's where it was handled.
pub(super) const OWNER: &str =
    "SELECT owner FROM session_auth_replays WHERE delivery = $1 AND until > $2";

pub(super) const CONFIRM: &str = "\
    INSERT INTO session_auth_replays (delivery, owner, until) VALUES ($1, NULL, $2) \
    ON CONFLICT (delivery) DO UPDATE SET owner = NULL, until = excluded.until";

pub(super) const RELEASE: &str =
    "DELETE FROM session_auth_replays WHERE delivery = $1 AND owner = $2";

/// How many that are over go with each that comes: more than one, so that they do not add up.
pub(super) const FORGET_MOST: i64 = 4;

/// Implements `ReplayStore` by the store's `lease`, and its own statement that forgets.
macro_rules! sql_replays {
    ($store:ident, $forget:expr) => {
        impl $crate::store::ReplayStore for $store {
            async fn claim(
                &self,
                key: $crate::store::ReplayKey,
                owner: u64,
                now: Timestamp,
                until: Timestamp,
            ) -> Result<$crate::store::Claim, StoreError> {
                use $crate::store::Claim;
                use $crate::store::sql::replays::{CLAIM, FORGET_MOST, OWNER};

                let mut lease = self.lease(true).await?;
                let claimed = async {
                    let taken = sqlx::query(CLAIM)
                        .bind(key.as_slice())
                        .bind(owner.cast_signed())
                        .bind(seconds(now))
                        .bind(seconds(until))
                        .execute(&mut *lease)
                        .await?;
                    if taken.rows_affected() == 0 {
                        let owner: Option<Option<i64>> = sqlx::query_scalar(OWNER)
                            .bind(key.as_slice())
                            .bind(seconds(now))
                            .fetch_optional(&mut *lease)
                            .await?;
                        return Ok(match owner {
                            Some(None) => Claim::Done,
                            // Or it was given back a moment ago: its sender comes again.
                            Some(Some(_)) | None => Claim::Running,
                        });
                    }
                    Ok::<_, sqlx::Error>(Claim::Taken)
                };
                let answer = claimed.await;
                let claim = lease.finish(answer).await?;
                if claim == Claim::Taken {
                    // On its own: where it fails, the delivery is claimed all the same.
                    let mut lease = self.lease(true).await?;
                    let answer = sqlx::query($forget)
                        .bind(seconds(self.steady.past(now)))
                        .bind(FORGET_MOST)
                        .execute(&mut *lease)
                        .await;
                    if let Err(error) = lease.finish(answer).await {
                        tracing::warn!(target: "session_auth", %error, "old deliveries are kept");
                    }
                }
                Ok(claim)
            }

            async fn confirm(
                &self,
                key: $crate::store::ReplayKey,
                _now: Timestamp,
                until: Timestamp,
            ) -> Result<(), StoreError> {
                let mut lease = self.lease(true).await?;
                let answer = sqlx::query($crate::store::sql::replays::CONFIRM)
                    .bind(key.as_slice())
                    .bind(seconds(until))
                    .execute(&mut *lease)
                    .await;
                lease.finish(answer).await.map(drop)
            }

            async fn release(
                &self,
                key: $crate::store::ReplayKey,
                owner: u64,
            ) -> Result<(), StoreError> {
                let mut lease = self.lease(true).await?;
                let answer = sqlx::query($crate::store::sql::replays::RELEASE)
                    .bind(key.as_slice())
                    .bind(owner.cast_signed())
                    .execute(&mut *lease)
                    .await;
                lease.finish(answer).await.map(drop)
            }
        }
    };
}
pub(super) use sql_replays;
