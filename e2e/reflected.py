"""A gRPC client that knows nothing but what the server's reflection says: no generated code of Jaguar is used."""

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

# Guards against hanging for ever; no test waits for it.
DEADLINE_S = 60


class Service:
    """A service of a server. Each method is an attribute that takes the fields of its request, or an iterable of dicts of them if the client streams.

    `service.GetBody(id=7)` answers a message, `service.SpawnBodies([dict(bodies=[...])])` too, `service.WatchRegion(region=...)` an iterator with `cancel`.
    """

    def __init__(self, channel, name, described_over=None):
        """The service over `channel`, as the reflection there says, or as that of another channel does."""
        pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(described_over or channel))
        for method in pool.FindServiceByName(name).methods:
            setattr(self, method.name, self._callable(channel, name, method))

    @staticmethod
    def _callable(channel, service, method):
        request_class = message_factory.GetMessageClass(method.input_type)
        response_class = message_factory.GetMessageClass(method.output_type)
        kinds = {
            (False, False): channel.unary_unary,
            (False, True): channel.unary_stream,
            (True, False): channel.stream_unary,
            (True, True): channel.stream_stream,
        }
        call = kinds[method.client_streaming, method.server_streaming](
            f"/{service}/{method.name}",
            request_serializer=request_class.SerializeToString,
            response_deserializer=response_class.FromString,
        )
        if method.client_streaming:
            return lambda requests: call((request_class(**fields) for fields in requests), timeout=DEADLINE_S)
        return lambda **fields: call(request_class(**fields), timeout=DEADLINE_S)


def service_names(channel, version):
    """The services that reflection `version` ("v1" or "v1alpha") lists. The two have the same messages under different names."""
    call = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    answers = call(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=DEADLINE_S)
    return {service.name for service in next(answers).list_services_response.service}


def channel_to(address):
    """A channel of its own to `address`, without TLS."""
    return grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
