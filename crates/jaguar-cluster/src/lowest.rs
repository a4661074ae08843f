//! Who founds where there is no register: the pod with the lowest address of a name in DNS.
//!
//! DNS is no register. Two pods that see different answers, or that cannot reach each other, can each be the lowest and found a world of their own, and nothing
//! stops the second one. To make that unlikely, a pod must have seen itself as the lowest of the same addresses for [`DNS_SETTLE`], which is longer than an answer
//! stays in the usual caches, and nobody may have been a member in any round of it. Where that is not enough, a Lease is needed.

use std::net::SocketAddr;

use jaguar_migration::time::Time;

use crate::limits::DNS_SETTLE;

/// Whether this pod is the one to found.
#[derive(Clone, Debug)]
pub(crate) struct Lowest {
    own: String,
    /// What the name resolved to, and since when it has and nobody was a member.
    seen: Option<(Vec<String>, Time)>,
}

/// What follows from a round in which no peer was a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Found.
    Found,
    /// Not yet, or not this pod; in words.
    Wait(String),
}

impl Lowest {
    /// `own` is what peers dial; it must be an address of the name, or this pod never founds.
    pub(crate) fn new(own: String) -> Self {
        Self { own, seen: None }
    }

    /// A peer is a member, or the name could not be resolved: nothing counts that was seen before.
    pub(crate) fn forget(&mut self) {
        self.seen = None;
    }

    /// No peer is a member, and the name resolves to these addresses.
    pub(crate) fn nobody(&mut self, now: Time, addresses: &[String]) -> Turn {
        let mut addresses = addresses.to_vec();
        addresses.sort_unstable_by_key(|address| order(address));
        let since = match &self.seen {
            Some((seen, since)) if *seen == addresses => *since,
            _ => now,
        };
        let lowest = addresses.first().cloned();
        let known = addresses.contains(&self.own);
        self.seen = Some((addresses, since));
        match lowest {
            _ if !known => Turn::Wait(format!(
                "the name does not resolve to this pod's own address {} (advertise_address must be the pod's IP)",
                self.own
            )),
            Some(lowest) if lowest != self.own => Turn::Wait(format!(
                "{lowest} is the lowest address and founds if no pod is a member"
            )),
            _ if now.since(since) < DNS_SETTLE => Turn::Wait(format!(
                "this pod is the lowest address; it founds when nothing has changed for {DNS_SETTLE:?}"
            )),
            _ => Turn::Found,
        }
    }
}

/// Addresses by number, so that all pods agree whatever the resolver's order; what is no address comes last.
fn order(address: &str) -> (bool, Option<SocketAddr>, String) {
    let parsed: Option<SocketAddr> = address.parse().ok();
    (parsed.is_none(), parsed, address.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Time {
        Time(Duration::from_secs(seconds))
    }

    fn addresses(hosts: &[u8]) -> Vec<String> {
        hosts.iter().map(|host| format!("10.0.0.{host}:50051")).collect()
    }

    #[test]
    fn the_lowest_founds_after_it_has_seen_the_same_addresses_for_a_while() {
        let settle = DNS_SETTLE.as_secs();
        let mut lowest = Lowest::new("10.0.0.9:50051".to_owned());
        let turn =
            |lowest: &mut Lowest, second, hosts: &[u8]| lowest.nobody(at(second), &addresses(hosts)) == Turn::Found;
        // As a number: 9 comes before 10, though not as text.
        assert!(!turn(&mut lowest, 0, &[10, 9]));
        assert!(!turn(&mut lowest, settle - 1, &[9, 10]), "too early");
        assert!(
            !turn(&mut lowest, settle, &[9, 10, 11]),
            "one more: the time begins anew"
        );
        assert!(!turn(&mut lowest, 2 * settle - 1, &[9, 10, 11]));
        assert!(turn(&mut lowest, 2 * settle, &[11, 10, 9]));
    }

    #[test]
    fn a_pod_that_is_not_the_lowest_or_not_known_or_met_a_member_waits() {
        let settle = DNS_SETTLE.as_secs();
        for (own, hosts, expected) in [
            ("10.0.0.10:50051", &[9, 10][..], "10.0.0.9:50051 is the lowest"),
            (
                "10.0.0.10:50051",
                &[9][..],
                "does not resolve to this pod's own address",
            ),
            ("10.0.0.10:50051", &[][..], "does not resolve to this pod's own address"),
        ] {
            let mut lowest = Lowest::new(own.to_owned());
            for second in [0, settle, 100 * settle] {
                let Turn::Wait(reason) = lowest.nobody(at(second), &addresses(hosts)) else {
                    panic!("{own} founds among {hosts:?}")
                };
                assert!(reason.contains(expected), "{reason}");
            }
        }
        let mut lowest = Lowest::new("10.0.0.9:50051".to_owned());
        assert!(matches!(lowest.nobody(at(0), &addresses(&[9])), Turn::Wait(_)));
        lowest.forget();
        assert!(matches!(lowest.nobody(at(settle), &addresses(&[9])), Turn::Wait(_)));
    }
}
