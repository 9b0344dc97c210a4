"""Check again whenever a file changes, until somebody ends it."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from djcelery import interrupts
from djcelery.checking.cache import fingerprint
from djcelery.errors import CommandError
from djcelery.output import clear_screen, echo
from djcelery.project.files import Tree

PAUSE = 0.5  # seconds between two looks at the files, at least
SCAN_SHARE = 10  # a pause is at least so many times as long as a look takes


def watch(root: str, exclude: tuple[str, ...], check: Callable[[], object]) -> NoReturn:
    """Run a check now and after each change below the root. End with the exit code of the signal that ends it.

    An error in the first check ends it, too. Later ones are printed, since the next change may correct them.
    """
    try:
        state = fingerprint(Tree(root).scan(exclude))  # before the check, so that no change meanwhile is missed
        check_once(check)
        while True:
            state = wait_for_change(root, exclude, state)
            clear_screen()
            echo("A file has changed. Checking again.", err=True)
            try:
                check_once(check)
            except CommandError as error:
                echo(error.as_text(), err=True)
    except interrupts.Interrupted as interrupted:
        sys.exit(interrupted.exit_code)


def check_once(check: Callable[[], object]) -> None:
    """Run a check that ends with an exit code, and say that the next one waits for a change."""
    try:
        check()
    except SystemExit:
        echo("Waiting for a change. Press Ctrl-C to stop.", err=True)
    finally:
        gc.collect()  # a check leaves that to the end of its process


def wait_for_change(root: str, exclude: tuple[str, ...], state: str) -> str:
    """Return the state of the files below a root once it differs from a known one."""
    while True:
        started = time.monotonic()
        now = fingerprint(Tree(root).scan(exclude))
        if now != state:
            return now
        time.sleep(max(PAUSE, SCAN_SHARE * (time.monotonic() - started)))
