"""Group the tests that share servers, a corpus or another costly fixture: a parallel run has each group in one process.

xdist's own `--dist loadgroup` writes the group of a test into its id, which pytest 9.1 and later no longer take up.
"""

from __future__ import annotations

import re
from typing import Any

from xdist.scheduler import LoadScopeScheduling

# Folders of tests/live whose tests share servers across files.
SHARING = ("clusters", "dev", "faults", "kubernetes", "logs", "monitoring", "tls", "watch")
# Files whose tests share what takes seconds to make: a site, wheels, releases, projects.
SHARING_A_FILE = (
    "tests/docs/test_site.py",
    "tests/init/test_facts.py",
    "tests/rules/test_generated_project.py",
    "tests/template/test_infrastructure.py",
    "tests/template/test_kubernetes.py",
    "tests/template/test_monitoring.py",
    "tests/test_wheel.py",
    "tests/update/test_safety.py",
    "tests/update/test_scenarios.py",
)
SERVERS = re.compile(r"redis|rabbitmq|postgres|sqlite|prefork|threads|RabbitMQCluster|SentinelledValkey")


def scope(nodeid: str) -> str:
    """Name what a test shares with others, or return the id of one that shares nothing."""
    path, _, test = nodeid.partition("::")
    tests, *folders, _ = path.split("/")
    if (tests, *folders) == ("tests", "corpus"):
        return "corpus"  # it is read once
    if path in SHARING_A_FILE:
        return path
    if tests != "tests" or folders[:1] != ["live"]:
        return nodeid
    servers = SERVERS.findall(test.partition("[")[2])
    return " ".join([folders[1] if folders[1:2] and folders[1] in SHARING else path, *sorted(set(servers))])


def is_alone(nodeid: str) -> bool:
    """Return whether a test shares nothing with others."""
    return scope(nodeid) == nodeid


class SharedServers(LoadScopeScheduling):
    """Give each process the tests that share something, in the order of the collection: slow ones come first there."""

    def __init__(self, config: Any, log: Any = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)
