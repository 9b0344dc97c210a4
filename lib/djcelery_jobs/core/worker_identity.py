"""Tell workers apart. A node name does not: in containers that share a host's name, every process has the id 1."""

import os
import uuid

from celery.signals import worker_init

# In the environment, so that the processes of a worker have it too, whether they are forked or spawned.
VARIABLE = "DJCELERY_JOBS_WORKER_RUN"
LONGEST_NAME = 91  # characters; with the part that is random, as many as a row holds


@worker_init.connect(dispatch_uid="djcelery_jobs.core.worker_identity")
def begin_run(**kwargs: object) -> None:
    """Give the worker that starts here an identity that no other worker has had."""
    os.environ[VARIABLE] = uuid.uuid4().hex[:8]


def worker_identity(node_name: str) -> str:
    """Return the node name with the part that tells its run from all others, as rows and heartbeats hold it."""
    run = os.environ.get(VARIABLE)
    return f"{node_name[:LONGEST_NAME]}#{run}" if node_name and run else node_name
