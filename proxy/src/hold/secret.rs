//! Files that nobody but the server may read: the node-held half of every key, and the password of Valkey.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use pinfold::pseudonym::ClusterSecret;
use pinfold_store::ValkeyLogin;
use rustix::rand::{GetRandomFlags, getrandom};
use zeroize::Zeroizing;

/// How many hexadecimal digits a secret has.
const DIGITS: usize = 2 * ClusterSecret::LENGTH;

/// What is wrong, and the remedy.
pub(crate) type Amiss = (String, &'static str);

const MAKE: &str = "make one with `pinfold keys secret -o FILE`, and give every node the same";

/// Writes a new secret into a file that is not there yet.
pub(crate) fn make_secret(file: &Path) -> Result<(), String> {
    let shown = file.display();
    let text = new_secret()
        .map_err(|error| format!("no secret: the system gave no randomness: {error} (try again)"))?;
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let written = opened.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => format!("{shown} is there already (name another file with -o)"),
        _ => format!("{shown} cannot be written: {error} (name another file with -o)"),
    })
}

/// The secret in a file that `pinfold keys secret` has made.
pub(crate) fn read_secret(file: &Path) -> Result<ClusterSecret, Amiss> {
    let shown = file.display();
    let text = read(file, MAKE)?;
    let line = text.trim_end();
    let mut bytes = Zeroizing::new([0; ClusterSecret::LENGTH]);
    let is_whole = line.len() == DIGITS && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_whole {
        return Err((format!("{shown} holds no secret of {DIGITS} hexadecimal digits"), MAKE));
    }
    for (byte, digits) in bytes.iter_mut().zip(line.as_bytes().chunks_exact(2)) {
        *byte = digits.iter().fold(0, |number, digit| number << 4 | value(*digit));
    }
    Ok(ClusterSecret::from_bytes(*bytes))
}

/// The password of a server, or user and password on two lines.
pub(crate) fn read_login(file: &Path) -> Result<ValkeyLogin, Amiss> {
    let remedy = "write the password into it, or user and password on two lines";
    let text = read(file, remedy)?;
    let lines: Vec<_> = text.lines().collect();
    let password = |line: &str| Some(Zeroizing::new(line.to_owned()));
    match lines[..] {
        [one] if !one.is_empty() => Ok(ValkeyLogin { user: None, password: password(one) }),
        [user, one] if !user.is_empty() && !one.is_empty() => {
            Ok(ValkeyLogin { user: Some(user.to_owned()), password: password(one) })
        }
        _ => Err((format!("{} holds neither a password nor user and password", file.display()), remedy)),
    }
}

/// What is in a file that is not for everybody.
fn read(file: &Path, remedy: &'static str) -> Result<Zeroizing<String>, Amiss> {
    let shown = file.display();
    let text = fs::read_to_string(file).map(Zeroizing::new);
    let text = text.map_err(|error| (format!("{shown} cannot be read: {error}"), remedy))?;
    let mode = fs::metadata(file).map_or(0, |file| file.permissions().mode());
    if mode & 0o006 != 0 {
        let problem = format!("every user of this machine can read or change {shown}");
        return Err((problem, "take that away with `chmod o= FILE`; what others may have read, make anew"));
    }
    Ok(text)
}

fn new_secret() -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0_u8; ClusterSecret::LENGTH]);
    // As few bytes as these come at once (getrandom(2)).
    getrandom(&mut *bytes, GetRandomFlags::empty())?;
    let mut text = Zeroizing::new(String::with_capacity(DIGITS + 1));
    for digit in bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]) {
        text.extend(char::from_digit(u32::from(digit), 16));
    }
    text.push('\n');
    Ok(text)
}

fn value(digit: u8) -> u8 {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn a_secret_is_made_once_for_its_owner_alone_and_read() {
        let directory = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| directory.path().join(name));
        make_secret(&one).unwrap();
        make_secret(&other).unwrap();
        assert_eq!(fs::metadata(&one).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(read_secret(&one).is_ok());
        let text = fs::read_to_string(&one).unwrap();
        assert!(text.len() == DIGITS + 1 && text != fs::read_to_string(&other).unwrap());
        assert!(make_secret(&one).unwrap_err().contains("is there already"));
        assert_eq!(fs::read_to_string(&one).unwrap(), text);
        assert!(make_secret(&directory.path().join("no/where")).unwrap_err().contains("cannot be written"));
    }

    #[test]
    fn what_is_short_or_open_to_others_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        assert!(read_secret(&file).unwrap_err().0.contains("cannot be read"));
        for (text, mode, problem) in [
            ("0".repeat(64), 0o600, None),
            ("0aF9".repeat(16) + "\n", 0o640, None),
            ("0".repeat(63), 0o600, Some("holds no secret")),
            ("0".repeat(65), 0o600, Some("holds no secret")),
            ("g".repeat(64), 0o600, Some("holds no secret")),
            (String::new(), 0o600, Some("holds no secret")),
            ("0".repeat(64), 0o604, Some("every user of this machine")),
            ("0".repeat(64), 0o602, Some("every user of this machine")),
        ] {
            fs::write(&file, &text).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let found = read_secret(&file).err();
            assert_eq!(found.is_some(), problem.is_some(), "{text} {mode:o}");
            assert!(found.is_none_or(|(said, _)| said.contains(problem.unwrap())), "{text} {mode:o}");
        }
    }

    #[test]
    fn a_login_is_a_password_or_a_user_and_a_password() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        for (text, expected) in [
            ("correct: horse\n", Some((None, "correct: horse"))),
            ("pinfold\r\ncorrect horse", Some((Some("pinfold"), "correct horse"))),
            ("", None),
            ("\ncorrect horse", None),
            ("pinfold\n\n", None),
            ("one\ntwo\nthree\n", None),
        ] {
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
            let read = read_login(&file).ok();
            let read = read.map(|login| (login.user, login.password.unwrap().to_string()));
            let expected = expected
                .map(|(user, password): (Option<&str>, &str)| (user.map(str::to_owned), password.to_owned()));
            assert_eq!(read, expected, "{text:?}");
        }
    }
}
