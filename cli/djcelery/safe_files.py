"""Read and write files in folders that may be a stranger's.

No pipe or device is opened, no link is written through, and no half-written file is seen.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

MAX_SIZE = 2_000_000  # bytes of a file that are read
# O_NOFOLLOW refuses a link that somebody put there meanwhile; Windows has none.
_EXCLUSIVE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def read_regular_file(path: str, max_size: int = MAX_SIZE) -> bytes:
    """Return the bytes of a file that is a regular one and not too large, or raise OSError. Never wait for a pipe."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        data = file.read(max_size + 1)
    if len(data) > max_size:
        raise OSError(errno.EFBIG, f"the file is larger than {max_size // 1_000_000} MB", path)
    return data


def leaves(root: str, path: str) -> bool:
    """Return whether a path that is written as one below the root is, by way of a link, outside of it."""
    root, path = os.path.abspath(root), os.path.abspath(path)
    return is_below(root, path) and not is_below(os.path.realpath(root), os.path.realpath(path))


def is_below(folder: str, path: str) -> bool:
    """Return whether an absolute path is a folder's or that of something in it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def write_atomically(path: str, data: bytes, mode: int | None = None) -> None:
    """Put contents at a path at once, in place of whatever is there. A link there is replaced, not followed.

    The new file has the mode, or else the one that a new file usually gets.
    """
    temporary = f"{path}.{os.urandom(8).hex()}.tmp"
    try:
        write_new(temporary, data, mode)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def write_new(path: str, data: bytes, mode: int | None = None) -> None:
    """Write a file that is not there yet, with a mode or else the one that a new file usually gets.

    Raise FileExistsError if there is anything at the path.
    """
    descriptor = os.open(path, _EXCLUSIVE, 0o666 if mode is None else 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    if mode is not None:
        os.chmod(path, mode)
