"""The Ray cluster that a sweep runs on: this machine alone, or one that was started elsewhere."""

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray.exceptions import RayError

from sweep.own_cpus import own_cpus
from sweep.resources import Node, TrialResources, trials_at_once
from trainable.errors import SweepError
from trainable.units import MIB

CONNECT_S = 3.0
"""How long to wait for an answer at a cluster's address."""
OBJECT_STORE_BYTES = 128 * MIB
"""Shared memory of a Ray that is started here; only small dictionaries travel through it."""
NODES_S = 5.0
"""How long a look at the cluster's nodes is good for."""

_HTTP2_HEADER_BYTES, _HTTP2_SETTINGS = 9, 4
_HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, _HTTP2_SETTINGS, 0, 0, 0, 0, 0))

logger = logging.getLogger(__name__)


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """Be connected to a Ray cluster.

    Args:
        address: `HOST:PORT`, or `auto` for the cluster that this machine belongs to. `None`: what `RAY_ADDRESS` says,
            which `ray job submit` sets, or a Ray of this machine's own that ends with the connection.

    Raises:
        SweepError: If the cluster cannot be reached.
    """
    source = "--address" if address else "RAY_ADDRESS"
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    _quieten_ray()
    if address == "local":
        _start_here()
    else:
        check_address(address, source)
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (RayError, ConnectionError, RuntimeError, ValueError) as error:
            raise SweepError(
                f"{source} {address}: the Ray cluster does not take this machine in ({_first_line(error)}). A sweep is "
                f"run on a node of its cluster; from elsewhere, {_job_advice()}"
            ) from error
    try:
        yield
    finally:
        ray.shutdown()


def check_address(address: str, source: str = "--address") -> None:
    """Refuse an address at which no Ray cluster can be reached, without Ray's minutes of waiting.

    Args:
        address: As given.
        source: Where it came from, for messages.

    Raises:
        SweepError: If nothing listens there, or it is no address of a cluster.
    """
    if address.startswith("ray://"):
        raise SweepError(
            f"{source} {address}: through Ray's client, a sweep would end with this machine's connection; "
            + _job_advice()
        )
    if "://" in address:
        raise SweepError(f"{source} {address}: expected HOST:PORT of a Ray cluster; {_job_advice(address)}")
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port) < 2**16):
        raise SweepError(
            f"{source} {address}: expected HOST:PORT, such as 10.0.0.1:6379, or `auto` on a node of the cluster"
        )
    try:
        speaks = _speaks_grpc(host.strip("[]"), int(port))
    except OSError as error:
        raise SweepError(
            f"{source} {address}: nothing answers there ({error.strerror or error}); `ray status` on the head node "
            "tells the cluster's address"
        ) from error
    if not speaks:
        raise SweepError(
            f"{source} {address}: what answers there is no Ray cluster; its port is 6379 unless `ray start --port` "
            "said otherwise (8265 is the dashboard's)"
        )


def living_nodes() -> list[Node]:
    """The nodes that are alive."""
    return [
        Node(
            id=node["NodeID"],
            address=node["NodeManagerHostname"] or node["NodeManagerAddress"],
            cpus=node["Resources"].get("CPU", 0.0),
            gpus=node["Resources"].get("GPU", 0.0),
        )
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"]
    ]


def _start_here() -> None:
    logger.info("starting Ray on this machine")
    try:
        ray.init(
            address="local",
            num_cpus=own_cpus(),
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (RayError, RuntimeError, OSError) as error:
        ray.shutdown()
        raise SweepError(f"Ray cannot be started on this machine: {error}") from error


class Room:
    """How many trials the cluster has room for, looked at again now and then: nodes come and go.

    Args:
        asked: What one trial asks for.
        most: The most trials at once; `None`: as many as there is room for.
    """

    def __init__(self, asked: TrialResources, most: int | None) -> None:
        self._asked = asked
        self._most = most
        self._here = ray.get_runtime_context().get_node_id()
        self._places = 0
        self._looked_s = -NODES_S

    def look(self) -> None:
        """See which nodes there are, if the last look is a while ago.

        Raises:
            RuntimeError: If Ray has died on this machine, which Tune does not notice.
        """
        now_s = time.monotonic()
        if now_s - self._looked_s < NODES_S:
            return
        nodes = living_nodes()
        if not any(node.id == self._here for node in nodes):
            raise RuntimeError("Ray has died on this machine")
        places = sum(trials_at_once(self._asked, node) for node in nodes)
        if not places and (self._places or self._looked_s < 0):
            logger.warning("no node of the cluster has room for a trial now; the sweep waits for one")
        self._places, self._looked_s = places, now_s

    def trials(self) -> int:
        """How many trials may run at once. Those given as the most may wait for nodes that are still to come."""
        self.look()
        return self._places if self._most is None else self._most


def _speaks_grpc(host: str, port: int) -> bool:
    """Whether a server answers as one of gRPC's does, with HTTP/2's SETTINGS frame."""
    with socket.create_connection((host, port), timeout=CONNECT_S) as connection:
        if os.environ.get("RAY_USE_TLS") == "1":  # the greeting below is not encrypted
            return True
        connection.sendall(_HTTP2_GREETING)
        answer = connection.recv(_HTTP2_HEADER_BYTES, socket.MSG_WAITALL)
    return len(answer) == _HTTP2_HEADER_BYTES and answer[3] == _HTTP2_SETTINGS


def _quieten_ray() -> None:
    """Leave out what Ray says to people who use it directly; what matters to a sweep's user, the sweep says itself."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)


def _job_advice(address: str = "http://HEAD:8265") -> str:
    return f"submit it as a job: ray job submit --address {address} -- python -m sweep run ..."


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
