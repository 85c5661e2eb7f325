"""Addresses of clusters. Starting Ray is left to the end-to-end tests."""

import http.server
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from sweep.cluster import check_address, cluster
from trainable.errors import SweepError


@pytest.fixture
def web_server() -> Iterator[int]:
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_an_address_where_nothing_answers_is_an_error_at_once(unused_port: int) -> None:
    started_s = time.monotonic()
    with pytest.raises(SweepError, match=rf"--address 127.0.0.1:{unused_port}: nothing answers there"):
        check_address(f"127.0.0.1:{unused_port}")
    assert time.monotonic() - started_s < 5


def test_a_server_of_another_kind_is_told_from_ray(web_server: int) -> None:
    with pytest.raises(SweepError, match="is no Ray cluster"):
        check_address(f"127.0.0.1:{web_server}")


@pytest.mark.parametrize("address", ["ray://head:10001", "http://head:8265", "https://head"])
def test_addresses_of_rays_client_and_dashboard_are_refused_with_advice(address: str) -> None:
    with pytest.raises(SweepError, match="ray job submit --address"):
        check_address(address)


@pytest.mark.parametrize("address", ["head", "head:", ":6379", "head:port", "head:99999"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(SweepError, match="expected HOST:PORT"):
        check_address(address)


def test_the_address_of_a_submitted_job_is_honoured(unused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{unused_port}")
    with pytest.raises(SweepError, match=f"RAY_ADDRESS 127.0.0.1:{unused_port}: nothing"), cluster(None):
        pass
