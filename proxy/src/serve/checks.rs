//! Asking origins, again and again, whether they are well: once for all threads.

use std::time::Duration;

use tokio::task::JoinSet;

use super::sites::Standing;

/// How often they are asked.
const EVERY: Duration = Duration::from_secs(5);

/// How soon, where one has missed a question and the next decides.
const SOON: Duration = Duration::from_secs(1);

/// Asks those in force, for as long as it is run.
pub(super) async fn run(in_force: Standing) {
    let mut rest = EVERY;
    loop {
        tokio::time::sleep(rest).await;
        let mut asked = JoinSet::new();
        for server in in_force.load().sites.iter().flat_map(|site| site.origins.servers()) {
            asked.spawn(server.clone().check());
        }
        // Whatever becomes of one, the others are asked again.
        let in_doubt = asked.join_all().await.contains(&true);
        rest = if in_doubt { SOON } else { EVERY };
    }
}
