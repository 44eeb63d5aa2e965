//! From a cookie name to the number of its rule.

/// The names of all rules, letter by letter: rows of numbers, one row for each beginning that several names have. A way through it
/// costs a look-up for each letter, however many rules there are, and ends where one rule alone is left: the name is compared with that.
///
/// A row holds the rule of exactly this name, the rule of names that begin so (each plus one; 0 for none), a 0 for letters that occur in
/// no name, and for each letter that does a way. A way is 0 where no name begins so; else a rule, plus one, or the place of a row, before
/// two bits that say which, and whether names that begin so have a rule.
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
const NO_LETTER: u8 = 2;
const FIRST_LETTER: u8 = 3;

const IS_RULE: u32 = 1;
const BEGINS: u32 = 2;
const BITS: u32 = 2;

impl Default for Trie {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Trie {
    /// Of names, and whether each is the beginning of names, in the order of the numbers of their rules.
    pub(super) fn new(names: Vec<(Box<[u8]>, bool)>) -> Self {
        let mut columns = [NO_LETTER; 256];
        let mut width = FIRST_LETTER;
        for &byte in names.iter().flat_map(|(name, _)| name) {
            let column = &mut columns[usize::from(byte)];
            if *column == NO_LETTER {
                // There are fewer than 80 token characters.
                (*column, width) = (width, width + 1);
            }
        }
        let all = (0..names.len()).collect();
        let mut trie = Self { columns, width: usize::from(width), rows: Vec::new(), names };
        trie.add_row(all, 0);
        trie
    }

    /// The row of rules whose names have this length in common; gives its place.
    fn add_row(&mut self, rules: Vec<usize>, length: usize) -> usize {
        let row = self.rows.len();
        self.rows.resize(row + self.width, 0);
        let mut further = vec![Vec::new(); self.width];
        for rule in rules {
            let (name, is_prefix) = &self.names[rule];
            match name.get(length) {
                Some(&byte) => further[usize::from(self.columns[usize::from(byte)])].push(rule),
                None => self.rows[row + if *is_prefix { PREFIX } else { EXACT }] = rule as u32 + 1,
            }
        }
        for (column, rules) in further.into_iter().enumerate() {
            self.rows[row + column] |= match rules[..] {
                [] => 0,
                [rule] => (rule as u32 + 1) << BITS | IS_RULE,
                _ => {
                    let next = self.add_row(rules, length + 1);
                    let begins = if self.rows[next + PREFIX] == 0 { 0 } else { BEGINS };
                    (next as u32) << BITS | begins
                }
            };
        }
        row
    }

    /// The rule of a name. A beginning shorter than `guarded` is none.
    pub(super) fn find(&self, name: &[u8], guarded: usize) -> Option<u16> {
        let (mut row, mut longest) = (0, 0);
        for (place, &byte) in name.iter().enumerate() {
            let way = self.rows[row + usize::from(self.columns[usize::from(byte)])];
            if way & IS_RULE != 0 {
                let alone = way >> BITS;
                return number_of(if self.fits(alone, name, guarded) { alone } else { longest });
            }
            if way == 0 {
                return number_of(longest);
            }
            row = (way >> BITS) as usize;
            if way & BEGINS != 0 && place + 1 >= guarded {
                longest = self.rows[row + PREFIX];
            }
        }
        let exact = self.rows[row + EXACT];
        number_of(if exact != 0 { exact } else { longest })
    }

    fn fits(&self, rule: u32, name: &[u8], guarded: usize) -> bool {
        let (pattern, is_prefix) = &self.names[rule as usize - 1];
        if *is_prefix { pattern.len() >= guarded && name.starts_with(pattern) } else { *name == **pattern }
    }
}

fn number_of(rule: u32) -> Option<u16> {
    rule.checked_sub(1).and_then(|number| u16::try_from(number).ok())
}
