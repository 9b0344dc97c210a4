"""Stand in for the servers that a project reports to: keep what it really sends, for the tests to read."""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Receiver(ThreadingHTTPServer):
    """Keep what is posted to it: path and body, unpacked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.posts: list[tuple[str, bytes]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Post(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.posts.append((self.path, body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"")

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


class Sentry(Receiver):
    """Understand envelopes: a line of JSON about all, then for each item a line about it and its payload."""

    @property
    def dsn(self) -> str:
        return f"http://key@{self.address}/1"

    def items(self, kind: str) -> list[dict[str, Any]]:
        return [item for path, body in list(self.posts) for name, item in _items(body) if name == kind]

    def events(self, text: str = "") -> list[dict[str, Any]]:
        return [event for event in self.items("event") if text in json.dumps(event)]

    def checkins(self, monitor: str) -> list[dict[str, Any]]:
        return [checkin for checkin in self.items("check_in") if checkin["monitor_slug"] == monitor]


def _items(envelope: bytes) -> list[tuple[str, dict[str, Any]]]:
    items, (_, _, rest) = [], envelope.partition(b"\n")
    while rest.strip():
        head, _, rest = rest.partition(b"\n")
        about = json.loads(head)
        length = about.get("length", rest.find(b"\n"))
        payload, rest = rest[:length], rest[length:].lstrip(b"\n")
        if about["type"] in ("event", "check_in"):
            items.append((about["type"], json.loads(payload)))
    return items


class Collector(Receiver):
    """Understand OTLP over HTTP."""

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}"

    def spans(self) -> list[Any]:
        return [
            span
            for path, body in list(self.posts)
            if path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def traces(self) -> list[list[Any]]:
        """Return the spans by the trace that they belong to."""
        by_trace: dict[bytes, list[Any]] = {}
        for span in self.spans():
            by_trace.setdefault(span.trace_id, []).append(span)
        return list(by_trace.values())
