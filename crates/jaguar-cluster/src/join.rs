//! Asking peers to become a member.

use std::collections::VecDeque;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jaguar_proto::v1;
use jaguar_proto::v1::join_response::Answer;
use jaguar_proto::v1::peer_client::PeerClient;
use tokio::time::timeout;
use tonic::Code;
use tracing::info;

use crate::channel::{endpoint, is_tls_refusal, reason};
use crate::limits::{JOIN_ANSWER_TIMEOUT, PEER_MESSAGE_BYTES, PEERS_ASKED_AT_ONCE};
use crate::security::Security;

/// Who wants to become a member.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Name for people.
    pub name: String,
    /// What peers dial, `host:port`.
    pub address: String,
}

/// What came of asking every peer once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// A world takes this pod in, with this state to start from.
    Welcome(Vec<u8>),
    /// There is a world, but it has not taken this pod in yet, for this reason.
    NotYet(String),
    /// No peer that answers is a member of a world that goes on. In words: what the last one said.
    Nobody(String),
}

/// What one peer said.
#[derive(Debug)]
enum Said {
    Welcome(Vec<u8>),
    /// Ask the coordinator at this address.
    Redirect(String),
    /// It is, or may be, a member of a world, and this pod is not let in now.
    No(String),
    /// It cannot be reached, is no member itself, or its world has halted.
    NoMember(String),
}

/// Asks each peer once, many at a time, and the coordinators that they name. `first` is asked before all others.
pub(crate) async fn round(
    first: Option<String>,
    peers: Vec<String>,
    candidate: &Candidate,
    security: &Security,
) -> Round {
    let mut to_ask: VecDeque<String> = first.into_iter().chain(peers).collect();
    to_ask.retain(|address| *address != candidate.address);
    let mut asked: Vec<String> = Vec::new();
    let mut waiting = FuturesUnordered::new();
    let mut not_yet = None;
    let mut nobody = "no peer other than this pod is known".to_owned();
    loop {
        while waiting.len() < PEERS_ASKED_AT_ONCE
            && let Some(address) = to_ask.pop_front()
        {
            if !asked.contains(&address) {
                asked.push(address.clone());
                waiting.push(async move { (ask(&address, candidate, security).await, address) });
            }
        }
        let Some((said, address)) = waiting.next().await else {
            break;
        };
        match said {
            Said::Welcome(welcome) => {
                info!(coordinator = address, "this pod was welcomed");
                return Round::Welcome(welcome);
            }
            Said::Redirect(coordinator) => {
                not_yet = Some(format!("{address} names {coordinator} as the coordinator"));
                to_ask.push_front(coordinator);
            }
            Said::No(reason) => not_yet = Some(format!("{address}: {reason}")),
            Said::NoMember(reason) => nobody = format!("{address}: {reason}"),
        }
    }
    not_yet.map_or(Round::Nobody(nobody), Round::NotYet)
}

async fn ask(address: &str, candidate: &Candidate, security: &Security) -> Said {
    let connected = match endpoint(address, security.tls().as_deref()) {
        Ok(endpoint) => endpoint.connect().await,
        Err(error) => Err(error),
    };
    let channel = match connected {
        Ok(channel) => channel,
        // Not to be taken for nobody: a pod that founds a world because its certificates are wrong would be one world too many.
        Err(error) if is_tls_refusal(&error) => return Said::No(reason(&error)),
        Err(error) => return Said::NoMember(reason(&error)),
    };
    let mut peer = PeerClient::new(channel).max_decoding_message_size(PEER_MESSAGE_BYTES);
    let request = v1::JoinRequest {
        name: candidate.name.clone(),
        address: candidate.address.clone(),
    };
    // A process that takes connections and says nothing may be a member that is busy.
    let Ok(answered) = timeout(JOIN_ANSWER_TIMEOUT, peer.join(request)).await else {
        return Said::No(format!("no answer within {JOIN_ANSWER_TIMEOUT:?}"));
    };
    match answered.map(|response| response.into_inner().answer) {
        Ok(Some(Answer::Welcome(welcome))) => Said::Welcome(welcome),
        Ok(Some(Answer::Redirect(coordinator))) => Said::Redirect(coordinator),
        Ok(Some(Answer::Refused(reason))) => Said::No(reason),
        Ok(None) => Said::No("an empty answer: another version?".to_owned()),
        Err(status) => match status.code() {
            Code::Unavailable | Code::FailedPrecondition => Said::NoMember(status.message().to_owned()),
            _ => Said::No(status.message().to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use jaguar_metrics::Recorder;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::security::accept::incoming;
    use crate::security::certificates_for_tests::Authority;

    /// A pod asks one with certificates of another CA, one without TLS, and nobody.
    #[tokio::test]
    async fn whoever_answers_but_not_over_tls_may_be_a_member_and_nobody_is_none() {
        let (own, stranger) = (Authority::new("ours").security(), Authority::new("theirs").security());
        let candidate = Candidate {
            name: "pod".to_owned(),
            address: "127.0.0.1:1".to_owned(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let connections = incoming(listener, stranger, Recorder::new().metrics().into());
        let said = ask(&address, &candidate, &own).await;
        assert!(
            matches!(&said, Said::No(reason) if reason.contains("certificate")),
            "{said:?}"
        );
        drop(connections);

        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let answers_in_plaintext = async {
            let (mut stream, _) = listener.accept().await.expect("the pod asks");
            // What HTTP/2 begins with; then the connection stays open until it has been read.
            stream
                .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
                .await
                .expect("the pod reads");
            stream
        };
        let (said, _stream) = tokio::join!(ask(&address, &candidate, &own), answers_in_plaintext);
        assert!(matches!(&said, Said::No(_)), "{said:?}");

        drop(listener);
        let said = ask(&address, &candidate, &own).await;
        assert!(matches!(said, Said::NoMember(_)), "{said:?}");
    }
}
