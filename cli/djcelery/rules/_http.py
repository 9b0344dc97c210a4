"""The calls that make an HTTP request."""

from __future__ import annotations

REQUESTS = frozenset(
    f"requests.{verb}" for verb in ("get", "post", "put", "patch", "delete", "head", "options", "request")
)
