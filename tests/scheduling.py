"""Group the tests that share servers or a corpus, so that a parallel run has each group in one process.

xdist's own `--dist loadgroup` writes the group of a test into its id, which pytest 9.1 and later no longer take up.
"""

from __future__ import annotations

import re
from typing import Any

from xdist.scheduler import LoadScopeScheduling

# Folders of tests/live whose tests share servers across files.
SHARING = ("clusters", "dev", "faults", "kubernetes", "logs", "monitoring", "tls", "watch")
SERVERS = re.compile(r"redis|rabbitmq|postgres|sqlite|prefork|threads|RabbitMQCluster|SentinelledValkey")


def scope(nodeid: str) -> str:
    """Name what a test shares with others, or return the id of one that shares nothing."""
    path, _, test = nodeid.partition("::")
    tests, *folders, _ = path.split("/")
    if (tests, *folders) == ("tests", "corpus"):
        return "corpus"  # it is read once
    if tests != "tests" or folders[:1] != ["live"]:
        return nodeid
    servers = SERVERS.findall(test.partition("[")[2])
    return " ".join([folders[1] if folders[1:2] and folders[1] in SHARING else path, *sorted(set(servers))])


class SharedServers(LoadScopeScheduling):
    """Give each process the tests of some servers, in the order of the collection: the slow ones come first there."""

    def __init__(self, config: Any, log: Any = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)
