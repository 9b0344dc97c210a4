"""Bound how large the body of a message may be, also after it is decompressed.

kombu decompresses a message as it arrives, in the worker's main process: a few kilobytes that expand to gigabytes would
use up the memory of the machine. So its decoders are replaced by ones that stop.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from kombu import compression

from djcelery_jobs.conf import jobs_settings

# A body holds arguments and what follows the job, and the text of JSON takes up to 50 times its size as objects.
TIMES_THE_ARGUMENTS = 64

# By kombu's name of a compression: an object that decompresses up to a length.
DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "application/x-gzip": zlib.decompressobj,
    "application/x-bz2": bz2.BZ2Decompressor,
    "application/x-lzma": partial(lzma.LZMADecompressor, memlimit=64 * 2**20),  # its header asks for a window
}


class BodyTooLargeError(ValueError):
    """Say that the body of a message is too large to be received."""


def largest_body() -> int:
    """Return how many bytes the body of a message may have after it is decompressed."""
    return TIMES_THE_ARGUMENTS * jobs_settings.MAX_ARGUMENT_BYTES


def is_too_large(body: Any) -> bool:
    """Return whether the body of a message is too large to be decoded."""
    return isinstance(body, str | bytes | bytearray | memoryview) and len(body) > largest_body()


def bound_decompression() -> None:
    """Replace kombu's decoders of compressed messages by ones that stop at largest_body()."""
    for name in compression.encoders():
        encoder, _ = compression.get_encoder(name)
        compression.register(encoder, partial(_decompress, name), name)


def _decompress(name: str, body: bytes) -> bytes:
    """Return the decompressed body. Raise BodyTooLargeError, and ValueError for a compression that knows no bound."""
    if name not in DECOMPRESSORS:
        raise ValueError(f"The compression {name} is not accepted, since nothing bounds its result. Use gzip.")
    decompressor, limit = DECOMPRESSORS[name](), largest_body()
    plain: bytes = decompressor.decompress(body, limit + 1)
    if len(plain) > limit:
        raise BodyTooLargeError(f"Its body has more than {limit} bytes when it is decompressed.")
    if not decompressor.eof:
        raise ValueError("Its body ends before the end of what was compressed.")
    return plain
