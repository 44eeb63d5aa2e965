use crate::client_ip::AddressSource;
use crate::pseudonym::{Pseudonym, Token};

/// How many pieces of evidence are remembered.
const ROOM: usize = 512;

/// What evidence has led to lately, by its token: visitors come again within seconds, for everything that is on a page.
///
/// Each token has one place, and whoever comes last has it. So the table is bounded, and filling it on purpose costs only
/// the time that it saves.
#[derive(Debug, Default)]
pub(super) struct Recent(Vec<Option<(Token, Recognised)>>);

/// A client, named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recognised {
    pub(super) host: Pseudonym,
    pub(super) source: AddressSource,
}

impl Recent {
    /// What the evidence behind `token` has led to; `look` finds out where that is not remembered.
    pub(super) fn recognise(&mut self, token: Token, look: impl FnOnce() -> Recognised) -> Recognised {
        if self.0.is_empty() {
            self.0 = vec![None; ROOM];
        }
        let place = &mut self.0[token.number() as usize % ROOM];
        match place {
            Some((known, recognised)) if *known == token => *recognised,
            _ => place.insert((token, look())).1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_not_looked_up_again_and_never_mistaken() {
        let found =
            |number: u64| Recognised { host: Pseudonym::from_number(number), source: AddressSource::Peer };
        let mut recent = Recent::default();
        let mut looked = 0;
        for (number, looks) in [(7, 1), (7, 1), (8, 2), (7, 2), (7 + ROOM as u64, 3), (7, 4), (8, 4)] {
            let recognised = recent.recognise(Token::from_number(number), || {
                looked += 1;
                found(number)
            });
            assert_eq!((recognised, looked), (found(number), looks), "{number}");
        }
    }
}
