//! What the stores do alike in both databases: a statement each, on a connection of their own kind.

/// Implements `SessionStore` by the store's `lease` and its statements; `more` is what one database
/// does better than the trait.
macro_rules! sql_store {
    ($store:ident $($more:tt)*) => {
        impl SessionStore for $store {
            async fn generation(&self, subject: &str) -> Result<Generation, StoreError> {
                let mut lease = self.lease(false).await?;
                let answer = sqlx::query_scalar(GENERATION)
                    .bind(subject)
                    .fetch_optional(&mut *lease)
                    .await;
                let generation: Option<i64> = lease.finish(answer).await?;
                Ok(Generation(generation.unwrap_or(0) as u64))
            }

            async fn insert(
                &self,
                session: &StoredSession,
                generation: Generation,
            ) -> Result<bool, StoreError> {
                let mut lease = self.lease(true).await?;
                let answer = bind_session!(sqlx::query(INSERT), session)
                    .bind(generation.0 as i64)
                    .execute(&mut *lease)
                    .await;
                Ok(lease.finish(answer).await?.rows_affected() == 1)
            }

            async fn touch(
                &self,
                subject: &str,
                id: SessionId,
                last_seen: Timestamp,
                idle_deadline: Timestamp,
            ) -> Result<bool, StoreError> {
                let mut lease = self.lease(true).await?;
                // All rows, although there is one at the most: `fetch_optional` stops at the first,
                // and does not see that the statement then failed to commit.
                let answer = sqlx::query_scalar(TOUCH)
                    .bind(subject)
                    .bind(id.as_bytes().as_slice())
                    .bind(seconds(last_seen))
                    .bind(seconds(idle_deadline))
                    .fetch_all(&mut *lease)
                    .await;
                let versions: Vec<i16> = lease.finish(answer).await?;
                match versions.first() {
                    Some(version) => row::known_version(id, *version).map(|()| true),
                    None => Ok(false),
                }
            }

            async fn replace(
                &self,
                old: SessionId,
                session: &StoredSession,
            ) -> Result<bool, StoreError> {
                let mut lease = self.lease(true).await?;
                let answer = bind_session!(sqlx::query(REPLACE), session)
                    .bind(old.as_bytes().as_slice())
                    .execute(&mut *lease)
                    .await;
                Ok(lease.finish(answer).await?.rows_affected() == 1)
            }

            async fn revoke(&self, subject: &str, id: SessionId) -> Result<bool, StoreError> {
                let mut lease = self.lease(true).await?;
                let ended = async {
                    // Again where it is there and did not end: while the statement waited for the row, that
                    // got another id, and a statement sees what there was when it began.
                    for _ in 0..MAX_OVERTAKEN {
                        let ended = sqlx::query(REVOKE)
                            .bind(subject)
                            .bind(id.as_bytes().as_slice())
                            .execute(&mut *lease)
                            .await?;
                        if ended.rows_affected() > 0 {
                            return Ok(true);
                        }
                        let left = sqlx::query(IS_THERE)
                            .bind(subject)
                            .bind(id.as_bytes().as_slice())
                            .fetch_optional(&mut *lease)
                            .await?;
                        if left.is_none() {
                            break;
                        }
                    }
                    Ok::<_, sqlx::Error>(false)
                };
                let answer = ended.await;
                lease.finish(answer).await
            }

            async fn revoke_all(
                &self,
                subject: &str,
                except: Option<SessionId>,
                now: Timestamp,
            ) -> Result<u64, StoreError> {
                let mut lease = self.lease(true).await?;
                // Of however many sessions, two rows are written: those of a generation that has passed
                // are none any more, and go when they expire.
                let ended = async {
                    let mut transaction = lease.begin().await?;
                    let (generation, previous): (i64, i64) = sqlx::query_as(RAISE)
                        .bind(subject)
                        .bind(seconds(now))
                        .fetch_one(&mut *transaction)
                        .await?;
                    for spare in [SPARE, SPARE_RENEWED] {
                        let Some(id) = &except else { break };
                        let spared = sqlx::query(spare)
                            .bind(subject)
                            .bind(id.as_bytes().as_slice())
                            .bind(generation)
                            .bind(previous)
                            .execute(&mut *transaction)
                            .await?;
                        if spared.rows_affected() > 0 {
                            break;
                        }
                    }
                    let ended: i64 = sqlx::query_scalar(COUNT_ENDED)
                        .bind(subject)
                        .bind(previous)
                        .bind(generation)
                        .fetch_one(&mut *transaction)
                        .await?;
                    transaction.commit().await?;
                    Ok::<_, sqlx::Error>(ended as u64)
                };
                let answer = ended.await;
                lease.finish(answer).await
            }

            async fn list(
                &self,
                subject: &str,
                now: Timestamp,
            ) -> Result<Vec<StoredSession>, StoreError> {
                let mut lease = self.lease(false).await?;
                let answer = sqlx::query(LIST)
                    .bind(subject)
                    .bind(seconds(now))
                    .bind(i64::from(MAX_LISTED))
                    .fetch_all(&mut *lease)
                    .await;
                let rows = lease.finish(answer).await?;
                Ok(row::readable(&rows, row::session, "sessions"))
            }

            async fn remove_expired(
                &self,
                before: Timestamp,
                limit: u32,
            ) -> Result<u64, StoreError> {
                let mut lease = self.lease(true).await?;
                let statements = [
                    (REMOVE_EXPIRED, Some(seconds(before))),
                    (FORGET_RENEWED, Some(seconds(before))),
                    (FORGET, forgettable(before)),
                ];
                // The most of the three: it is asked again while any of them has more.
                let mut answer = Ok(0);
                for (statement, before) in statements {
                    let (Ok(most), Some(before)) = (&answer, before) else {
                        continue;
                    };
                    let most = *most;
                    // Which generations have no rows left takes the longer the more there are: when the rest
                    // is done.
                    if statement == FORGET && most >= u64::from(limit) {
                        continue;
                    }
                    answer = sqlx::query(statement)
                        .bind(before)
                        .bind(i64::from(limit))
                        .execute(&mut *lease)
                        .await
                        .map(|removed| removed.rows_affected().max(most));
                }
                lease.finish(answer).await
            }

            async fn trim(
                &self,
                subject: &str,
                keep: SessionId,
                most: u32,
                now: Timestamp,
            ) -> Result<u64, StoreError> {
                let mut lease = self.lease(true).await?;
                let answer = sqlx::query(TRIM)
                    .bind(subject)
                    .bind(i64::from(most))
                    .bind(keep.as_bytes().as_slice())
                    .bind(seconds(now))
                    .execute(&mut *lease)
                    .await;
                Ok(lease.finish(answer).await?.rows_affected())
            }

            async fn renew(
                &self,
                old: SessionId,
                session: &StoredSession,
                until: Timestamp,
            ) -> Result<bool, StoreError> {
                let mut lease = self.lease(true).await?;
                let renewed = async {
                    let mut transaction = lease.begin().await?;
                    let done = bind_session!(sqlx::query(REPLACE), session)
                        .bind(old.as_bytes().as_slice())
                        .execute(&mut *transaction)
                        .await?;
                    if done.rows_affected() == 0 {
                        return Ok(false);
                    }
                    let moved = sqlx::query(MOVE_RENEWED)
                        .bind(session.id.as_bytes().as_slice())
                        .bind(old.as_bytes().as_slice())
                        .execute(&mut *transaction)
                        .await?;
                    if moved.rows_affected() > 0 {
                        sqlx::query(FORGET_BEFORE)
                            .bind(session.id.as_bytes().as_slice())
                            .bind(seconds(session.last_seen))
                            .bind(MAX_BEFORE as i64 - 1)
                            .execute(&mut *transaction)
                            .await?;
                    }
                    sqlx::query(REMEMBER)
                        .bind(old.as_bytes().as_slice())
                        .bind(session.subject.as_str())
                        .bind(session.id.as_bytes().as_slice())
                        .bind(seconds(until))
                        .execute(&mut *transaction)
                        .await?;
                    transaction.commit().await?;
                    Ok::<_, sqlx::Error>(true)
                };
                let answer = renewed.await;
                lease.finish(answer).await
            }

            async fn was_renewed(
                &self,
                subject: &str,
                old: SessionId,
                now: Timestamp,
            ) -> Result<bool, StoreError> {
                let mut lease = self.lease(false).await?;
                let answer = sqlx::query(WAS_RENEWED)
                    .bind(subject)
                    .bind(old.as_bytes().as_slice())
                    .bind(seconds(now))
                    .fetch_optional(&mut *lease)
                    .await;
                Ok(lease.finish(answer).await?.is_some())
            }

            $($more)*
        }

        impl std::fmt::Debug for $store {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($store))
                    .field("connections", &self.pool.size())
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(super) use sql_store;
