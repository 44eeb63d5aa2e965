//! What nodes have in common, in a real server.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/redis.rs"]
mod redis;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pinfold::audit::{Away, Block, BlockChange, Cluster};
use pinfold::pseudonym::{EpochShare, Pseudonym};
use pinfold::time::{Calendar, UnixTime};
use pinfold_store::{Unopened, Valkey, ValkeyCluster, ValkeyLogin};
use redis::Redis;
use zeroize::Zeroizing;

const ORIGIN: &str = "https://www.town.example";

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixTime::from_seconds(since.as_secs().try_into().unwrap())
}

fn share() -> EpochShare {
    EpochShare::generate(&Calendar::utc().day_of(now()), now()).unwrap()
}

fn valkey(redis: &Redis) -> Valkey {
    Valkey::new(redis.url().parse().unwrap(), ValkeyLogin::default(), None)
}

fn node(redis: &Redis) -> ValkeyCluster {
    ValkeyCluster::new(valkey(redis), ORIGIN)
}

fn name(number: u64) -> Pseudonym {
    Pseudonym::from_number(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
}

/// Asks again while a busy machine takes longer than 20 ms.
async fn answer<T>(ask: impl Fn() -> pinfold::audit::Answer<T>) -> T {
    for _ in 0..50 {
        if let Ok(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("no answer")
}

#[tokio::test]
#[ignore = "needs redis-server: scripts/check installs it and runs this"]
async fn the_first_share_of_a_day_stands_for_all_nodes_and_ends_in_time() {
    let redis = Redis::start();
    let (one, other) = (node(&redis), node(&redis));
    let (mine, theirs) = (share(), share());
    assert_eq!(answer(|| one.find(mine.day())).await, None);
    assert_eq!(answer(|| one.agree(mine.clone())).await, mine);
    assert_eq!(answer(|| other.agree(theirs.clone())).await, mine);
    assert_eq!(answer(|| other.find(mine.day())).await, Some(mine.clone()));
    let elsewhere = ValkeyCluster::new(valkey(&redis), "https://www.other.example");
    assert_eq!(answer(|| elsewhere.find(mine.day())).await, None, "another site");
    answer(|| one.count(&mine, vec![name(1)])).await;
    answer(|| one.close(&mine)).await;
    let block = Block::new(name(1), "scans", now().plus(600));
    answer(|| one.blocks(&mine, vec![BlockChange::Block(block.clone())], None)).await;
    let names = redis.names();
    assert_eq!(names.len(), 5, "{names:?}");
    for name in names {
        assert!(name.starts_with("pinfold:1:https://www.town.example:"), "{name}");
        let ends = String::from_utf8(redis.ask(&["PEXPIRETIME", &name]).unwrap()).unwrap();
        assert_eq!(ends, format!("{}000", mine.expires().seconds()), "{name} ends with the key");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: scripts/check installs it and runs this"]
async fn a_block_on_one_node_is_seen_on_another_until_it_ends_or_is_lifted() {
    let redis = Redis::start();
    let (one, other, share) = (node(&redis), node(&redis), share());
    let until = now().plus(600);
    let block = |number| Block::new(name(number), "scans, gwrthod: ŵ", until);
    let ended = Block::new(name(3), "over", now().plus(-1));
    let all = [block(1), block(2), ended].map(BlockChange::Block).to_vec();
    let told = answer(|| one.blocks(&share, all.clone(), None)).await.unwrap();
    let mut seen = answer(|| other.blocks(&share, Vec::new(), None)).await.unwrap();
    seen.blocks.sort_by_key(|block| block.pseudonym);
    let mut expected = vec![block(1), block(2)];
    expected.sort_by_key(|block| block.pseudonym);
    assert_eq!((seen.blocks, seen.version), (expected, told.version));
    assert_eq!(answer(|| other.blocks(&share, Vec::new(), Some(seen.version))).await, None, "nothing is new");
    let lift = vec![BlockChange::Lift(name(1))];
    answer(|| other.blocks(&share, lift.clone(), Some(seen.version))).await;
    let stands = answer(|| one.blocks(&share, Vec::new(), Some(told.version))).await.unwrap();
    assert_eq!(stands.blocks, [block(2)]);
}

#[tokio::test]
#[ignore = "needs redis-server: scripts/check installs it and runs this"]
async fn merged_sketches_are_bit_for_bit_those_of_one_node() {
    let redis = Redis::start();
    let (alone, together) = (share(), share());
    let one = node(&redis);
    for number in 0..20 {
        let names: Vec<_> = (0..1_000).map(|host| name(number * 1_000 + host)).collect();
        answer(|| one.count(&alone, names.clone())).await;
    }
    // Sixty-four nodes, each of which has met some that others have met as well, in an order of its own.
    for number in 0..64 {
        let node = node(&redis);
        let mut names: Vec<_> =
            (0..20_000).filter(|host| host % 64 == number || host % 5 == number % 5).map(name).collect();
        names.rotate_left(usize::try_from(number).unwrap() * 31);
        for chunk in names.chunks(2_048) {
            answer(|| node.count(&together, chunk.to_vec())).await;
        }
    }
    let estimates =
        [answer(|| one.count(&alone, Vec::new())).await, answer(|| one.count(&together, Vec::new())).await];
    assert_eq!(estimates[0], estimates[1]);
    assert!(estimates[0].abs_diff(20_000) < 20_000 * 3 / 100, "{estimates:?}");
    let sketch =
        |share: &EpochShare| redis.ask(&["GET", &format!("pinfold:1:{ORIGIN}:count:{}", share.epoch())]);
    assert!(sketch(&alone).unwrap().len() > 12_000, "all registers are there");
    assert_eq!(sketch(&alone), sketch(&together));
    // The end of the day is written by whoever asks first.
    let closed = [answer(|| one.close(&together)).await, answer(|| node(&redis).close(&together)).await];
    assert_eq!(closed, [Some(estimates[0]), None]);
    // Whose answer came too late asks again.
    assert_eq!(answer(|| one.close(&together)).await, Some(estimates[0]));
}

#[tokio::test]
#[ignore = "needs redis-server: scripts/check installs it and runs this"]
async fn a_server_that_persists_evicts_or_hands_on_is_not_opened() {
    for (settings, word) in [
        (&["--save", "3600 1"][..], "(save)"),
        (&["--appendonly", "yes"], "(appendonly)"),
        (&["--maxmemory", "10mb", "--maxmemory-policy", "volatile-ttl"], "throws away"),
        (&["--maxmemory", "10mb", "--maxmemory-policy", "allkeys-lru"], "throws away"),
        (&["--requirepass", "correct horse battery"], "does not let Pinfold in"),
    ] {
        let redis = Redis::with(settings);
        let Err(Unopened::Unfit(unfit)) = valkey(&redis).open().await else {
            panic!("{settings:?} is opened")
        };
        assert!(unfit.to_string().contains(word), "{unfit}");
    }
    let main = Redis::start();
    let replica = Redis::with(&["--replicaof", "127.0.0.1", &main.port.to_string()]);
    let Err(Unopened::Unfit(unfit)) = valkey(&replica).open().await else { panic!("a replica is opened") };
    assert!(unfit.problem().contains("replica"), "{unfit}");
    for _ in 0..100 {
        match valkey(&main).open().await {
            Err(Unopened::Unfit(unfit)) => {
                assert!(unfit.problem().contains("replica"), "{unfit}");
                break;
            }
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    assert!(valkey(&main).open().await.is_err(), "it has a replica");

    let redis = Redis::with(&[
        "--maxmemory",
        "10mb",
        "--maxmemory-policy",
        "noeviction",
        "--requirepass",
        "correct horse",
    ]);
    let login = |user: Option<&str>, password: &str| ValkeyLogin {
        user: user.map(str::to_owned),
        password: Some(Zeroizing::new(password.to_owned())),
    };
    let open = |login| {
        let valkey = Valkey::new(redis.url().parse().unwrap(), login, None);
        async move { valkey.open().await }
    };
    assert_eq!(open(login(None, "correct horse")).await, Ok(()));
    assert!(matches!(open(login(None, "wrong")).await, Err(Unopened::Unfit(_))));
}

#[tokio::test]
#[ignore = "needs redis-server: scripts/check installs it and runs this"]
async fn a_user_may_be_held_to_what_is_needed() {
    // As docs/administration.md writes it; without CONFIG GET nobody can know whether the server will save.
    for config in ["+config|get", "-config"] {
        let redis = Redis::start();
        let rights = "+set +get +pfadd +pfcount +hset +hdel +hgetall +incr +pexpireat +info";
        let user = format!("ACL SETUSER pinfold on >secret ~pinfold:* {rights} {config}");
        assert_eq!(redis.ask(&user.split(' ').collect::<Vec<_>>()).unwrap(), b"OK");
        let login = ValkeyLogin {
            user: Some("pinfold".to_owned()),
            password: Some(Zeroizing::new("secret".to_owned())),
        };
        let valkey = Valkey::new(redis.url().parse().unwrap(), login, None);
        assert_eq!(valkey.open().await, Ok(()), "{config}");
        let (node, share) = (ValkeyCluster::new(valkey, ORIGIN), share());
        assert_eq!(answer(|| node.agree(share.clone())).await, share);
        assert_eq!(answer(|| node.count(&share, vec![name(1)])).await, 1);
        assert_eq!(answer(|| node.close(&share)).await, Some(1));
        let block = BlockChange::Block(Block::new(name(1), "scans", now().plus(60)));
        assert_eq!(answer(|| node.blocks(&share, vec![block.clone()], None)).await.unwrap().blocks.len(), 1);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: scripts/check installs it and runs this"]
async fn fault_10_a_frozen_server_is_waited_for_once_and_found_again() {
    let redis = Redis::start();
    let (node, share) = (node(&redis), share());
    answer(|| node.agree(share.clone())).await;
    redis.signal("STOP");
    let began = Instant::now();
    assert_eq!(node.agree(share.clone()).await, Err(Away));
    let once = began.elapsed();
    assert!((20..60).contains(&once.as_millis()), "{once:?}");
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(node.agree(share.clone()).await, Err(Away));
    }
    assert!(began.elapsed() < Duration::from_millis(20), "the circuit is open: {:?}", began.elapsed());
    redis.signal("CONT");
    assert_eq!(answer(|| node.agree(share.clone())).await, share);

    // One that is told to keep it on a disk is not used any more.
    let port = redis.kill();
    assert_eq!(node.agree(share.clone()).await, Err(Away));
    let redis = Redis::at(port, &["--appendonly", "yes"]);
    for _ in 0..20 {
        assert_eq!(node.agree(share.clone()).await, Err(Away));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(redis.names(), Vec::<String>::new(), "it was given nothing");
}

#[tokio::test]
#[ignore = "needs redis-server: scripts/check installs it and runs this"]
async fn fault_10_what_a_full_server_has_can_still_be_read() {
    let redis = Redis::with(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
    let (node, share) = (node(&redis), share());
    answer(|| node.agree(share.clone())).await;
    let block = Block::new(name(1), "scans", now().plus(600));
    answer(|| node.blocks(&share, vec![BlockChange::Block(block.clone())], None)).await;
    redis.fill();
    assert_eq!(answer(|| node.agree(share.clone())).await, share);
    assert_eq!(answer(|| node.blocks(&share, Vec::new(), None)).await.unwrap().blocks, [block]);
    assert_eq!(node.count(&share, vec![name(1)]).await, Err(Away));
    assert_eq!(answer(|| node.agree(share.clone())).await, share, "a refusal does not open the circuit");
}
