use std::hash::{BuildHasher as _, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use pinfold::audit::{Answer, Away, Block, BlockChange, Cluster, CommonBlocks};
use pinfold::pseudonym::{EpochShare, Pseudonym};
use pinfold::time::{CivilDate, UnixTime};
use redis::{FromRedisValue, Pipeline, RedisResult, Value, pipe};
use zeroize::Zeroizing;

use super::names::Names;
use super::server::Valkey;

/// What the nodes of one site have in common, in one [`Valkey`].
#[derive(Debug, Clone)]
pub struct ValkeyCluster {
    valkey: Valkey,
    names: Names,
    /// By which a node knows that it was itself that asked first, though the answer came too late. Of no use to anybody else.
    token: u64,
}

impl ValkeyCluster {
    /// For the site of an origin, such as `https://www.example.gov.uk`.
    pub fn new(valkey: Valkey, origin: &str) -> Self {
        // Seeded by the system, for each process otherwise.
        let token = RandomState::new().hash_one(origin);
        Self { valkey, names: Names::of(origin), token }
    }
}

impl Cluster for ValkeyCluster {
    fn find(&self, day: CivilDate) -> Answer<Option<EpochShare>> {
        let (valkey, mut commands) = (self.valkey.clone(), pipe());
        commands.cmd("GET").arg(self.names.share(day));
        Box::pin(async move {
            let found: Option<Zeroizing<Vec<u8>>> =
                last::<Option<Vec<u8>>>(valkey.ask(commands).await?)?.map(Zeroizing::new);
            Ok(found.and_then(|bytes| EpochShare::from_bytes(day, &bytes)))
        })
    }

    fn agree(&self, offer: EpochShare) -> Answer<EpochShare> {
        let (valkey, mut commands, day) = (self.valkey.clone(), pipe(), offer.day());
        let name = self.names.share(day);
        let bytes = offer.to_bytes();
        commands
            .cmd("SET")
            .arg(&name)
            .arg(&bytes[..])
            .arg("NX")
            .arg("PXAT")
            .arg(milliseconds(offer.expires()));
        commands.cmd("GET").arg(&name);
        Box::pin(async move {
            // Where nothing more can be kept, what is there can still be read.
            let stands =
                last::<Option<Vec<u8>>>(valkey.ask(commands).await?)?.map(Zeroizing::new).ok_or(Away)?;
            EpochShare::from_bytes(day, &stands).ok_or_else(|| {
                valkey.complain(
                    "the share of the day is of another version of Pinfold: let all nodes have one",
                );
                Away
            })
        })
    }

    fn count(&self, share: &EpochShare, names: Vec<Pseudonym>) -> Answer<u64> {
        let (valkey, mut commands) = (self.valkey.clone(), pipe());
        let name = self.names.count(share);
        // Without names as well: a server that takes nothing more is found out before midnight.
        commands.cmd("PFADD").arg(&name);
        for one in &names {
            commands.arg(&one.number().to_be_bytes()[..]);
        }
        expire(&mut commands, &name, share);
        commands.cmd("PFCOUNT").arg(&name);
        Box::pin(async move { all(valkey.ask(commands).await?) })
    }

    fn close(&self, share: &EpochShare) -> Answer<Option<u64>> {
        let (valkey, mut commands, token) = (self.valkey.clone(), pipe(), self.token);
        commands.cmd("PFCOUNT").arg(self.names.count(share));
        let closed = self.names.closed(share);
        commands.cmd("SET").arg(&closed).arg(token).arg("NX").arg("PXAT").arg(milliseconds(share.expires()));
        commands.cmd("GET").arg(&closed);
        Box::pin(async move {
            let mut answers = valkey.ask(commands).await?.into_iter();
            let count = read::<u64>(answers.next())?;
            let first = last::<Option<String>>(answers.collect())?.ok_or(Away)?;
            Ok((first == token.to_string()).then_some(count))
        })
    }

    fn blocks(
        &self,
        share: &EpochShare,
        changes: Vec<BlockChange>,
        seen: Option<u64>,
    ) -> Answer<Option<CommonBlocks>> {
        let (valkey, mut commands) = (self.valkey.clone(), pipe());
        let (name, version) = (self.names.blocks(share), self.names.changes(share));
        for change in &changes {
            match change {
                BlockChange::Block(block) => {
                    commands.cmd("HSET").arg(&name).arg(block.pseudonym.to_string()).arg(written(block));
                }
                BlockChange::Lift(pseudonym) => {
                    commands.cmd("HDEL").arg(&name).arg(pseudonym.to_string());
                }
            }
        }
        if !changes.is_empty() {
            commands.cmd("INCR").arg(&version);
            expire(&mut commands, &name, share);
            expire(&mut commands, &version, share);
        }
        commands.cmd("GET").arg(&version);
        Box::pin(async move {
            let version = all::<Option<u64>>(valkey.ask(commands).await?)?.unwrap_or_default();
            if seen == Some(version) {
                return Ok(None);
            }
            let mut commands = pipe();
            commands.cmd("HGETALL").arg(&name);
            let pairs: Vec<(String, Vec<u8>)> = all(valkey.ask(commands).await?)?;
            let blocks = pairs.into_iter().filter_map(|(pseudonym, terms)| block(&pseudonym, &terms));
            let now = now();
            Ok(Some(CommonBlocks { version, blocks: blocks.filter(|block| block.until > now).collect() }))
        })
    }
}

/// Lets a name end with a share.
fn expire(commands: &mut Pipeline, name: &str, share: &EpochShare) {
    commands.cmd("PEXPIREAT").arg(name).arg(milliseconds(share.expires()));
}

fn milliseconds(moment: UnixTime) -> i64 {
    moment.seconds().saturating_mul(1_000)
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The terms of a block: until when, and why.
fn written(block: &Block) -> Vec<u8> {
    [&block.until.seconds().to_be_bytes()[..], block.reason.as_bytes()].concat()
}

/// A block as it was written; nothing, where it is something else.
fn block(pseudonym: &str, terms: &[u8]) -> Option<Block> {
    let (until, reason) = terms.split_first_chunk()?;
    let until = UnixTime::from_seconds(i64::from_be_bytes(*until));
    Some(Block::new(pseudonym.parse().ok()?, std::str::from_utf8(reason).ok()?, until))
}

/// The last answer, where none before it is an error.
fn all<T: FromRedisValue>(answers: Vec<RedisResult<Value>>) -> Result<T, Away> {
    if answers.iter().any(Result::is_err) { Err(Away) } else { last(answers) }
}

fn last<T: FromRedisValue>(answers: Vec<RedisResult<Value>>) -> Result<T, Away> {
    read(answers.into_iter().next_back())
}

fn read<T: FromRedisValue>(answer: Option<RedisResult<Value>>) -> Result<T, Away> {
    redis::from_redis_value(answer.ok_or(Away)?.map_err(|_| Away)?).map_err(|_| Away)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_as_they_are_written() {
        let name = Pseudonym::from_number(0x0123_4567_89ab_cdef);
        let one = Block::new(name, "tries passwords, gwrthod: ŵ", UnixTime::from_seconds(1_795_341_600));
        let terms = written(&one);
        assert_eq!(block("0123456789abcdef", &terms), Some(one));
        for (pseudonym, terms) in [
            ("0123456789abcdeX", &terms[..]),
            ("0000000000000000", &terms[..]),
            ("0123456789abcdef", &terms[..7]),
            ("0123456789abcdef", &[0, 0, 0, 0, 0, 0, 0, 0, 0xff][..]),
        ] {
            assert_eq!(block(pseudonym, terms), None, "{pseudonym}");
        }
    }
}
