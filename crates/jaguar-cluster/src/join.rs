//! Becoming a member: peers are asked until one says yes.

use std::collections::VecDeque;
use std::time::Duration;

use jaguar_proto::v1;
use jaguar_proto::v1::join_response::Answer;
use jaguar_proto::v1::peer_client::PeerClient;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info};

use crate::channel::{endpoint, reason};
use crate::discovery::{Discovery, DiscoveryError};
use crate::limits::{JOIN_ANSWER_TIMEOUT, JOIN_WAIT, JOIN_WAIT_LONGEST, PEER_MESSAGE_BYTES};

/// Who wants to become a member.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Name for people.
    pub name: String,
    /// What peers dial, `host:port`.
    pub address: String,
}

/// No peer said yes in time.
#[derive(Debug, thiserror::Error)]
#[error(
    "could not join a world within {patience:?}: {last}; check cluster_peers and that a pod of the world runs there"
)]
pub struct JoinError {
    /// How long it was tried.
    patience: Duration,
    /// What went wrong last.
    last: String,
}

/// Asks the peers that discovery finds, and the coordinators they name, until one answers with a welcome.
///
/// # Errors
/// When none has within `patience`.
pub async fn join(discovery: &Discovery, candidate: &Candidate, patience: Duration) -> Result<Vec<u8>, JoinError> {
    let deadline = Instant::now() + patience;
    let mut wait = JOIN_WAIT;
    loop {
        let last = match round(discovery, candidate).await {
            Ok(welcome) => return Ok(welcome),
            Err(error) => error.to_string(),
        };
        if Instant::now() + wait >= deadline {
            return Err(JoinError { patience, last });
        }
        debug!(reason = last, "no peer says yes yet; asking again");
        sleep(wait).await;
        wait = (wait * 2).min(JOIN_WAIT_LONGEST);
    }
}

/// What can go wrong in one round.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    #[error("discovery found no peer other than this pod")]
    Nobody,
    #[error("{address}: {reason}")]
    Peer { address: String, reason: String },
}

/// Asks each peer once, a named coordinator first.
async fn round(discovery: &Discovery, candidate: &Candidate) -> Result<Vec<u8>, RoundError> {
    let mut to_ask: VecDeque<String> = discovery.addresses().await?.into();
    to_ask.retain(|address| *address != candidate.address);
    let mut asked = Vec::new();
    let mut outcome = Err(RoundError::Nobody);
    while let Some(address) = to_ask.pop_front() {
        if asked.contains(&address) {
            continue;
        }
        match ask(&address, candidate).await {
            Ok(Answer::Welcome(welcome)) => {
                info!(coordinator = address, "this pod was welcomed");
                return Ok(welcome);
            }
            Ok(Answer::Redirect(coordinator)) => {
                let reason = format!("names {coordinator} as the coordinator");
                outcome = Err(RoundError::Peer {
                    address: address.clone(),
                    reason,
                });
                to_ask.push_front(coordinator);
            }
            Ok(Answer::Refused(reason)) | Err(reason) => {
                outcome = Err(RoundError::Peer {
                    address: address.clone(),
                    reason,
                });
            }
        }
        asked.push(address);
    }
    outcome
}

async fn ask(address: &str, candidate: &Candidate) -> Result<Answer, String> {
    let endpoint = endpoint(address).map_err(|error| reason(&error))?;
    let channel = endpoint.connect().await.map_err(|error| reason(&error))?;
    let mut peer = PeerClient::new(channel).max_decoding_message_size(PEER_MESSAGE_BYTES);
    let request = v1::JoinRequest {
        name: candidate.name.clone(),
        address: candidate.address.clone(),
    };
    let response = timeout(JOIN_ANSWER_TIMEOUT, peer.join(request))
        .await
        .map_err(|_| format!("no answer within {JOIN_ANSWER_TIMEOUT:?}"))?
        .map_err(|status| status.message().to_owned())?;
    response
        .into_inner()
        .answer
        .ok_or_else(|| "an empty answer: another version?".to_owned())
}
