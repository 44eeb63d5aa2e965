//! The password of the admin listener.

use std::fmt;
use std::path::Path;

use base64ct::{Base64, Encoding as _};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The shortest password, in bytes.
const SHORTEST: usize = 12;

/// The longest, in bytes.
const LONGEST: usize = 1_024;

/// What those must know who read the admin listener from elsewhere. Only a digest of it is kept.
#[derive(Clone)]
pub(crate) struct Password([u8; 32]);

impl Password {
    /// The first line of a file.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and how to mend that.
    pub(crate) fn read(file: &Path) -> Result<Self, (String, &'static str)> {
        let shown = file.display();
        let remedy = "write a line of at least 12 characters into it, and let the user of the server read it";
        let text = std::fs::read_to_string(file).map(Zeroizing::new);
        let text = text.map_err(|error| (format!("{shown} cannot be read: {error}"), remedy))?;
        let line = text.lines().next().unwrap_or_default();
        if !(SHORTEST..=LONGEST).contains(&line.len()) {
            return Err((format!("the password in {shown} has {} bytes", line.len()), remedy));
        }
        Ok(Self::of(line.as_bytes()))
    }

    fn of(password: &[u8]) -> Self {
        Self(Sha256::digest(password).into())
    }

    /// Whether a request has it (Basic authentication, RFC 7617), under whatever name.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        given(headers).is_some_and(|given| {
            // As long for a near miss as for any other.
            let Self(digest) = Self::of(&given);
            digest.iter().zip(self.0).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
        })
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

fn given(headers: &HeaderMap) -> Option<Zeroizing<Vec<u8>>> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || credentials.len() > 2 * LONGEST {
        return None;
    }
    let pair = Zeroizing::new(Base64::decode_vec(credentials.trim()).ok()?);
    let colon = memchr::memchr(b':', &pair)?;
    Some(Zeroizing::new(pair[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_it_or_not() {
        let password = Password::of(b"correct: horse");
        for (field, expected) in [
            (Some("Basic YWRtaW46Y29ycmVjdDogaG9yc2U="), true),
            (Some("basic OmNvcnJlY3Q6IGhvcnNl"), true),
            (Some("Basic YWRtaW46Y29ycmVjdDogaG9yc2"), false),
            (Some("Basic YWRtaW46d3Jvbmc="), false),
            (Some("Basic Y29ycmVjdDogaG9yc2U="), false),
            (Some("Bearer YWRtaW46Y29ycmVjdDogaG9yc2U="), false),
            (Some("Basic"), false),
            (Some("Basic !"), false),
            (None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(field.map(|field| (AUTHORIZATION, field.parse().unwrap())));
            assert_eq!(password.is_in(&headers), expected, "{field:?}");
        }
        assert_eq!(format!("{password:?}"), "Password(..)");
    }

    #[test]
    fn the_first_line_of_a_file_that_is_long_enough() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("admin.password");
        assert!(Password::read(&file).unwrap_err().0.contains("cannot be read"));
        for (text, sound) in [
            ("correct: horse\r\n", true),
            ("correct: horse", true),
            ("elevenbytes\n", false),
            ("", false),
            ("\ncorrect: horse", false),
        ] {
            std::fs::write(&file, text).unwrap();
            let read = Password::read(&file);
            assert_eq!(read.is_ok(), sound, "{text:?}");
            if let Ok(read) = read {
                assert_eq!(read.0, Password::of(b"correct: horse").0);
            }
        }
    }
}
