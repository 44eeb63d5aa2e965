//! From a cookie name to the number of its rule.

/// The names of all rules, letter by letter: rows of numbers, one row for each beginning of a name. A way through it
/// costs a look-up or two for each letter, however many rules there are, and ends where one rule alone is left: what
/// follows is compared with that.
///
/// A row holds the rule of exactly this name, the rule of names that begin so, the one rule whose name begins so if there is
/// one alone (each plus one; 0 for none), a 0 for letters that occur in no name, and for each letter that does a way: the place of the next row, twice, and one more where names
/// that begin so have a rule. Row 0 is nowhere: no name begins so.
#[derive(Debug, Clone)]
pub(super) struct Trie {
    /// The column of each byte, which is the same for all that no name has.
    columns: [u8; 256],
    width: usize,
    rows: Vec<u32>,
    /// The name of each rule, and whether it is the beginning of names.
    names: Vec<(Box<[u8]>, bool)>,
}

const EXACT: usize = 0;
const PREFIX: usize = 1;
const ALONE: usize = 2;
const NO_LETTER: u8 = 3;
const FIRST_LETTER: usize = 4;
const BEGINS: u32 = 1;
const NOWHERE: usize = 0;

impl Default for Trie {
    fn default() -> Self {
        // Nowhere, and the beginning of every name.
        Self {
            columns: [NO_LETTER; 256],
            width: FIRST_LETTER,
            rows: vec![0; 2 * FIRST_LETTER],
            names: Vec::new(),
        }
    }
}

impl Trie {
    /// Rules come in the order of their numbers.
    pub(super) fn insert(&mut self, name: &[u8], is_prefix: bool, rule: u16) {
        self.names.push((name.into(), is_prefix));
        let rule = u32::from(rule) + 1;
        let columns: Vec<usize> = name.iter().map(|&byte| self.column_for(byte)).collect();
        let (mut row, mut way) = (self.width, 0);
        for column in columns {
            way = row + column;
            if self.rows[way] == 0 {
                let fresh = self.rows.len();
                self.rows.resize(fresh + self.width, 0);
                self.rows[way] = u32::try_from(2 * fresh).unwrap_or_default();
                self.rows[fresh + ALONE] = rule;
            }
            row = (self.rows[way] / 2) as usize;
            if self.rows[row + ALONE] != rule {
                self.rows[row + ALONE] = 0;
            }
        }
        self.rows[row + if is_prefix { PREFIX } else { EXACT }] = rule;
        if is_prefix {
            self.rows[way] |= BEGINS;
        }
    }

    /// The column of a byte of a name. Every row grows, and every place moves, where the byte is new.
    pub(super) fn column_for(&mut self, byte: u8) -> usize {
        let known = self.columns[usize::from(byte)];
        if known > NO_LETTER {
            return usize::from(known);
        }
        let (width, wider) = (self.width, self.width + 1);
        let moved = self.rows.chunks(width).flat_map(|row| {
            let (rules, ways) = row.split_at(FIRST_LETTER);
            let ways = ways.iter().map(|way| way / 2 / width as u32 * wider as u32 * 2 + way % 2);
            rules.iter().copied().chain(ways).chain([0])
        });
        self.rows = moved.collect();
        // There are fewer than 80 token characters.
        self.columns[usize::from(byte)] = width as u8;
        self.width = wider;
        width
    }

    /// The rule of a name. A beginning shorter than `guarded` is none.
    pub(super) fn find(&self, name: &[u8], guarded: usize) -> Option<u16> {
        let (mut row, mut longest) = (self.width, 0);
        for (place, &byte) in name.iter().enumerate() {
            let way = self.rows[row + usize::from(self.columns[usize::from(byte)])];
            row = (way / 2) as usize;
            if way & BEGINS != 0 && place + 1 >= guarded {
                longest = self.rows[row + PREFIX];
            }
            let alone = self.rows[row + ALONE];
            if alone != 0 {
                let (literal, is_prefix) = &self.names[alone as usize - 1];
                let fits = if *is_prefix {
                    literal.len() >= guarded && name.starts_with(literal)
                } else {
                    *name == **literal
                };
                return number_of(if fits { alone } else { longest });
            }
            if row == NOWHERE {
                return number_of(longest);
            }
        }
        let exact = self.rows[row + EXACT];
        number_of(if exact != 0 { exact } else { longest })
    }
}

fn number_of(rule: u32) -> Option<u16> {
    rule.checked_sub(1).and_then(|number| u16::try_from(number).ok())
}
