"""Ask a web process as Prometheus and load balancers do."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

Series = dict[tuple[str, ...], float]


@dataclass
class Answer:
    status: int
    text: str
    seconds: float

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found


@dataclass
class Site:
    port: int

    def get(self, path: str, **headers: str) -> Answer:
        """Get a page. Status 0: nobody answered."""
        begun = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode(), time.monotonic() - begun)
        except OSError:
            return Answer(0, "", time.monotonic() - begun)
        finally:
            connection.close()

    def metrics(self) -> Series:
        """Return the value of each series, by its name and the values of its labels in the order of their names."""
        answer = self.get("/metrics", Authorization="Bearer token")
        assert answer.status == 200, answer
        found = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
        return {(each.name, *(value for _, value in sorted(each.labels.items()))): each.value for each in found}
