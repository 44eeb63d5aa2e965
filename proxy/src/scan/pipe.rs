//! The Chrome DevTools Protocol over a pipe: messages of JSON, each ended by a zero byte.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

/// How long a browser may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest message that is read. The browser is asked for nothing that is longer.
const LONGEST: usize = 64 << 20;

/// A browser that is told what to do, and ends with this.
#[derive(Debug)]
pub(super) struct Pipe {
    child: Child,
    mouth: Mouth,
    messages: Receiver<Value>,
    /// Those that came while an answer was waited for.
    events: VecDeque<Value>,
    /// Who is given the events of one name.
    given: Option<(&'static str, UnboundedSender<Value>)>,
}

/// What a browser is told things through. Whoever has a share in it may.
#[derive(Debug, Clone)]
pub(super) struct Mouth(Arc<Mutex<Input>>);

#[derive(Debug)]
struct Input {
    pipe: ChildStdin,
    /// The number of the last message.
    last: u64,
}

impl Mouth {
    /// Has something done, and waits for nothing. Tells under which number the answer will come.
    pub(super) fn say(&self, method: &str, parameters: Value, session: Option<&str>) -> io::Result<u64> {
        let mut input = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        input.last += 1;
        let number = input.last;
        let mut message = json!({ "id": number, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut line = message.to_string();
        line.push('\0');
        input.pipe.write_all(line.as_bytes())?;
        Ok(number)
    }
}

impl Pipe {
    /// Starts a browser with these arguments. It reads from its descriptor 3, and writes to 4.
    pub(super) fn open(browser: &OsStr, arguments: &[&OsStr]) -> io::Result<Self> {
        // A shell moves the two: nothing in the standard library does.
        const MOVED: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut command = Command::new("/bin/sh");
        command.args([OsStr::new("-c"), OsStr::new(MOVED), browser]).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (Some(pipe), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("no pipe to the browser"));
        };
        let (told, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut message = Vec::new();
            while io::Read::take(&mut output, LONGEST as u64)
                .read_until(0, &mut message)
                .is_ok_and(|read| read > 0)
            {
                if message.pop() != Some(0) {
                    break;
                }
                let sent = serde_json::from_slice(&message).map(|message| told.send(message));
                if !matches!(sent, Ok(Ok(()))) {
                    break;
                }
                message.clear();
            }
        });
        let mouth = Mouth(Arc::new(Mutex::new(Input { pipe, last: 0 })));
        Ok(Self { child, mouth, messages, events: VecDeque::new(), given: None })
    }

    pub(super) fn mouth(&self) -> Mouth {
        self.mouth.clone()
    }

    /// Gives the events of this name to somebody else, as long as others are waited for.
    pub(super) fn give(&mut self, event: &'static str, to: UnboundedSender<Value>) {
        self.given = Some((event, to));
    }

    /// Has something done, in a session of a page where there is one, and waits for what comes of it.
    pub(super) fn call(
        &mut self,
        method: &str,
        parameters: Value,
        session: Option<&str>,
    ) -> io::Result<Value> {
        let number = self.mouth.say(method, parameters, session)?;
        let until = Instant::now() + PATIENCE;
        loop {
            let mut message = self.receive(until)?.ok_or_else(|| io::Error::from(io::ErrorKind::TimedOut))?;
            if message["id"] != json!(number) {
                self.events.push_back(message);
                continue;
            }
            let error = message["error"]["message"].as_str().map(str::to_owned);
            return error.map_or_else(|| Ok(message["result"].take()), |error| Err(io::Error::other(error)));
        }
    }

    /// What has happened next; nothing where nothing has until then.
    pub(super) fn event(&mut self, until: Instant) -> io::Result<Option<Value>> {
        match self.events.pop_front() {
            Some(event) => Ok(Some(event)),
            None => self.receive(until),
        }
    }

    fn receive(&self, until: Instant) -> io::Result<Option<Value>> {
        loop {
            match self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) => match &self.given {
                    Some((event, to)) if message["method"] == *event => {
                        to.send(message).map_err(|_| io::Error::other("nobody answers for the site"))?;
                    }
                    _ => return Ok(Some(message)),
                },
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the browser has ended")),
            }
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of a shell in the place of a browser.
    fn played(script: &str) -> Pipe {
        Pipe::open(OsStr::new("/bin/sh"), &[OsStr::new("-c"), OsStr::new(script)]).unwrap()
    }

    #[test]
    fn answers_are_told_from_events() {
        let mut pipe = played(
            r#"printf '{"method":"A"}\0{"id":1,"result":{"ok":true}}\0{"method":"B"}\0' >&4; cat <&3 >/dev/null"#,
        );
        assert_eq!(pipe.call("X", json!({}), None).unwrap()["ok"], true);
        let until = Instant::now() + Duration::from_secs(5);
        let events =
            [pipe.event(until), pipe.event(until)].map(|event| event.unwrap().unwrap()["method"].clone());
        assert_eq!(events, ["A", "B"]);
        assert!(pipe.event(Instant::now()).unwrap().is_none());
    }

    #[test]
    fn what_is_given_to_others_is_not_waited_for() {
        let mut pipe = played(
            r#"printf '{"method":"A"}\0{"method":"B"}\0{"id":1,"result":{}}\0' >&4; cat <&3 >/dev/null"#,
        );
        let (to, mut given) = tokio::sync::mpsc::unbounded_channel();
        pipe.give("A", to);
        pipe.call("X", json!({}), None).unwrap();
        assert_eq!(given.try_recv().unwrap()["method"], "A");
        assert_eq!(pipe.event(Instant::now()).unwrap().unwrap()["method"], "B");
        assert_eq!(pipe.mouth().say("Y", json!({}), None).unwrap(), 2);
    }

    #[test]
    fn a_browser_that_refuses_or_ends_is_an_error() {
        let mut pipe =
            played(r#"printf '{"id":1,"error":{"message":"no such thing"}}\0' >&4; cat <&3 >/dev/null"#);
        assert_eq!(pipe.call("X", json!({}), None).unwrap_err().to_string(), "no such thing");
        for script in ["exit 0", "printf 'no JSON\\0' >&4; cat <&3 >/dev/null"] {
            assert!(played(script).call("X", json!({}), None).is_err(), "{script}");
        }
    }
}
