"""Define messages that no task can run: mistakes of other producers, and attempts of somebody hostile.

Each is a body (bytes, or what becomes JSON), changes to the headers of a good message, and a content type.
"""

import bz2
import json
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

PLAIN = "djcelery_jobs.tasks.prune"
JSON = "application/json"


@dataclass(frozen=True)
class Hostile:
    """Describe a message that is wrong in one way."""

    name: str
    body: Any = field(default_factory=lambda: [[], {}, {}])
    headers: Any = field(default_factory=dict)
    content_type: str = JSON
    encoding: str = "utf-8"

    def content(self) -> bytes:
        body = self.body() if callable(self.body) else self.body
        return body if isinstance(body, bytes) else json.dumps(body).encode()

    def all_headers(self, task_id: str, task: str = PLAIN) -> Any:
        """Return the headers of a good message with the changes; a value of ... removes a header."""
        if not isinstance(self.headers, dict):
            return self.headers
        merged = {"id": task_id, "task": task, "lang": "py", "retries": 0} | self.headers
        return {name: value for name, value in merged.items() if value is not ...}


def _headers(name: str, *values: Any) -> list[Hostile]:
    return [Hostile(f"{name}={value!r}"[:60], headers={name: value}) for value in values]


BODIES = [
    *(5, None, True, 1.5, "text", "args", [], [[]], [[], {}], [[], {}, {}, {}], [5, {}, {}], [None, {}, {}]),
    *([{}, {}, {}], ["args", {}, {}], [[], [], {}], [[], None, {}], [[], 5, {}], [[], {}, 5], [[], {}, []]),
    *([[], {}, {"callbacks": 5}], [[], {}, {"callbacks": [5]}], [[], {}, {"errbacks": "x"}], [[], {}, {"chain": [1]}]),
    *([[], {}, {"chain": {"task": PLAIN}}], [[], {}, {"chord": 5}], {"a": 1}, {"task": PLAIN}, {"args": 5}),
    *({"args": [], "kwargs": 5}, {"args": [], "kwargs": {}, "callbacks": [5]}),
]
# What would run after the task, and fail there: unknown, misshapen, or a part of something larger that is.
UNKNOWN = {"task": "nobody.knows"}
FOLLOWERS = [
    *(UNKNOWN, {"task": "nobody.knows", "options": {"queue": "nowhere"}}, {"task": 5}, {"args": []}),
    *({"task": PLAIN, "args": 5}, {"task": PLAIN, "kwargs": [1]}, {"task": PLAIN, "options": "x"}),
    *({"task": PLAIN, "options": {"countdown": "soon"}}, {"task": PLAIN, "options": {"eta": "soon"}}),
    {"task": PLAIN, "options": {"link": [UNKNOWN]}},
    {"task": "celery.chain", "kwargs": {"tasks": [{"task": PLAIN}, UNKNOWN]}, "subtask_type": "chain"},
    {"task": "celery.group", "kwargs": {"tasks": [UNKNOWN]}, "subtask_type": "group"},
    {"task": "celery.chord", "kwargs": {"header": [UNKNOWN], "body": {"task": PLAIN}}, "subtask_type": "chord"},
    *({"task": PLAIN, "subtask_type": [1]}, {"task": "celery.chain", "kwargs": {}, "subtask_type": "chain"}),
]
BOMBS = {"application/x-gzip": zlib.compress, "application/x-bz2": bz2.compress, "application/x-lzma": lzma.compress}
BOMB_SIZE = 2**26


def make_bomb(pack: Callable[[bytes], bytes]) -> bytes:
    """Return a few kilobytes that become 64 MB where nothing stops it."""
    return pack(b"[[], {}, {}" + b" " * BOMB_SIZE + b"]")


RAW = [b"", b"{", b"not json", b"\xff\xfe", b"[" * 4_900 + b"]" * 4_900, b"9" * 5_000, b"[[], {}, {}", b"\0"]
HOSTILE = [
    *(Hostile(f"body {json.dumps(body)}"[:60], body) for body in BODIES),
    *(Hostile(f"body {body[:10]!r} of {len(body)}", body) for body in RAW),
    *(Hostile(f"followed by {follower}"[:60], [[], {}, {"callbacks": [follower]}]) for follower in FOLLOWERS),
    Hostile("followed in a chain", [[], {}, {"chain": [UNKNOWN]}]),
    Hostile("followed when it fails", [[], {}, {"errbacks": [UNKNOWN]}]),
    *(
        Hostile(f"a bomb in {name}", partial(make_bomb, pack), headers={"compression": name}, encoding="binary")
        for name, pack in BOMBS.items()
    ),
    Hostile("cut off", zlib.compress(b"[[], {}, {}]" * 9)[:-9], headers={"compression": "zlib"}, encoding="binary"),
    Hostile("large", b"[[" + b"[]," * 2**21 + b"[]], {}, {}]"),
    *_headers("task", "nobody.knows", 5, None, [], {}, "", "x" * 300, "a\0b"),
    *_headers("id", 5, None, [], "", "x" * 300, ...),
    *_headers("expires", {}, [], 5, "soon", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00"),
    *_headers("eta", {}, 5, True, "soon", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"),
    *_headers("timelimit", "abc", 5, [1], [1, 2, 3], ["a", "b"], [None, {}], [-1, -1], {"a": 1, "b": 2}),
    *_headers("retries", "x", -1, 1.5, [], True),
    *_headers("shadow", 5, {}, ["x"]),
    *_headers("root_id", 5, {}),
    *_headers("parent_id", [1]),
    *_headers("stamped_headers", 5, [5], "x", {"a": 1}),
    *_headers("stamps", 5, [1]),
    *_headers("ignore_result", "x", 5),
    *_headers("__django_structlog__", 5, "x", [1]),
    *_headers("waits_since", "x", {}, -1, True),
    *_headers("headers", 5, "x"),
    *_headers("begun", True),
    *_headers("is_eager", True),
    *_headers("update", 5),
    *_headers("__class__", 5),
    Hostile("no task", headers={"task": ...}),
    Hostile("no headers", headers={"task": ..., "id": ..., "lang": ..., "retries": ...}),
    Hostile("compressed with nothing known", headers={"compression": "x"}),
    Hostile("compressed, and it is not", headers={"compression": "application/x-gzip"}),
    Hostile("raw data", b"data", content_type="application/data", encoding="binary"),
    Hostile("a pickle", b"\x80\x04K\x05.", content_type="application/x-python-serialize", encoding="binary"),
    Hostile("YAML", b"a: [1", content_type="application/x-yaml"),
    Hostile("no type", content_type=""),
    Hostile("an unknown type", content_type="application/x-nothing"),
]

# What only Redis lets somebody do: push something that is not an envelope, or one that is broken.
BODY = "W1tdLCB7fSwge31d"
PROPERTIES = {
    "body_encoding": "base64",
    "delivery_tag": "a-tag",
    "delivery_info": {"exchange": "", "routing_key": "fast"},
}
ENVELOPE = {
    "body": BODY,
    "content-type": JSON,
    "content-encoding": "utf-8",
    "headers": {"id": "an-id", "task": "nobody.knows"},
    "properties": PROPERTIES,
}
ITEMS: list[bytes] = [
    *(b"garbage", b'"abc"', b"[1,2]", b"5", b"null", b"true", b"{}", b"\xff\xfe\x00", b"", b"9" * 5_000),
    b"[" * 4_900 + b"]" * 4_900,
    *(
        json.dumps(ENVELOPE | changes).encode()
        for changes in (
            *({"headers": value} for value in (None, [], "text", 5)),
            *({"properties": value} for value in (None, [], "text", {}, {"delivery_tag": 5})),
            *({"body": value} for value in (None, 5, [], "abc")),
            *({"content-type": value} for value in (5, [])),
            *({"content-encoding": value} for value in (5, {})),
            *({"properties": PROPERTIES | {"delivery_info": value}} for value in (None, [], {}, {"exchange": ""})),
            *({"properties": PROPERTIES | {"body_encoding": value}} for value in (5, "rot13", [])),
            *({"properties": PROPERTIES | {"delivery_tag": value}} for value in (5, None, [])),
        )
    ),
]
