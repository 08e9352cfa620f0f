//! A copy of everything, and the way back.

use std::fs;
use std::path::Path;

use crate::Config;
use crate::database::Either;
use crate::queue::BoxError;

/// Copies database and attachments to a folder.
///
/// # Errors
///
/// The folder is there already, or something cannot be read or written.
pub async fn backup(config: &Config, to: &Path) -> Result<(), BoxError> {
    fs::create_dir(to).map_err(|error| format!("{} cannot be made: {error}", to.display()))?;
    let db = crate::open(config).await?;
    match &db.pool {
        Either::Sqlite(pool) => {
            // Whole and at one moment, while the service goes on.
            let file = to.join("mail.sqlite");
            let file = file.to_str().ok_or("the folder's name is no text")?;
            sqlx::query("VACUUM INTO $1")
                .bind(file)
                .execute(pool)
                .await?;
        }
        Either::Postgres(_) => {
            let file = to.join("mail.dump");
            run(
                "pg_dump",
                &["--format=custom", "--no-owner", "--file"],
                &file,
                config.database.url(),
            )?;
        }
    }
    // After the database: what it names is there.
    copy(&config.data.join("blobs"), &to.join("blobs"))
}

/// Brings a copy into an empty database and an empty folder, those of `config`.
///
/// # Errors
///
/// There is something already, or something cannot be read or written.
pub async fn restore(config: &Config, from: &Path) -> Result<(), BoxError> {
    let blobs = config.data.join("blobs");
    if blobs.exists() {
        return Err(format!(
            "{} is there already: restore into an empty folder",
            blobs.display()
        )
        .into());
    }
    match config.database.file() {
        Some(file) => {
            if file.exists() {
                return Err(format!(
                    "{} is there already: restore into an empty folder",
                    file.display()
                )
                .into());
            }
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::copy(from.join("mail.sqlite"), file)?;
        }
        None => run(
            "pg_restore",
            &[
                "--exit-on-error",
                "--no-owner",
                "--single-transaction",
                "--dbname",
            ],
            Path::new(config.database.url()),
            from.join("mail.dump")
                .to_str()
                .ok_or("the folder's name is no text")?,
        )?,
    }
    copy(&from.join("blobs"), &blobs)
}

fn run(program: &str, arguments: &[&str], value: &Path, last: &str) -> Result<(), BoxError> {
    let output = std::process::Command::new(program)
        .args(arguments)
        .arg(value)
        .arg(last)
        .output()
        .map_err(|error| format!("{program} does not start: {error}; it comes with PostgreSQL"))?;
    if !output.status.success() {
        return Err(format!(
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )
        .into());
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), BoxError> {
    fs::create_dir_all(to)?;
    if !from.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        // Half-written ones are nobody's yet.
        if entry.file_type()?.is_file() && !name.to_string_lossy().ends_with(".part") {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}
