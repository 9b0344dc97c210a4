"""Touch the file by which a container's probe sees that a worker or beat still does its work."""

from pathlib import Path

from djcelery_jobs.conf import jobs_settings


def touch() -> None:
    """Touch HEARTBEAT_FILE, if it is set, to show the probe that this process does its work."""
    if jobs_settings.HEARTBEAT_FILE:
        Path(jobs_settings.HEARTBEAT_FILE).touch()
