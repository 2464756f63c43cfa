//! An answer, and what the answer is counted as.

use std::ops::{Deref, DerefMut};

use netboot_ebpf::verdict::Verdict;

use super::Reply;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub verdict: Verdict,
    pub reply: Reply,
}

impl Deref for Answered {
    type Target = Reply;

    fn deref(&self) -> &Reply {
        &self.reply
    }
}

impl DerefMut for Answered {
    fn deref_mut(&mut self) -> &mut Reply {
        &mut self.reply
    }
}
