//! What becomes of datagrams on a bad way: always the same for a seed.

/// Of a hundred datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Fates {
    pub lost: u64,
    pub doubled: u64,
    /// Behind the next one.
    pub late: u64,
}

/// What becomes of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Lost,
    Late,
    Doubled,
    Arrives,
}

pub(crate) struct Dice {
    fates: Fates,
    state: u64,
}

impl Dice {
    pub(crate) fn new(fates: Fates, seed: u64) -> Self {
        Self { fates, state: seed | 1 }
    }

    pub(crate) fn throw(&mut self) -> Fate {
        let Fates { lost, doubled, late } = self.fates;
        match self.next() % 100 {
            number if number < lost => Fate::Lost,
            number if number < lost + late => Fate::Late,
            number if number < lost + late + doubled => Fate::Doubled,
            _ => Fate::Arrives,
        }
    }

    /// xorshift64.
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state >> 8
    }
}
