//! Which mailbox of the help desk a mail is for. Kept in the database, and read for each mail: a change
//! needs no restart.

use std::collections::BTreeMap;
use std::fmt;

use crate::database::{Db, either};
use crate::mail::Mail;

/// The address that stands for all others.
pub(crate) const DEFAULT: &str = "*";

/// An address can have no more (RFC 5321 §4.5.3.1.3, less the two brackets).
const MAX_ADDRESS: usize = 254;

#[derive(Clone)]
pub(crate) struct Routing {
    db: Db,
}

/// Mailboxes by address, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table(pub(crate) BTreeMap<String, i64>);

/// Why a change is refused.
#[derive(Debug)]
pub(crate) enum RoutingError {
    NoAddress,
    NoMailbox,
    /// Recipients without a line of their own would have no mailbox.
    LeavesNone,
    Database(sqlx::Error),
}

impl fmt::Display for RoutingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str(
                "this is no address: write support@example.org, or * for all that have no line",
            ),
            Self::NoMailbox => f.write_str("a mailbox has a number from 1"),
            Self::LeavesNone => f.write_str(
                "without * every recipient that has no line would have no mailbox: give * another \
                 mailbox in its place",
            ),
            Self::Database(error) => write!(f, "the database failed: {error}"),
        }
    }
}

impl std::error::Error for RoutingError {}

impl From<sqlx::Error> for RoutingError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl Routing {
    /// With this mailbox for all, where nothing else was said yet.
    pub(crate) async fn open(db: Db, default: i64) -> Result<Self, RoutingError> {
        either!(&db.pool, pool => sqlx::query(
            "INSERT INTO routes (address, mailbox) VALUES ('*', $1) ON CONFLICT DO NOTHING",
        )
        .bind(default)
        .execute(pool)
        .await
        .map(drop))?;
        Ok(Self { db })
    }

    pub(crate) async fn table(&self) -> Result<Table, sqlx::Error> {
        let rows: Vec<(String, i64)> = either!(&self.db.pool, pool =>
            sqlx::query_as("SELECT address, mailbox FROM routes").fetch_all(pool).await)?;
        Ok(Table(rows.into_iter().collect()))
    }

    pub(crate) async fn set(&self, address: &str, mailbox: i64) -> Result<(), RoutingError> {
        let address = normal(address);
        let good = address == DEFAULT
            || (address.len() <= MAX_ADDRESS
                && !address.contains(|c: char| c.is_whitespace() || c.is_control())
                && address
                    .split_once('@')
                    .is_some_and(|(a, b)| !a.is_empty() && !b.is_empty()));
        if !good {
            return Err(RoutingError::NoAddress);
        }
        if mailbox < 1 {
            return Err(RoutingError::NoMailbox);
        }
        either!(&self.db.pool, pool => sqlx::query(
            "INSERT INTO routes (address, mailbox) VALUES ($1, $2)
             ON CONFLICT (address) DO UPDATE SET mailbox = excluded.mailbox",
        )
        .bind(address)
        .bind(mailbox)
        .execute(pool)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Takes an address's own line away: it goes where all others go.
    pub(crate) async fn remove(&self, address: &str) -> Result<(), RoutingError> {
        let address = normal(address);
        if address == DEFAULT {
            return Err(RoutingError::LeavesNone);
        }
        either!(&self.db.pool, pool => sqlx::query("DELETE FROM routes WHERE address = $1")
            .bind(address)
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }
}

fn normal(address: &str) -> String {
    address.trim().to_ascii_lowercase()
}

impl Table {
    /// The envelope knows best: it has the one address to which this copy was delivered. Without it
    /// (it is missing, or an address that has no line) every address that the headers name; then the
    /// part after `+`; then what is for all others.
    pub(crate) fn mailboxes(&self, mail: &Mail) -> Vec<i64> {
        let own = |address: &str| {
            let address = normal(address);
            (address != DEFAULT).then(|| self.0.get(&address).copied())?
        };
        if let Some(mailbox) = own(&mail.recipient) {
            return vec![mailbox];
        }
        let mut found = Vec::new();
        for address in mail.to.iter().chain(&mail.cc).chain(&mail.bcc) {
            if let Some(mailbox) = own(address)
                && !found.contains(&mailbox)
            {
                found.push(mailbox);
            }
        }
        if found.is_empty() && !mail.mailbox_hash.is_empty() {
            // `support` is the line `support@..`, whatever the domain.
            let hash = normal(&mail.mailbox_hash);
            let of_hash = |address: &str| address.split('@').next() == Some(hash.as_str());
            found.extend(
                self.0
                    .iter()
                    .find(|(it, _)| of_hash(it))
                    .map(|(_, mailbox)| *mailbox),
            );
        }
        if found.is_empty() {
            found.extend(self.0.get(DEFAULT));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Person;

    fn mail(recipient: &str, to: &[&str], cc: &[&str], hash: &str) -> Mail {
        let all = |them: &[&str]| them.iter().map(|it| (*it).to_owned()).collect();
        Mail {
            id: "postmark:1".to_owned(),
            from: Person::default(),
            subject: String::new(),
            date: String::new(),
            message_id: None,
            text: String::new(),
            html: String::new(),
            recipient: recipient.to_owned(),
            to: all(to),
            cc: all(cc),
            bcc: Vec::new(),
            mailbox_hash: hash.to_owned(),
            automatic: false,
            attachments: Vec::new(),
        }
    }

    #[test]
    fn by_envelope_then_headers_then_hash_then_default() {
        let lines = [
            ("*", 9),
            ("support@example.org", 1),
            ("sales@example.org", 2),
        ];
        let table = Table(
            lines
                .map(|(address, mailbox)| (address.to_owned(), mailbox))
                .into(),
        );
        let of = |recipient, to: &[&str], cc: &[&str], hash| {
            table.mailboxes(&mail(recipient, to, cc, hash))
        };
        // In any case, and the envelope over what the headers say.
        assert_eq!(
            of("SUPPORT@Example.org", &["sales@example.org"], &[], ""),
            [1]
        );
        assert_eq!(
            of("abc@inbound.example.org", &["Sales@example.org"], &[], ""),
            [2]
        );
        assert_eq!(
            of("", &["x@example.com"], &["support@example.org"], ""),
            [1]
        );
        let both = [
            "support@example.org",
            "sales@example.org",
            "support@example.org",
        ];
        assert_eq!(of("", &both, &[], "sales"), [1, 2]);
        assert_eq!(of("", &[], &[], "Sales"), [2]);
        assert_eq!(of("x@example.com", &["*"], &[], "other"), [9]);
    }
}
