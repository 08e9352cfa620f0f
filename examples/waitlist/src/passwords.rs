//! Passwords are kept as argon2id hashes, with the parameters that the crate recommends.

use std::fmt;
use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::Argon2;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Hashes and verifies passwords, on threads that may block: it takes tens of milliseconds.
#[derive(Clone)]
pub(crate) struct Passwords {
    /// Each takes 19 MiB, and a whole core: more at a time would only be slower, and fill the
    /// memory.
    turns: Arc<Semaphore>,
    /// Verified where there is no account, so that the time does not tell which names have one.
    nobody: Arc<str>,
}

impl Passwords {
    pub(crate) async fn new() -> Result<Self, PasswordError> {
        let cores = available_parallelism().map_or(1, usize::from);
        let mut this = Self {
            turns: Arc::new(Semaphore::new(cores)),
            nobody: "".into(),
        };
        this.nobody = this.hash("nobody's".to_owned()).await?.into();
        Ok(this)
    }

    /// A PHC string, with a salt of its own.
    pub(crate) async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.run(move || {
            let hash = Argon2::default().hash_password(password.as_bytes())?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether it is the password of this hash. Takes as long where there is no hash, and says no.
    pub(crate) async fn verify(
        &self,
        password: String,
        hash: Option<&str>,
    ) -> Result<bool, PasswordError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.nobody).to_owned();
        self.run(move || {
            match Argon2::default().verify_password(password.as_bytes(), hash.as_str()) {
                Ok(()) => Ok(known),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, password_hash::Error> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|error| PasswordError(error.to_string()))?;
        let work = spawn_blocking(move || {
            // The work goes on where the request is given up: so does its turn.
            let _turn = turn;
            work()
        });
        match work.await {
            Ok(done) => done.map_err(|error| PasswordError(error.to_string())),
            Err(error) => Err(PasswordError(error.to_string())),
        }
    }
}

/// A password could not be hashed, or a hash is none.
#[derive(Debug)]
pub(crate) struct PasswordError(String);

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a password cannot be hashed or verified: {}", self.0)
    }
}

impl std::error::Error for PasswordError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_of_its_password_alone() {
        let passwords = Passwords::new().await.unwrap();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let verify = async |password: &str, hash| {
            let verified = passwords.verify(password.to_owned(), hash).await;
            verified.unwrap()
        };
        assert!(verify("correct horse", Some(&hash)).await);
        assert!(!verify("correct hors", Some(&hash)).await);
        assert!(!verify("correct horse", None).await);
        // Whoever reads this source does not get in with it.
        assert!(!verify("nobody's", None).await);
    }

    #[tokio::test]
    async fn a_broken_hash_is_an_error_and_no_wrong_password() {
        let passwords = Passwords::new().await.unwrap();
        for broken in ["", "correct horse", "$argon2id$", "$md5$abc"] {
            let verified = passwords.verify("correct horse".into(), Some(broken)).await;
            assert!(verified.is_err(), "{broken:?}");
        }
    }
}
