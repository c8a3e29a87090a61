"""A proxy that stands between us and an S3 server, and does to requests what networks do."""

from __future__ import annotations

import http.client
import http.server
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.patience import SECONDS

FAULTS = (
    *("reset before", "reset after", "lost reply", "hung", "slow", "500", "503", "409"),
    *("truncated", "flipped", "wrong etag", "expired"),
)
"""What may happen to a request: the connection is reset before or after the server has it, the
server does it and the reply is lost, nothing is ever answered, the answer comes slowly or with an
error, its body ends early or has one other bit, or the credentials are said to have expired."""

_SLOW_SECONDS = 0.2
_SKIPPED = frozenset({"transfer-encoding", "connection", "keep-alive"})


class Chaos:
    """Which requests meet which fault, and what was seen.

    Attributes:
        decide: (method, path, number of the request) -> a fault, or None; set it anew at any time.
        seen: requests by (method, fault or "").
        hang_seconds: how long a hung request hangs.
    """

    def __init__(self) -> None:
        self.decide: Callable[[str, str, int], str | None] = lambda method, path, number: None
        self.seen: Counter[tuple[str, str]] = Counter()
        self.paths: Counter[tuple[str, str]] = Counter()
        self.hang_seconds = 1.5
        self._lock = threading.Lock()
        self._requests = 0

    def fault_of(self, method: str, path: str) -> str | None:
        """The fault of the next request."""
        with self._lock:
            number, self._requests = self._requests, self._requests + 1
            fault = self.decide(method, path, number)
            self.seen[method, fault or ""] += 1
            self.paths[method, path] += 1
            return fault

    @property
    def faults(self) -> int:
        """Requests that met one."""
        return sum(count for (_, fault), count in self.seen.items() if fault)


@contextmanager
def chaos_proxy(upstream: str) -> Iterator[tuple[str, Chaos]]:
    """The address of a proxy of an S3 endpoint, and what decides over its requests."""
    chaos = Chaos()
    where = urlsplit(upstream).netloc

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            fault = chaos.fault_of(self.command, self.path)
            if fault in ("reset before", "hung", "500", "503", "409", "expired"):
                self._without_the_server(fault)
                return
            status, headers, data = self._ask(body)
            if fault in ("lost reply", "reset after"):
                self._reset(gently=fault == "lost reply")
                return
            if fault == "slow":
                time.sleep(_SLOW_SECONDS)
            self._answer(status, headers, data, fault)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any

        def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(where, timeout=SECONDS)
            try:
                connection.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body)
                reply = connection.getresponse()
                return reply.status, reply.getheaders(), reply.read()
            finally:
                connection.close()

        def _without_the_server(self, fault: str) -> None:
            if fault == "hung":
                time.sleep(chaos.hang_seconds)
                self._reset(gently=True)
            elif fault == "reset before":
                self._reset(gently=False)
            elif fault == "expired":
                self._answer(403, [], b"<Error><Code>ExpiredToken</Code></Error>", None)
            else:
                self._answer(int(fault), [], b"<Error><Code>SlowDown</Code></Error>", None)

        def _answer(
            self, status: int, headers: list[tuple[str, str]], data: bytes, fault: str | None
        ) -> None:
            if fault == "flipped" and data:
                middle = len(data) // 2
                data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
            self.send_response_only(status)
            length = None
            for name, value in headers:
                if name.lower() == "content-length":
                    length = value
                elif name.lower() == "etag" and fault == "wrong etag":
                    self.send_header(name, '"00000000000000000000000000000000"')
                elif name.lower() not in _SKIPPED:
                    self.send_header(name, value)
            # The reply to HEAD says how long a body would be.
            self.send_header("content-length", length if length is not None else str(len(data)))
            self.end_headers()
            if self.command == "HEAD":
                return
            if fault == "truncated" and data:
                self.wfile.write(data[: len(data) // 2])
                self._reset(gently=True)
            else:
                self.wfile.write(data)

        def _reset(self, *, gently: bool) -> None:
            self.close_connection = True
            if not gently:
                # With no time to linger, closing sends a reset.
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            self.connection.close()

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A connection that the client or we gave up is no news."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", chaos
        finally:
            server.shutdown()
            thread.join(SECONDS)
