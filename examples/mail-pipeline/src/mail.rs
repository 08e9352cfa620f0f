//! A mail, whoever brought it: what the queue carries, without what is in the blob store.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::blobs::{Blobs, Stored};
use crate::dedup::digest;
use crate::queue::BoxError;

/// A mail on its way.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Mail {
    /// The provider's own id, with the provider's name.
    pub(crate) id: String,
    pub(crate) from: Person,
    pub(crate) subject: String,
    /// As the sender wrote it.
    pub(crate) date: String,
    pub(crate) message_id: Option<String>,
    pub(crate) text: String,
    pub(crate) html: String,
    /// Whom the envelope named: to whom the mail was delivered.
    pub(crate) recipient: String,
    pub(crate) to: Vec<String>,
    pub(crate) cc: Vec<String>,
    pub(crate) bcc: Vec<String>,
    pub(crate) mailbox_hash: String,
    /// By a program: to be answered by none (RFC 3834).
    pub(crate) automatic: bool,
    pub(crate) attachments: Vec<Attachment>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) email: String,
    #[serde(default)]
    pub(crate) name: String,
}

/// An attachment, by its claim check.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Attachment {
    /// A file's name, and no path.
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) blob: String,
    pub(crate) bytes: u64,
    /// What came was no whole base64: the blob has it as it came.
    pub(crate) damaged: bool,
}

impl Mail {
    /// Of what the sender wrote: the same for each copy of a mail.
    pub(crate) fn fingerprint(&self) -> String {
        let own = [
            &self.from.email,
            &self.subject,
            &self.date,
            &self.text,
            &self.html,
        ];
        let attached = self.attachments.iter().map(|it| it.blob.as_bytes());
        digest(own.into_iter().map(|text| text.as_bytes()).chain(attached))
    }

    /// Mails of one sender stay in order.
    pub(crate) fn group(&self) -> String {
        digest([self.from.email.to_ascii_lowercase().as_bytes()])
    }

    /// What a person reads: the text, or the HTML without its markup.
    pub(crate) fn readable(&self) -> Cow<'_, str> {
        if self.text.trim().is_empty() {
            Cow::Owned(without_markup(&self.html))
        } else {
            Cow::Borrowed(&self.text)
        }
    }
}

/// As Postmark posts it. What is not named here is not needed.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Postmark<'a> {
    #[serde(rename = "MessageID")]
    message_id: String,
    from: String,
    #[serde(default)]
    from_full: Option<Full>,
    #[serde(default)]
    to_full: Vec<Full>,
    #[serde(default)]
    cc_full: Vec<Full>,
    #[serde(default)]
    bcc_full: Vec<Full>,
    #[serde(default)]
    original_recipient: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    mailbox_hash: String,
    #[serde(default)]
    date: String,
    #[serde(default)]
    text_body: String,
    #[serde(default)]
    html_body: String,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default, borrow)]
    attachments: Vec<PostmarkAttachment<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Full {
    email: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PostmarkAttachment<'a> {
    name: String,
    // Not copied: it may be most of 48 MiB.
    #[serde(borrow)]
    content: Cow<'a, str>,
    #[serde(default)]
    content_type: String,
}

impl Postmark<'_> {
    /// Puts the attachments into the store.
    pub(crate) fn into_mail(self, blobs: &Blobs) -> Result<Mail, BoxError> {
        let header = |name: &str| {
            let mut found = self
                .headers
                .iter()
                .filter(|it| it.name.eq_ignore_ascii_case(name));
            found
                .next()
                .map(|it| it.value.trim())
                .filter(|value| !value.is_empty())
        };
        let automatic = is_automatic(header, &self.from);
        let message_id = header("Message-ID").map(str::to_owned);
        let from = match self.from_full {
            Some(Full { email, name }) => Person { email, name },
            None => Person {
                email: self.from,
                name: String::new(),
            },
        };
        let emails = |all: Vec<Full>| all.into_iter().map(|it| it.email).collect();
        let mut attachments = Vec::with_capacity(self.attachments.len());
        for it in &self.attachments {
            attachments.push(attach(blobs, &it.name, &it.content_type, &it.content)?);
        }
        Ok(Mail {
            id: format!("postmark:{}", self.message_id),
            from,
            subject: self.subject,
            date: self.date,
            message_id,
            text: self.text_body,
            html: self.html_body,
            recipient: self.original_recipient,
            to: emails(self.to_full),
            cc: emails(self.cc_full),
            bcc: emails(self.bcc_full),
            mailbox_hash: self.mailbox_hash,
            automatic,
            attachments,
        })
    }
}

/// As any other provider's adapter posts it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generic<'a> {
    /// The provider's id of this mail: the same whenever it is sent again.
    id: String,
    from: Person,
    /// The envelope's.
    recipient: String,
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    cc: Vec<String>,
    #[serde(default)]
    bcc: Vec<String>,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    date: String,
    #[serde(default)]
    message_id: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    html: String,
    #[serde(default)]
    automatic: bool,
    #[serde(default, borrow)]
    attachments: Vec<GenericAttachment<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GenericAttachment<'a> {
    name: String,
    #[serde(default)]
    mime: String,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

impl Generic<'_> {
    pub(crate) fn into_mail(self, blobs: &Blobs) -> Result<Mail, BoxError> {
        let mut attachments = Vec::with_capacity(self.attachments.len());
        for it in &self.attachments {
            attachments.push(attach(blobs, &it.name, &it.mime, &it.content)?);
        }
        Ok(Mail {
            id: format!("generic:{}", self.id),
            from: self.from,
            subject: self.subject,
            date: self.date,
            message_id: self.message_id.filter(|id| !id.trim().is_empty()),
            text: self.text,
            html: self.html,
            recipient: self.recipient,
            to: self.to,
            cc: self.cc,
            bcc: self.bcc,
            mailbox_hash: String::new(),
            automatic: self.automatic,
            attachments,
        })
    }
}

fn attach(blobs: &Blobs, name: &str, mime: &str, base64: &str) -> Result<Attachment, BoxError> {
    let (Stored { key, bytes }, damaged) = match blobs.put_base64(base64)? {
        Some(stored) => (stored, false),
        None => (blobs.put(base64.as_bytes())?, true),
    };
    Ok(Attachment {
        name: file_name(name),
        mime: if mime.is_empty() {
            "application/octet-stream"
        } else {
            mime
        }
        .to_owned(),
        blob: key,
        bytes,
        damaged,
    })
}

/// The last part of a path of either kind, without control characters: what may be shown and sent on.
/// No file of ours has this name.
fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).take(200).collect();
    let clean = clean.trim();
    match clean {
        "" | "." | ".." => "attachment".to_owned(),
        name => name.to_owned(),
    }
}

/// Whether a program wrote it: replies to such mails make loops (RFC 3834 §2, RFC 2919, RFC 2076).
fn is_automatic<'a>(header: impl Fn(&str) -> Option<&'a str>, from: &str) -> bool {
    let submitted = header("Auto-Submitted").is_some_and(|it| !it.eq_ignore_ascii_case("no"));
    let precedence = header("Precedence").is_some_and(|it| {
        ["bulk", "list", "junk"]
            .iter()
            .any(|kind| it.eq_ignore_ascii_case(kind))
    });
    let bounce = header("Return-Path").is_some_and(|it| it == "<>");
    let listed = [
        "List-Id",
        "List-Unsubscribe",
        "X-Auto-Response-Suppress",
        "X-Loop",
    ]
    .iter()
    .any(|name| header(name).is_some());
    let local = from
        .split('@')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let machine = ["mailer-daemon", "postmaster", "no-reply", "noreply"].contains(&local.as_str());
    submitted || precedence || bounce || listed || machine || from.is_empty()
}

/// The words of an HTML document. Good enough to read, and nothing of it can run.
fn without_markup(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let tag = &rest[start..];
        let name: String = tag[1..]
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        let name = name.to_ascii_lowercase();
        let end = if name == "script" || name == "style" {
            // With what is in it.
            let close = format!("</{name}");
            let lower = tag.to_ascii_lowercase();
            lower.find(&close).map_or(tag.len(), |at| {
                lower[at..]
                    .find('>')
                    .map_or(tag.len(), |more| at + more + 1)
            })
        } else {
            tag.find('>').map_or(tag.len(), |at| at + 1)
        };
        text.push(
            if matches!(name.as_str(), "p" | "br" | "div" | "li" | "tr") {
                '\n'
            } else {
                ' '
            },
        );
        rest = &tag[end..];
    }
    text.push_str(rest);
    let text = text
        .replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    text.replace("&quot;", "\"")
        .replace("&amp;", "&")
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path() {
        for (given, name) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            (r"..\..\windows\system.ini", "system.ini"),
            ("..", "attachment"),
            ("a/..", "attachment"),
            ("/", "attachment"),
            ("in\r\nvoice\0.pdf", "invoice.pdf"),
            ("", "attachment"),
        ] {
            assert_eq!(file_name(given), name, "{given:?}");
        }
        assert_eq!(file_name(&"a".repeat(1000)).len(), 200);
    }

    #[test]
    fn of_html_the_words_are_left() {
        let html = "<p>Hello <b>Ada</b></p><script>alert('<p>')</script><STYLE>p{}</STYLE>1 &lt; 2";
        let text = without_markup(html);
        assert!(!text.contains("alert") && !text.contains("p{}"), "{text}");
        assert!(text.contains("Hello") && text.ends_with("1 < 2"), "{text}");
        // Whatever is cut off.
        for cut in 0..html.len() {
            without_markup(&html[..cut]);
        }
        without_markup("<scrİpt><p İ");
    }

    #[test]
    fn a_program_is_known_by_its_headers() {
        let automatic = |name: &'static str, value: &'static str| {
            let header = move |asked: &str| (asked == name).then_some(value);
            is_automatic(header, "ada@example.com")
        };
        assert!(!automatic("", ""));
        assert!(!automatic("Auto-Submitted", "no"));
        for (name, value) in [
            ("Auto-Submitted", "auto-replied"),
            ("List-Id", "<a.example.com>"),
            ("Precedence", "Bulk"),
            ("Return-Path", "<>"),
        ] {
            assert!(automatic(name, value), "{name}");
        }
        assert!(is_automatic(|_| None, "MAILER-DAEMON@example.com"));
    }
}
