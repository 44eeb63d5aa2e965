//! What the nodes of one site have in common: the share of the day's key, blocks, and the count of distinct addresses.

use std::fmt;
use std::pin::Pin;

use super::block::Block;
use crate::pseudonym::{EpochShare, Pseudonym};
use crate::time::CivilDate;

/// Where the nodes of one site keep what they have in common: in memory that all of them reach, and on no disk.
///
/// Nobody waits for it. It is asked in the background, about once a second, and a node that it does not answer goes on by itself: with the
/// keys and blocks that it has, and, once these end, with a key of its own until the day is over.
///
/// Whatever is kept under a share must be gone when the share is ([`EpochShare::expires`]).
pub trait Cluster: fmt::Debug + Send + Sync + 'static {
    /// The share that stands for a day, if one does.
    fn find(&self, day: CivilDate) -> Answer<Option<EpochShare>>;

    /// Offers a share for its day, and gives the one that stands from now on: this one, where there was none.
    fn agree(&self, offer: EpochShare) -> Answer<EpochShare>;

    /// Adds names to those that were counted under a share, each once, and gives an estimate of how many there are.
    fn count(&self, share: &EpochShare, names: Vec<Pseudonym>) -> Answer<u64>;

    /// The estimate at the end of a day, for the node that asked first, however often it asks; nothing for the others.
    fn close(&self, share: &EpochShare) -> Answer<Option<u64>>;

    /// Makes changes to the blocks under a share, and gives all of them; nothing, where they stand as they were `seen`.
    fn blocks(
        &self,
        share: &EpochShare,
        changes: Vec<BlockChange>,
        seen: Option<u64>,
    ) -> Answer<Option<CommonBlocks>>;
}

/// What comes of asking.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Away>> + Send>>;

/// There was no answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what the nodes have in common is away")
    }
}

impl std::error::Error for Away {}

/// A change to the blocks that nodes have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockChange {
    /// Somebody is refused, or on other terms than before.
    Block(Block),
    /// Somebody no longer is.
    Lift(Pseudonym),
}

/// The blocks that nodes have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommonBlocks {
    /// Another number whenever they are other ones.
    pub version: u64,
    /// All of them.
    pub blocks: Vec<Block>,
}
