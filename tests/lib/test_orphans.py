"""Test that a process of a worker ends when its main process was killed right after the fork."""

import os
import time

import pytest

from djcelery_jobs.worker import orphans


def said_by_child(*, main_process_ends: bool) -> bytes:
    """Return what a process says after it has looked for its main process, which may have ended by then."""
    read, write = os.pipe()
    main = os.fork()
    if not main:
        orphans.remember()
        child = os.fork()
        if child:
            os._exit(0) if main_process_ends else os.waitpid(child, 0)
            os._exit(0)
        while main_process_ends and os.getppid() == orphans.main_process.pid:
            time.sleep(0.01)
        orphans.end()
        os.write(write, b"works")
        os._exit(0)
    os.close(write)
    os.waitpid(main, 0)
    with os.fdopen(read, "rb") as said:
        return said.read()


@pytest.mark.parametrize(("main_process_ends", "said"), [(True, b""), (False, b"works")])
def test_a_process_ends_if_its_main_process_is_gone(main_process_ends, said):
    assert said_by_child(main_process_ends=main_process_ends) == said


def test_a_process_that_was_spawned_knows_of_no_main_process():
    orphans.end()

    assert orphans.main_process.pid is None
