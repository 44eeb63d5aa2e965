//! `Cookie` fields made to be misread.

const NAMES: &[&[u8]] = &[
    b"session",
    b"ok",
    b"ok_x",
    b"ok_secret",
    b"ASP.NET_SessionId",
    b".AspNetCore.Cookies",
    b"_ga",
    b"_ga_X",
    b"promo",
    b"__Host-pinfold-consent",
    b"__Secure-pinfold-consent",
    b"pinfold-visit",
];

const ODD_NAMES: &[&[u8]] = &[
    b"",
    b"$Version",
    b"$Path",
    b"$_ga",
    b"%5Fga",
    b"_g%61",
    b".ga",
    b"+_ga",
    b"%20_ga",
    b"_ga[x]",
    b"_ga[",
    b"_ga%5Bx%5D",
    b"promo%00",
    b"promo%5B",
    b"ok.secret",
    b"ok%5Fsecret",
    b"ok%2Esecret",
    b"ok+secret",
    b"ok%5bsecret",
    b"..Host-pinfold-consent",
    b"_[Host-pinfold-consent",
    b"%5F%5FHost-pinfold-consent",
    b"pinfold.visit",
    b"pinfold%2Dvisit",
    b"\"_ga\"",
    b"_ga:",
    b",_ga",
    b"\xa0_ga",
    b"\xe2\x80\x80_ga",
    b"\xff",
    b"sess\xefon",
    b"path",
    b"Secure",
    b"expires",
    b"__proto__",
    b"toString",
];

const EQUALS: &[&[u8]] = &[b"=", b"=", b"=", b"=", b" = ", b"= ", b"\t=", b"==", b"===", b""];

const VALUES: &[&[u8]] = &[
    b"",
    b"1",
    b"a=b=c",
    b"\"x\"",
    b"\"a b\"",
    b"\"",
    b"\"a",
    b"a\"",
    b"\"\\\"",
    b"\\",
    b"a\\\"b",
    b"x,y",
    b", ",
    b"%3B%20_ga=1",
    b"caf\xe9",
    b"caf\xc3\xa9",
    b"\xe2\x80\x80",
    b"Sun, 22 Nov 2026 10:00:00 GMT",
    b"{\"a\": 1, \"_ga\": \"2\"}",
];

const ORDINARY_VALUES: &[&[u8]] =
    &[b"", b"1", b"GA1.1.2.3", b"abc", b"a=b", b"%7B%22a%22%7D", b"\"quoted\"", b"a+b/c=="];

const BETWEEN: &[&[u8]] = &[
    b"; ", b"; ", b"; ", b"; ", b";", b" ; ", b";;", b"; ;", b";\t", b" ", b"\t", b"  ", b",", b", ", b"\"",
    b"\\",
];

/// Numbers that look thrown, the same for the same seed (xorshift64*).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a [u8]]) -> &'a [u8] {
        from[self.below(from.len())]
    }

    /// One field: every third is as a browser would send it.
    pub(crate) fn field(&mut self) -> Vec<u8> {
        let ordinary = self.one_in(3);
        let mut field = Vec::new();
        for place in 0..=self.below(7) {
            if place > 0 {
                field.extend(if ordinary { b"; " } else { self.pick(BETWEEN) });
            }
            if ordinary {
                field.extend([self.pick(NAMES), b"=", self.pick(ORDINARY_VALUES)].concat());
            } else {
                self.pair(&mut field);
            }
        }
        field
    }

    fn pair(&mut self, field: &mut Vec<u8>) {
        field.extend(self.name());
        field.extend(self.pick(EQUALS));
        if self.one_in(200) {
            let length = self.below(6000);
            field.resize(field.len() + length, b'a');
        }
        field.extend(self.pick(VALUES));
        if self.one_in(4) {
            // What one parser takes for the end of a value, and another does not.
            field.extend(self.pick(&[b" ", b"\t", b"\" ", b", ", b",", b"\"", b"\\; "]));
            field.extend(self.name());
            field.extend(self.pick(EQUALS));
            field.extend(self.pick(VALUES));
        }
    }

    fn name(&mut self) -> Vec<u8> {
        let known = if self.one_in(3) { ODD_NAMES } else { NAMES };
        let mut name = self.pick(known).to_vec();
        if name.is_empty() || !self.one_in(3) {
            return name;
        }
        let place = self.below(name.len());
        match self.below(6) {
            0 => {
                let encoded = format!("%{:02x}", name[place]);
                name.splice(place..=place, encoded.into_bytes());
            }
            1 if name[place].is_ascii_alphabetic() => name[place] ^= 0x20,
            2 => name[place] = b'.',
            3 => name[place] = b" [+\"\x80_"[self.below(6)],
            4 => name.insert(place, b"\t \xa0$,"[self.below(5)]),
            _ => name.extend(self.pick(&[b" ", b"\t", b"[]", b"[a]", b"%5B%5D", b"%00x", b"\xc2\xa0"])),
        }
        name
    }
}
