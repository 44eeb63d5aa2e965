//! What the nodes of a cluster have in common, as a start finds it in their Valkey.

use std::sync::Arc;
use std::thread;

use pinfold::audit::{Answer, Away, Cluster as _};
use pinfold::pseudonym::{ClusterSecret, EpochShare};
use pinfold::time::{Calendar, Clock};
use pinfold_store::{Unopened, Valkey, ValkeyCluster, ValkeyLogin, ValkeyTls};

use super::secret::{Amiss, read_login, read_secret};
use crate::config::ValkeySettings;
use crate::exit::Failure;
use crate::tls;

/// How often a start asks again where an answer takes longer than it may.
const TRIES: usize = 3;

/// A cluster that this node belongs to.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(super) cluster: Arc<ValkeyCluster>,
    pub(super) secret: ClusterSecret,
    /// The shares that stand for today and yesterday.
    pub(super) found: Vec<EpochShare>,
}

/// Asks for the shares that stand. Where nobody answers, the node begins without, at once.
pub(super) fn join(
    settings: &ValkeySettings,
    origin: &str,
    calendar: &Calendar,
    clock: &dyn Clock,
) -> Result<Joined, Failure> {
    let misused = |(problem, remedy): Amiss| Failure::misuse(format!("{problem} ({remedy})"));
    let secret = read_secret(&settings.secret.path).map_err(misused)?;
    let valkey = valkey(settings).map_err(misused)?;
    let cluster = Arc::new(ValkeyCluster::new(valkey.clone(), origin));
    let asked = async {
        let opened = valkey.open().await;
        let found = match opened {
            Ok(()) => stand(&cluster, calendar, clock).await,
            Err(Unopened::Away(why)) => {
                tracing::warn!(valkey = %settings.address, why, "Valkey is away: this node begins by itself");
                Ok(Vec::new())
            }
            Err(Unopened::Unfit(unfit)) => {
                Err(Failure::of(format!("the Valkey at {} cannot hold keys: {unfit}", settings.address)))
            }
        };
        // The connection belongs to this runtime, which ends.
        valkey.close().await;
        found
    };
    let found = on_a_thread(asked)?;
    Ok(Joined { cluster, secret, found })
}

/// Waits for something on a thread of its own: whoever calls may be within a runtime, where nothing can be waited for like this.
fn on_a_thread<T: Send>(asked: impl Future<Output = Result<T, Failure>> + Send) -> Result<T, Failure> {
    let wait = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(Failure::of)?.block_on(asked)
    };
    let ended = thread::scope(|scope| scope.spawn(wait).join());
    ended.unwrap_or_else(|_| Err(Failure::of("the nodes could not be asked for what they have in common")))
}

/// The Valkey that is named, which may be away.
pub(crate) fn valkey(settings: &ValkeySettings) -> Result<Valkey, Amiss> {
    let login = match &settings.password {
        Some(file) => read_login(&file.path)?,
        None => ValkeyLogin::default(),
    };
    let ca = settings.ca.as_ref().map(|ca| ca.path.as_path());
    let tls = settings.address.is_tls().then(|| {
        let (connector, name) = tls::connector(settings.address.host(), ca)?;
        Ok::<_, Amiss>(ValkeyTls { connector, name })
    });
    Ok(Valkey::new(settings.address.clone(), login, tls.transpose()?))
}

/// The share of today, which is made where there is none, and that of yesterday.
async fn stand(
    cluster: &ValkeyCluster,
    calendar: &Calendar,
    clock: &dyn Clock,
) -> Result<Vec<EpochShare>, Failure> {
    let now = clock.now();
    let today = calendar.day_of(now);
    let yesterday = calendar.day_of(today.starts.plus(-1));
    let offer = EpochShare::generate(&today, now).map_err(Failure::of)?;
    let stands = [
        patiently(|| cluster.agree(offer.clone())).await.ok(),
        patiently(|| cluster.find(yesterday.date)).await.ok().flatten(),
    ];
    Ok(stands.into_iter().flatten().collect())
}

async fn patiently<T>(ask: impl Fn() -> Answer<T>) -> Result<T, Away> {
    for _ in 1..TRIES {
        if let Ok(answer) = ask().await {
            return Ok(answer);
        }
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    }
    ask().await
}
