//! Connections to the origin: kept, thrown away, and asked again.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use common::raw_origin::{HELLO, RawOrigin};
use common::{Answer, Pinfold, configuration, raw};

fn in_front_of(origin: &RawOrigin) -> Pinfold {
    Pinfold::configured(&configuration(origin.address, ""))
}

/// Requests over one connection of a client, so that one worker answers them all.
struct Client(TcpStream);

impl Client {
    fn of(pinfold: &Pinfold) -> Self {
        let stream = TcpStream::connect(pinfold.site).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self(stream)
    }

    fn ask(&mut self, method: &str, body: &str) -> Answer {
        let text = format!(
            "{method} /page HTTP/1.1\r\nhost: www.town.example\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        // An empty body needs no length.
        let text = if body.is_empty() { text.replace("content-length: 0\r\n", "") } else { text };
        self.0.write_all(text.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        let mut part = [0; 4096];
        loop {
            let answer = Answer::read(&bytes);
            let length =
                answer.values("content-length").first().and_then(|length| length.parse::<usize>().ok());
            if length.is_some_and(|length| answer.body.len() >= length) {
                return answer;
            }
            match self.0.read(&mut part).unwrap() {
                0 => return answer,
                read => bytes.extend_from_slice(&part[..read]),
            }
        }
    }
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let origin = RawOrigin::start(|_, connection| {
        while connection.read_head() {
            connection.write(HELLO);
        }
    });
    let pinfold = in_front_of(&origin);
    let mut client = Client::of(&pinfold);
    for _ in 0..50 {
        assert_eq!(client.ask("GET", "").body, "hello");
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn origin_03_a_stale_connection_costs_nobody_an_answer() {
    // The second request on the first connection is read, and the connection closed instead of an answer.
    let origin = RawOrigin::start(|number, connection| {
        let most = if number == 1 { 1 } else { usize::MAX };
        for _ in 0..most {
            if !connection.read_head() {
                return;
            }
            connection.write(HELLO);
        }
        connection.read_head();
    });
    let pinfold = in_front_of(&origin);
    let mut client = Client::of(&pinfold);
    assert_eq!(client.ask("GET", "").status, 200);
    assert_eq!(client.ask("GET", "").status, 200);
    assert_eq!((origin.connections(), origin.asked().len()), (2, 3));
}

#[test]
fn origin_03_what_may_not_be_done_twice_is_not_sent_twice() {
    let origin = RawOrigin::start(|_, connection| {
        if connection.read_head() {
            connection.write(HELLO);
        }
        connection.read_head();
    });
    let pinfold = in_front_of(&origin);
    let mut client = Client::of(&pinfold);
    assert_eq!(client.ask("GET", "").status, 200);
    // The origin reads it on the old connection and hangs up: whether it did what was asked, nobody knows.
    assert_eq!(client.ask("POST", "").status, 502);
    let posts = origin.asked().iter().filter(|line| line.starts_with("POST")).count();
    assert_eq!((origin.connections(), posts), (1, 1));
}

#[test]
fn origin_03_what_the_origin_has_begun_to_answer_is_not_sent_twice() {
    for begun in [
        "HTTP/1.1 200 OK\r\nx-done: yes\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 2",
    ] {
        let origin = RawOrigin::start(move |_, connection| {
            if connection.read_head() {
                connection.write(HELLO);
            }
            if connection.read_head() {
                connection.write(begun);
                thread::sleep(Duration::from_millis(100));
            }
        });
        let pinfold = in_front_of(&origin);
        for method in ["DELETE", "GET", "PUT"] {
            let before = origin.asked().len();
            let mut client = Client::of(&pinfold);
            let answers = [client.ask("GET", "").status, client.ask(method, "").status];
            assert_eq!(answers, [200, 502], "{method} {begun:?}");
            assert_eq!(origin.asked().len() - before, 2, "{method} {begun:?}");
        }
    }
}

#[test]
fn origin_03_a_failure_on_a_fresh_connection_is_not_repeated() {
    let origin = RawOrigin::start(|_, connection| {
        connection.read_head();
    });
    let pinfold = in_front_of(&origin);
    assert_eq!(Client::of(&pinfold).ask("GET", "").status, 502);
    assert_eq!(origin.connections(), 1);
}

#[test]
fn fault_12_a_closed_connection_is_not_used_even_for_a_post() {
    let origin = RawOrigin::start(|_, connection| {
        if connection.read_head() {
            connection.write(HELLO);
        }
    });
    let pinfold = in_front_of(&origin);
    let mut client = Client::of(&pinfold);
    for _ in 0..5 {
        assert_eq!(client.ask("POST", "").status, 200);
        // The end of the connection arrives.
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(origin.connections(), 5);
}

#[test]
fn frame_17_what_comes_after_an_answer_reaches_nobody() {
    let origin = RawOrigin::start(|number, connection| {
        while connection.read_head() {
            connection.write(HELLO);
            if number == 1 {
                connection.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
            }
        }
    });
    let pinfold = in_front_of(&origin);
    let mut client = Client::of(&pinfold);
    assert_eq!(client.ask("GET", "").body, "hello");
    thread::sleep(Duration::from_millis(50));
    assert_eq!(client.ask("GET", "").body, "hello");
    assert_eq!(origin.connections(), 2);
}

#[test]
fn frame_17_an_answer_that_is_cut_short_is_seen_to_be() {
    let origin = RawOrigin::start(|_, connection| {
        connection.read_head();
        connection.write(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        );
        // What has come is on its way before the end is.
        thread::sleep(Duration::from_millis(100));
    });
    let pinfold = in_front_of(&origin);
    let answer = raw(pinfold.site, b"GET / HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\n\r\n");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("hello") && !answer.contains("\r\n0\r\n"), "{answer}");
}

#[test]
fn frame_17_a_body_that_is_broken_from_its_start_is_502() {
    for chunks in ["zz\r\n", "5 5\r\nhello\r\n0\r\n\r\n", "5\r\nhelloxx0\r\n\r\n"] {
        let origin = RawOrigin::start(move |_, connection| {
            connection.read_head();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n";
            connection.write(&format!("{head}{chunks}"));
            thread::sleep(Duration::from_millis(100));
        });
        let pinfold = in_front_of(&origin);
        let answer = raw(
            pinfold.site,
            b"POST / HTTP/1.1\r\nhost: www.town.example\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        );
        let answer = String::from_utf8_lossy(&answer);
        let was_told = answer.starts_with("HTTP/1.1 502");
        // What came before the fault is there, and no end of it.
        let was_cut = answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n5\r\nhello\r\n");
        assert!(was_told || was_cut, "{chunks:?}: {answer}");
        assert_eq!(was_cut, chunks.contains("xx"), "{chunks:?}: {answer}");
    }
}

#[test]
fn frame_17_what_comes_before_a_fault_is_sent_before_the_connection_is_closed() {
    let origin = RawOrigin::start(|_, connection| {
        connection.read_head();
        // Nothing of it can be unpacked.
        connection.write(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello",
        );
    });
    let consent =
        "[[purpose]]\nid = \"extra\"\nbasis = \"consent\"\ntitle = \"Extra\"\ndescription = \"Words.\"\n";
    let pinfold = Pinfold::configured(&configuration(origin.address, consent));
    let answer = raw(
        pinfold.site,
        b"GET / HTTP/1.1\r\nhost: www.town.example\r\nsec-fetch-dest: document\r\nconnection: close\r\n\r\n",
    );
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn frame_17_an_answer_in_http_1_0_goes_on_in_the_version_of_the_client() {
    for head in ["HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\n"] {
        let origin = RawOrigin::start(move |_, connection| {
            connection.read_head();
            connection.write(&format!("{head}hello"));
        });
        let pinfold = in_front_of(&origin);
        let answer =
            raw(pinfold.site, b"GET / HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\n\r\n");
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let end = if head.contains("length") { "hello" } else { "5\r\nhello\r\n0\r\n\r\n" };
        assert!(answer.ends_with(end), "{answer}");
    }
}

#[test]
fn a_body_of_unknown_length_reaches_the_site_whatever_the_method() {
    for method in ["GET", "POST", "DELETE"] {
        let origin = RawOrigin::start(|_, connection| {
            connection.read_head();
            let mut body = Vec::new();
            while !body.ends_with(b"0\r\n\r\n") {
                let mut byte = [0];
                if connection.stream.read_exact(&mut byte).is_err() {
                    return;
                }
                body.push(byte[0]);
            }
            if body == b"5\r\nhello\r\n0\r\n\r\n" {
                connection.write(HELLO);
            }
        });
        let pinfold = in_front_of(&origin);
        let request = format!(
            "{method} / HTTP/1.1\r\nhost: www.town.example\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        );
        let answer = raw(pinfold.site, request.as_bytes());
        assert!(answer.ends_with(b"hello"), "{method}: {}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn frame_17_a_head_that_cannot_be_used_is_502() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nhello",
        "HTTP/1.1 99 Low\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "nonsense\r\n\r\n",
        "",
    ] {
        let origin = RawOrigin::start(move |_, connection| {
            connection.read_head();
            connection.write(head);
        });
        let pinfold = in_front_of(&origin);
        assert_eq!(Client::of(&pinfold).ask("GET", "").status, 502, "{head:?}");
    }
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(70 * 1024));
    let origin = RawOrigin::start(move |_, connection| {
        connection.read_head();
        connection.write(&long);
    });
    assert_eq!(Client::of(&in_front_of(&origin)).ask("GET", "").status, 502);
}

#[test]
fn frame_17_more_than_a_hundred_informational_answers_are_no_answer() {
    let cases = [(100, 200), (101, 502), (10_000, 502)];
    for ((count, status), at_once) in cases.into_iter().flat_map(|case| [(case, false), (case, true)]) {
        let origin = RawOrigin::start(move |_, connection| {
            connection.read_head();
            // HTTP/1.1 has two of them that mean something to a client.
            let both = ["HTTP/1.1 102 Processing\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"];
            let all: String = (0..count).map(|number| both[number % 2]).collect();
            // It is closed then, and a POST is not sent on it to be lost.
            let last = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
            if at_once {
                return connection.write(&(all + last));
            }
            connection.write(&all);
            thread::sleep(Duration::from_millis(200));
            connection.write(last);
        });
        let pinfold = in_front_of(&origin);
        for (method, body) in [("GET", ""), ("POST", ""), ("POST", "a=1")] {
            let answer = Client::of(&pinfold).ask(method, body);
            assert_eq!(answer.status, status, "{method} {body:?} {count} {at_once}");
        }
    }
}

#[test]
fn whoever_hangs_up_takes_the_connection_along() {
    let origin = RawOrigin::start(|number, connection| {
        connection.read_head();
        if number == 1 {
            connection
                .write("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1000000\r\n\r\n");
            // Until the other side is gone.
            while connection.stream.write_all(&[b'x'; 1000]).is_ok() {
                thread::sleep(Duration::from_millis(1));
            }
        } else {
            connection.write(HELLO);
        }
    });
    let pinfold = in_front_of(&origin);
    let mut hasty = TcpStream::connect(pinfold.site).unwrap();
    hasty.write_all(b"GET / HTTP/1.1\r\nhost: www.town.example\r\n\r\n").unwrap();
    hasty.read_exact(&mut [0; 200]).unwrap();
    drop(hasty);
    for _ in 0..8 {
        assert_eq!(Client::of(&pinfold).ask("GET", "").body, "hello");
    }
}

#[test]
fn an_upload_goes_on_while_its_answer_waits_to_be_read() {
    const LENGTH: usize = 4 << 20;
    // The answer is as long as the request, and sent as it is read.
    let origin = RawOrigin::start(|_, connection| {
        connection.read_head();
        connection.write(&format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {LENGTH}\r\n\r\n"
        ));
        let mut stream = connection.stream.try_clone().unwrap();
        let (part, written) = std::sync::mpsc::channel::<Vec<u8>>();
        let writer = thread::spawn(move || {
            for part in written {
                let _ = stream.write_all(&part);
            }
        });
        let mut left = LENGTH;
        let mut buffer = vec![0; 65536];
        while left > 0 {
            let read = connection.stream.read(&mut buffer).unwrap();
            left -= read;
            part.send(buffer[..read].to_vec()).unwrap();
        }
        drop(part);
        writer.join().unwrap();
    });
    let pinfold = in_front_of(&origin);
    // A client that reads nothing before it has sent everything.
    let mut client = TcpStream::connect(pinfold.site).unwrap();
    client.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: www.town.example\r\ncontent-length: {LENGTH}\r\nconnection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&vec![b'y'; LENGTH]).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert!(answer.len() > LENGTH && answer.ends_with(b"yyy"), "{}", answer.len());
}
