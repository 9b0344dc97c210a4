"""Put blocks of whole lines at the end of a text, and take them out again without a trace."""

from __future__ import annotations

from djcelery.editing.text import newline_of


def with_newlines(data: bytes, block: str) -> bytes:
    """Return a block with the line ends of a text."""
    return block.replace("\n", newline_of(data)).encode()


def append_block(data: bytes, block: str) -> bytes:
    r"""Return a text with a block after it. `block` ends with "\n", unless the text has no line end at its end."""
    lines = with_newlines(data, block)
    if not data or data.endswith(b"\n"):
        return data + lines
    newline = newline_of(data).encode()
    return data + newline + lines.removesuffix(newline)


def remove_block(data: bytes, block: str) -> bytes | None:
    """Return a text without a block that it holds once, or None: the inverse of `append_block`."""
    lines = with_newlines(data, block)
    newline = newline_of(data).encode()
    tail = newline + lines.removesuffix(newline)
    if data.endswith(tail) and not data.endswith(b"\n"):
        return data.removesuffix(tail)
    positions = [at for at in _positions(data, lines) if at == 0 or data[at - 1 : at] == b"\n"]
    if len(positions) != 1:
        return None
    return data[: positions[0]] + data[positions[0] + len(lines) :]


def _positions(data: bytes, part: bytes) -> list[int]:
    positions, at = [], data.find(part)
    while at >= 0:
        positions.append(at)
        at = data.find(part, at + 1)
    return positions
