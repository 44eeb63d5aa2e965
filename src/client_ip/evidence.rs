use std::hash::Hasher;
use std::net::IpAddr;

use http::HeaderValue;

use super::resolver::HeaderFamily;

/// Everything by which the client of one request is found: the same evidence always leads to the same client.
pub(crate) struct Evidence<'a> {
    peer: IpAddr,
    /// The family of fields in which the peer is believed, if it is.
    family: Option<HeaderFamily>,
    first: Option<&'a HeaderValue>,
    more: Vec<&'a HeaderValue>,
}

impl<'a> Evidence<'a> {
    /// Of a request from `peer`, in canonical form.
    pub(super) fn new(peer: IpAddr, family: Option<HeaderFamily>) -> Self {
        Self { peer, family, first: None, more: Vec::new() }
    }

    /// Takes note of a field of the request, if it is of the family.
    pub(crate) fn see(&mut self, name: &str, value: &'a HeaderValue) {
        if self.family.is_none_or(|family| family.field() != name) {
            return;
        }
        match self.first {
            None => self.first = Some(value),
            Some(_) => self.more.push(value),
        }
    }

    pub(super) fn peer(&self) -> IpAddr {
        self.peer
    }

    pub(super) fn family(&self) -> Option<HeaderFamily> {
        self.family
    }

    /// The field lines, in order.
    pub(super) fn lines(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.first.into_iter().chain(self.more.iter().copied()).map(HeaderValue::as_bytes)
    }

    /// Writes all of it. No two pieces of evidence under one configuration write the same.
    pub(crate) fn write(&self, hasher: &mut impl Hasher) {
        match self.peer {
            IpAddr::V4(v4) => hasher.write_u64(4 << 32 | u64::from(v4.to_bits())),
            IpAddr::V6(v6) => {
                hasher.write_u64(6 << 32);
                hasher.write(&v6.octets());
            }
        }
        for line in self.lines() {
            hasher.write(line);
            // No field value holds a line feed (RFC 9110 5.5).
            hasher.write_u8(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    /// Keeps what is written.
    #[derive(Default)]
    struct Record(Vec<u8>);

    impl Hasher for Record {
        fn finish(&self) -> u64 {
            0
        }

        fn write(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
    }

    #[test]
    fn no_two_pieces_of_evidence_write_the_same() {
        let written = |peer: &str, lines: &[&str]| {
            let values: Vec<HeaderValue> = lines.iter().map(|line| line.parse().unwrap()).collect();
            let mut evidence = Evidence::new(peer.parse().unwrap(), Some(HeaderFamily::XForwardedFor));
            values.iter().for_each(|value| evidence.see("x-forwarded-for", value));
            let mut record = Record::default();
            evidence.write(&mut record);
            record.0
        };
        let all = [
            written("10.0.0.1", &[]),
            written("10.0.0.2", &[]),
            written("a00:1::", &[]),
            written("10.0.0.1", &[""]),
            written("10.0.0.1", &["", ""]),
            written("10.0.0.1", &["192.0.2.1"]),
            written("10.0.0.1", &["192.0.2.1", ""]),
            written("10.0.0.1", &["192.0.2.", "1"]),
            written("10.0.0.1", &["192.0.2.1,"]),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(!all[..place].contains(one), "{place}");
        }
    }

    #[test]
    fn only_what_is_believed_is_evidence() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
        headers.append("forwarded", HeaderValue::from_static("for=192.0.2.2"));
        for (family, lines) in
            [(None, 0), (Some(HeaderFamily::Forwarded), 1), (Some(HeaderFamily::XForwardedFor), 1)]
        {
            let mut evidence = Evidence::new("10.0.0.1".parse().unwrap(), family);
            headers.iter().for_each(|(name, value)| evidence.see(name.as_str(), value));
            assert_eq!(evidence.lines().count(), lines);
        }
    }
}
