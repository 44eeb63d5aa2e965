//! Lines of access logs with their addresses replaced: no address that was there is there still.

use std::net::IpAddr;

use pinfold_proxy::fuzzing::scrubbed;

/// The first byte says how the log is written.
pub fn run(data: &[u8]) {
    let Some((&format, line)) = data.split_first() else { return };
    let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let Some(out) = scrubbed(line, usize::from(format)) else { return };
    assert!(!out.contains(&b'\n'), "one line became two: {}", out.escape_ascii());
    let left = addresses(without_agent(&out));
    for address in addresses(without_agent(line)) {
        assert!(!left.contains(&address), "{address} is still in {}", out.escape_ascii());
    }
    // Nothing is left to replace but what replaced it.
    let again = scrubbed(&out, usize::from(format))
        .unwrap_or_else(|| panic!("{} is of no format", out.escape_ascii()));
    assert_eq!(again.is_empty(), out.is_empty());
}

/// What a browser calls itself may have a version of four numbers.
fn without_agent(line: &[u8]) -> &[u8] {
    let is_json = line.trim_ascii_start().starts_with(b"{");
    let last = line.windows(3).rposition(|text| text == b"\" \"").filter(|_| !is_json);
    &line[..last.unwrap_or(line.len())]
}

/// Every address that stands by itself, but for those that replace others.
fn addresses(text: &[u8]) -> Vec<IpAddr> {
    // `%32.0.2.1` is none: with what stands before it, it is `2.0.2.1` or more.
    let is_within = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'%' | b'\\');
    let words = text.split(|byte| !is_within(byte));
    let read = |word: &[u8]| std::str::from_utf8(word).ok()?.parse::<IpAddr>().ok();
    words.filter_map(read).filter(|address| !is_pseudonym(*address) && !is_nobody(*address)).collect()
}

fn is_pseudonym(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.octets()[0] >= 240,
        IpAddr::V6(v6) => v6.octets()[0] == 0xfd,
    }
}

fn is_nobody(address: IpAddr) -> bool {
    address.to_canonical().is_unspecified() || address.to_canonical().is_loopback()
}
