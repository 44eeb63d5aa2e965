use std::fmt;

/// How much was replaced, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(super) addresses: u64,
    pub(super) users: u64,
    pub(super) cookies: u64,
    pub(super) queries: u64,
    pub(super) mails: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { addresses, users, cookies, queries, mails } = self;
        write!(
            formatter,
            "addresses {addresses}, users {users}, cookies and sign-ins {cookies}, queries {queries}, e-mail addresses {mails}"
        )
    }
}
