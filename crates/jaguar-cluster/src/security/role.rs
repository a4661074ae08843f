//! Which method needs what: the one table. A method that is not in it is refused, and a test compares it with the services.

use jaguar_config::Role;

/// What a caller needs for a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: probes of load balancers know no tokens.
    Nothing,
    /// A role, when clients must say who they are.
    Role(Role),
    /// To be a pod of the world, when there is TLS.
    Peer,
}

const READ: Needs = Needs::Role(Role::Read);
const WRITE: Needs = Needs::Role(Role::Write);
const ADMIN: Needs = Needs::Role(Role::Admin);

/// By path of the method. Reflection tells what is in the public `.proto` files, so it is for those who may read.
const TABLE: &[(&str, Needs)] = &[
    ("/jaguar.v1.World/GetStatus", READ),
    ("/jaguar.v1.World/GetBody", READ),
    ("/jaguar.v1.World/QueryRegion", READ),
    ("/jaguar.v1.World/CastRay", READ),
    ("/jaguar.v1.World/CastRays", READ),
    ("/jaguar.v1.World/WatchRegion", READ),
    ("/jaguar.v1.World/SpawnBody", WRITE),
    ("/jaguar.v1.World/SpawnBodies", WRITE),
    ("/jaguar.v1.World/DespawnBody", WRITE),
    ("/jaguar.v1.World/ApplyImpulse", WRITE),
    ("/jaguar.v1.World/SetVelocity", WRITE),
    ("/jaguar.v1.World/SetThrust", WRITE),
    ("/jaguar.v1.World/AddJoint", WRITE),
    ("/jaguar.v1.World/RemoveJoint", WRITE),
    ("/jaguar.v1.World/Pause", ADMIN),
    ("/jaguar.v1.World/Resume", ADMIN),
    ("/jaguar.v1.World/Step", ADMIN),
    ("/jaguar.v1.World/RunTo", ADMIN),
    ("/jaguar.v1.Log/StreamLog", READ),
    ("/jaguar.v1.Log/GetDefinition", READ),
    ("/jaguar.v1.Log/GetBodiesAt", READ),
    ("/jaguar.v1.Admin/Drain", ADMIN),
    ("/jaguar.v1.Admin/Rebalance", ADMIN),
    ("/jaguar.v1.Admin/Succeed", ADMIN),
    ("/jaguar.v1.Admin/SaveSnapshot", ADMIN),
    ("/jaguar.v1.Admin/ListSnapshots", ADMIN),
    ("/jaguar.v1.Admin/VerifySnapshot", ADMIN),
    ("/jaguar.v1.Peer/Packets", Needs::Peer),
    ("/jaguar.v1.Peer/Join", Needs::Peer),
    ("/jaguar.v1.Peer/ReadLocal", Needs::Peer),
    ("/jaguar.v1.Peer/ReadHistory", Needs::Peer),
    ("/grpc.health.v1.Health/Check", Needs::Nothing),
    ("/grpc.health.v1.Health/Watch", Needs::Nothing),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", READ),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", READ),
];

/// What the method at this path needs. A path that is not known needs the highest role, and leads nowhere.
pub(crate) fn needs(path: &str) -> Needs {
    let row = TABLE.iter().find(|(method, _)| *method == path);
    row.map_or(ADMIN, |(_, needs)| *needs)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;

    /// The paths of all methods of a descriptor set.
    fn methods(encoded: &[u8]) -> BTreeSet<String> {
        let set = FileDescriptorSet::decode(encoded).expect("it was encoded by the build");
        let mut paths = BTreeSet::new();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    paths.insert(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
                }
            }
        }
        paths
    }

    #[test]
    fn every_method_of_every_service_is_in_the_table_and_nothing_else() {
        let served = [
            jaguar_proto::FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        let served: BTreeSet<String> = served.iter().flat_map(|set| methods(set)).collect();
        let table: BTreeSet<String> = TABLE.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(table.len(), TABLE.len(), "a method stands twice");
        let missing: Vec<_> = served.difference(&table).collect();
        assert!(missing.is_empty(), "decide what these methods need: {missing:?}");
        let gone: Vec<_> = table.difference(&served).collect();
        assert!(gone.is_empty(), "there are no such methods: {gone:?}");
    }

    /// By the names of the services, so that a row that says less than its service must catches the eye.
    #[test]
    fn operators_and_pods_have_their_services_for_themselves() {
        for (path, needs) in TABLE {
            if path.starts_with("/jaguar.v1.Admin/") {
                assert_eq!(*needs, ADMIN, "{path}");
            }
            assert_eq!(path.starts_with("/jaguar.v1.Peer/"), *needs == Needs::Peer, "{path}");
            assert_eq!(path.starts_with("/grpc.health.v1."), *needs == Needs::Nothing, "{path}");
        }
        assert_eq!(needs("/jaguar.v1.World/NoSuchMethod"), ADMIN);
    }
}
