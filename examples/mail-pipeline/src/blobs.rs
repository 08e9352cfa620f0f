//! What is too large for a queue: a file for each content, named by its SHA-256. The queue carries the
//! name, as a claim check. Nothing here is ever deleted.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
#[cfg(feature = "s3")]
use std::sync::Arc;
#[cfg(feature = "s3")]
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt as _;

use crate::clock;
use crate::queue::BoxError;

/// Of base64 at a time: a multiple of 4, for whole bytes.
const ENCODED: usize = 256 * 1024;
/// Read at a time: a multiple of 3, so that the base64 of the parts is that of the whole.
const READ: usize = 192 * 1024;

/// The store.
#[derive(Clone)]
pub(crate) struct Blobs {
    folder: PathBuf,
    /// Where files go once they are whole, in place of the folder.
    #[cfg(feature = "s3")]
    s3: Option<Arc<dyn object_store::ObjectStore>>,
}

/// What was put there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) key: String,
    pub(crate) bytes: u64,
}

/// Why there is no content.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The store answers, and has none of this name.
    Missing(String),
    /// The store does not answer, now.
    Unavailable(BoxError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(key) => write!(f, "{key} is not in the store of attachments"),
            Self::Unavailable(error) => write!(f, "the store of attachments fails: {error}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Blobs {
    pub(crate) fn open(folder: &Path, s3: Option<&str>) -> Result<Self, BoxError> {
        let why = |error| format!("the folder {} cannot be made: {error}", folder.display());
        fs::create_dir_all(folder).map_err(why)?;
        #[cfg(feature = "s3")]
        let s3 = match s3 {
            Some(url) => Some(bucket(url)?),
            None => None,
        };
        #[cfg(not(feature = "s3"))]
        if let Some(url) = s3 {
            return Err(format!(
                "BLOBS is {url}, and this program was built without S3: build it with --features s3"
            )
            .into());
        }
        Ok(Self {
            folder: folder.to_owned(),
            #[cfg(feature = "s3")]
            s3,
        })
    }

    /// Blocks.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<Stored, BoxError> {
        let mut file = Growing::new(&self.folder)?;
        file.push(bytes)?;
        self.keep(file)
    }

    /// Puts what this base64 stands for. `None`: it is none, or cut. Blocks.
    pub(crate) fn put_base64(&self, text: &str) -> Result<Option<Stored>, BoxError> {
        // Some senders fold the lines.
        let folded = text
            .contains(['\r', '\n'])
            .then(|| text.replace(['\r', '\n'], ""));
        let text = folded.as_deref().unwrap_or(text).as_bytes();
        let mut file = Growing::new(&self.folder)?;
        let mut parts = text.chunks(ENCODED).peekable();
        while let Some(part) = parts.next() {
            let Ok(bytes) = STANDARD.decode(part) else {
                return Ok(None);
            };
            // Padding belongs at the end alone.
            if parts.peek().is_some() && bytes.len() % 3 != 0 {
                return Ok(None);
            }
            file.push(&bytes)?;
        }
        self.keep(file).map(Some)
    }

    fn keep(&self, file: Growing) -> Result<Stored, BoxError> {
        #[cfg(feature = "s3")]
        if let Some(s3) = &self.s3 {
            let (path, stored) = file.finish()?;
            let name = object_store::path::Path::from(stored.key.as_str());
            let put = async {
                use object_store::ObjectStoreExt as _;
                s3.put(&name, fs::read(&path)?.into()).await?;
                Ok::<_, BoxError>(())
            };
            let done = tokio::runtime::Handle::current().block_on(put);
            fs::remove_file(&path)?;
            done?;
            return Ok(stored);
        }
        let (path, stored) = file.finish()?;
        fs::rename(path, self.folder.join(&stored.key))?;
        // The name has to outlive a crash, too.
        File::open(&self.folder)?.sync_all()?;
        Ok(stored)
    }

    /// The content, in parts whose lengths are multiples of 3 but for the last.
    pub(crate) async fn read(
        &self,
        key: &str,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, ReadError> {
        let missing = || ReadError::Missing(key.to_owned());
        if key.len() != 64 || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(missing());
        }
        #[cfg(feature = "s3")]
        if let Some(s3) = &self.s3 {
            use object_store::ObjectStoreExt as _;
            let found = s3.get(&key.into()).await.map_err(|error| match error {
                object_store::Error::NotFound { .. } => missing(),
                error => ReadError::Unavailable(error.into()),
            })?;
            return Ok(in_threes(found.into_stream().map_err(io::Error::other)).boxed());
        }
        let file = tokio::fs::File::open(self.folder.join(key)).await;
        let file = file.map_err(|error| match error.kind() {
            // Without the folder, as of a disk that is not mounted, nothing is known of any.
            io::ErrorKind::NotFound if self.folder.is_dir() => missing(),
            _ => ReadError::Unavailable(error.into()),
        })?;
        let parts = stream::try_unfold(file, |mut file| async move {
            let mut part = Vec::with_capacity(READ);
            (&mut file).take(READ as u64).read_to_end(&mut part).await?;
            Ok((!part.is_empty()).then(|| (Bytes::from(part), file)))
        });
        Ok(parts.boxed())
    }

    pub(crate) async fn read_whole(&self, key: &str) -> Result<Vec<u8>, ReadError> {
        let parts: Vec<Bytes> = self.read(key).await?.try_collect().await?;
        Ok(parts.concat())
    }
}

/// `s3://bucket/prefix`, with AWS's variables.
#[cfg(feature = "s3")]
fn bucket(url: &str) -> Result<Arc<dyn object_store::ObjectStore>, BoxError> {
    let why = |why: &dyn fmt::Display| format!("BLOBS is {url}: {why}; write s3://bucket/prefix");
    let parsed: reqwest::Url = url.parse().map_err(|error| why(&error))?;
    if parsed.scheme() != "s3" {
        return Err(why(&"it is not S3's").into());
    }
    let store = object_store::aws::AmazonS3Builder::from_env()
        .with_url(url)
        // An outage is for the provider, and for the queue, to wait out. Two minutes is all that a
        // provider waits for an answer.
        .with_retry(object_store::RetryConfig {
            max_retries: 2,
            retry_timeout: Duration::from_secs(10),
            ..Default::default()
        })
        .build()
        .map_err(|error| why(&error))?;
    let prefix = object_store::path::Path::from_url_path(parsed.path())?;
    Ok(Arc::new(object_store::prefix::PrefixStore::new(
        store, prefix,
    )))
}

/// The same bytes in parts whose lengths are multiples of 3 but for the last.
#[cfg(feature = "s3")]
fn in_threes(
    parts: impl futures_util::Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold((parts, Vec::new()), |(mut parts, mut whole)| async move {
        while whole.len() < 3 {
            match parts.try_next().await? {
                Some(part) => whole.extend_from_slice(&part),
                None if whole.is_empty() => return Ok(None),
                None => return Ok(Some((Bytes::from(whole), (parts, Vec::new())))),
            }
        }
        let rest = whole.split_off(whole.len() / 3 * 3);
        Ok(Some((Bytes::from(whole), (parts, rest))))
    })
}

/// A file that has no name yet.
struct Growing {
    path: PathBuf,
    file: File,
    hash: Sha256,
    bytes: u64,
    done: bool,
}

impl Growing {
    fn new(folder: &Path) -> Result<Self, BoxError> {
        let path = folder.join(format!("{}.part", clock::token()?));
        let file = File::create_new(&path)?;
        Ok(Self {
            path,
            file,
            hash: Sha256::new(),
            bytes: 0,
            done: false,
        })
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn finish(mut self) -> io::Result<(PathBuf, Stored)> {
        self.file.sync_all()?;
        self.done = true;
        let key = clock::hex(&std::mem::take(&mut self.hash).finalize());
        Ok((
            self.path.clone(),
            Stored {
                key,
                bytes: self.bytes,
            },
        ))
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(feature = "s3"))]
    #[test]
    fn a_program_without_s3_says_so() {
        let folder = std::env::temp_dir().join(format!("blobs-{}", clock::token().unwrap()));
        let error = Blobs::open(&folder, Some("s3://mails"))
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("--features s3"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[cfg(feature = "s3")]
    #[tokio::test]
    async fn parts_are_cut_anew_for_base64() {
        let bytes: Vec<u8> = (0..1000).map(|n| n as u8).collect();
        for size in [1, 2, 3, 4, 7, 999, 1000] {
            let parts = bytes
                .chunks(size)
                .map(|part| Ok(Bytes::copy_from_slice(part)));
            let parts: Vec<_> = in_threes(stream::iter(parts.collect::<Vec<_>>()).boxed())
                .map(|part| part.unwrap())
                .collect()
                .await;
            let (last, others) = parts.split_last().unwrap();
            assert!(others.iter().all(|part| part.len() % 3 == 0), "{size}");
            assert!(!last.is_empty());
            assert_eq!(parts.concat(), bytes, "{size}");
        }
    }

    #[tokio::test]
    async fn base64_is_kept_as_what_it_stands_for_and_a_cut_one_is_none() {
        let folder = std::env::temp_dir().join(format!("blobs-{}", clock::token().unwrap()));
        let blobs = Blobs::open(&folder, None).unwrap();
        let bytes: Vec<u8> = (0..READ * 2 + 7).map(|n| n as u8).collect();
        let text = STANDARD.encode(&bytes);
        let stored = blobs.put_base64(&text).unwrap().unwrap();
        assert_eq!(stored.bytes, bytes.len() as u64);
        assert_eq!(blobs.read_whole(&stored.key).await.unwrap(), bytes);
        // The same content is the same file.
        assert_eq!(blobs.put(&bytes).unwrap(), stored);
        let folded = text
            .as_bytes()
            .chunks(76)
            .map(|line| str::from_utf8(line).unwrap());
        let folded = folded.collect::<Vec<_>>().join("\r\n");
        assert_eq!(blobs.put_base64(&folded).unwrap().unwrap(), stored);
        for bad in [&text[..text.len() - 3], "a", "!!!!", "YQ==YQ=="] {
            assert_eq!(blobs.put_base64(bad).unwrap(), None);
        }
        assert_eq!(blobs.put_base64("").unwrap().unwrap().bytes, 0);
        for bad in ["", "../../etc/passwd", &"/".repeat(64)] {
            assert!(blobs.read(bad).await.is_err(), "{bad}");
        }
        let left = fs::read_dir(&folder).unwrap();
        assert_eq!(left.count(), 2, "nothing half-written is left");
        fs::remove_dir_all(folder).unwrap();
    }
}
