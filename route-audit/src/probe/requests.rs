//! `probes/*.http`: requests to ask public routes with, in the form that editors' HTTP clients read.
//!
//! ```text
//! ### a signup
//! # @expect 201
//! POST /api/waitlist/signup
//! Content-Type: application/json
//!
//! {"email": "probe@example.com"}
//! ```
//!
//! Requests are parted by lines that begin with `###`. Lines before a request that begin with `#` or
//! `//` are comments; `@expect` in one names the status that has to come.

use std::fs;
use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::error::{CannotRun, Problem};
use crate::visible::visible;

/// A request, and the status that has to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) method: Method,
    /// With its query.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) expect: StatusCode,
    /// `probes/signup.http:3`.
    pub(super) place: String,
}

impl Written {
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// Every request of the folder's files, by name.
pub(super) fn read(folder: &Path) -> Result<Vec<Written>, CannotRun> {
    let unreadable = |error: std::io::Error| {
        Problem::new(format!("the requests cannot be read: {error}"))
            .at(folder.display())
            .help(
                "write a file for the public routes, `probes/NAME.http`, or name their folder: \
                 `--requests FOLDER`",
            )
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|it| it == "http") {
            files.push(path);
        }
    }
    files.sort();
    let (mut requests, mut problems) = (Vec::new(), Vec::new());
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let folder = folder.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{folder}/{name}");
        match fs::read_to_string(&file) {
            Ok(text) => match parse(&text, &name) {
                Ok(found) => requests.extend(found),
                Err(found) => problems.extend(found),
            },
            Err(error) => {
                problems.push(Problem::new(format!("cannot read it: {error}")).at(name));
            }
        }
    }
    CannotRun::unless_none(problems)?;
    Ok(requests)
}

fn parse(text: &str, name: &str) -> Result<Vec<Written>, Vec<Problem>> {
    let (mut requests, mut problems) = (Vec::new(), Vec::new());
    let lines: Vec<&str> = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .split('\n')
        .collect();
    let mut start = 0;
    while start < lines.len() {
        let is_end = |line: &&str| line.starts_with("###");
        let length = lines[start..].iter().position(is_end);
        let end = length.map_or(lines.len(), |length| start + length);
        match one(&lines[start..end], start + 1, name) {
            Ok(request) => requests.extend(request),
            Err(problem) => problems.push(problem),
        }
        start = end + 1;
    }
    if problems.is_empty() {
        Ok(requests)
    } else {
        Err(problems)
    }
}

/// `None` where there is nothing but comments and blank lines.
fn one(lines: &[&str], first: usize, name: &str) -> Result<Option<Written>, Problem> {
    let place = |index: usize| format!("{name}:{}", first + index);
    let wrong = |index: usize, what: String| Problem::new(what).at(place(index));
    let mut expect = None;
    let mut begin = None;
    for (index, line) in lines.iter().enumerate() {
        let line = line.trim();
        let comment = line.strip_prefix("//").or_else(|| line.strip_prefix('#'));
        let Some(comment) = comment else {
            if line.is_empty() {
                continue;
            }
            begin = Some(index);
            break;
        };
        if let Some(status) = comment.trim().strip_prefix("@expect") {
            let status = status.trim();
            let parsed = StatusCode::from_bytes(status.as_bytes()).map_err(|_| {
                wrong(index, format!("`{}` is no status", visible(status)))
                    .help("write the status that has to come: `# @expect 201`")
            })?;
            if expect.replace(parsed).is_some() {
                return Err(wrong(index, "a request expects one status".to_owned())
                    .help("ask twice, parted by `###`"));
            }
        }
    }
    let Some(begin) = begin else {
        return Ok(None);
    };
    let templates = lines.iter().position(|line| line.contains("{{"));
    if let Some(index) = templates {
        return Err(
            wrong(index, "variables, `{{..}}`, are not filled in".to_owned())
                .help("write the value: what is asked for in production is no secret"),
        );
    }
    let words: Vec<&str> = lines[begin].split_whitespace().collect();
    let (method, target) = match words[..] {
        [target] => ("GET", target),
        [method, target] | [method, target, "HTTP/1.1" | "HTTP/2" | "HTTP/1.0"] => (method, target),
        _ => {
            return Err(wrong(
                begin,
                "a request begins with a method and a path".to_owned(),
            )
            .help("write it as `POST /api/waitlist/signup`"));
        }
    };
    let is_name = method.bytes().all(|byte| byte.is_ascii_uppercase());
    let method = Method::from_bytes(method.as_bytes())
        .ok()
        .filter(|_| is_name)
        .ok_or_else(|| {
            wrong(begin, format!("`{}` is no method", visible(method)))
                .help("write `GET`, `POST` ..")
        })?;
    if !target.starts_with('/') || target.contains('#') {
        return Err(wrong(begin, format!("`{}` is no path", visible(target)))
            .help("begin with `/`: the host is that of the command line"));
    }
    let mut headers = HeaderMap::new();
    let mut index = begin + 1;
    while let Some(line) = lines.get(index).map(|line| line.trim_end_matches('\r')) {
        index += 1;
        if line.trim().is_empty() {
            break;
        }
        let header = line.split_once(':').and_then(|(name, value)| {
            let name: HeaderName = name.trim().parse().ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let (name, value) = header.ok_or_else(|| {
            wrong(index - 1, format!("`{}` is no header", visible(line)))
                .help("write `Name: value`, and an empty line before the body")
        })?;
        headers.append(name, value);
    }
    let body = lines.get(index..).unwrap_or_default().join("\n");
    let expect = expect.ok_or_else(|| {
        wrong(begin, "it does not say which status has to come".to_owned())
            .help("put `# @expect 201` on a line before it")
    })?;
    Ok(Some(Written {
        method,
        target: target.to_owned(),
        headers,
        body: body.trim_end().as_bytes().to_vec(),
        expect,
        place: place(begin),
    }))
}

#[cfg(test)]
mod tests;
