"""Let somebody choose one of a few words with the arrow keys, on a terminal that can move its cursor."""

from __future__ import annotations

import os
import select
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

UP, DOWN = ("\x1b[A", "\x1bOA"), ("\x1b[B", "\x1bOB")  # in the two modes of a terminal's cursor keys
END_OF_INPUT = "\x04\x00"  # Ctrl-D, and what Linux makes of one that was typed before the menu was there
EXPLAIN = "?"
MARKER = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"
ESCAPE_SECONDS = 0.05  # in which the rest of a key's code follows its first character
# Whoever sets one of these wants lines of text: without colours, or for a screen reader.
PLAIN = ("NO_COLOR", "ACCESSIBLE")


def is_possible() -> bool:
    """Return whether the terminal can show a menu and nobody has asked for plain text."""
    try:
        import termios  # noqa: F401 Windows has none
    except ImportError:
        return False
    is_plain = any(os.environ.get(name) for name in PLAIN) or os.environ.get("TERM", "dumb") == "dumb"
    return not is_plain and sys.stdin.isatty() and sys.stderr.isatty()


def fits(labels: Mapping[str, str]) -> bool:
    """Return whether all choices are on the screen at once, below a question of two lines."""
    return len(labels) + 3 <= shutil.get_terminal_size().lines


def choose(labels: Mapping[str, str], default: str, explanation: str) -> str:
    """Show the words with their labels, let somebody choose, and leave nothing of it on the screen.

    The arrow keys move, Enter takes the marked word. Its number or its first letters mark it, too. The cursor stands on
    the marked line, since that is the line which a screen reader reads. Raise EOFError when the input ends.
    """
    words = list(labels)
    chosen, typed = words.index(default), ""
    with _single_keys():
        _draw(labels, chosen)
        try:
            for key in _keys():
                if key in "\r\n":
                    return words[chosen]
                previous = chosen
                if key == EXPLAIN:
                    _clear(chosen)
                    _write(f"{explanation}\n")
                    _draw(labels, chosen)
                    continue
                if key in UP or key in DOWN:
                    chosen, typed = (chosen + (1 if key in DOWN else -1)) % len(words), ""
                elif key.isdecimal() and 1 <= int(key) <= len(words):
                    chosen, typed = int(key) - 1, ""
                else:
                    chosen, typed = _follow(words, chosen, typed, key)
                _clear(previous)
                _draw(labels, chosen)
            raise EOFError
        finally:
            _clear(chosen)


def _follow(words: list[str], chosen: int, typed: str, key: str) -> tuple[int, str]:
    """Return the word that begins with the letters typed so far, and these letters; ignore one that fits no word."""
    for letters in (typed + key.lower(), key.lower()):
        match = next((number for number, word in enumerate(words) if word.startswith(letters)), None)
        if match is not None:
            return match, letters
    return chosen, typed


def _draw(labels: Mapping[str, str], chosen: int) -> None:
    """Write one line for each word, and go back to the marked one."""
    marker = MARKER if _can_write(MARKER) else ">"
    columns = shutil.get_terminal_size().columns - 1  # a full line would wrap
    width = max(map(len, labels))
    lines = []
    for number, (word, label) in enumerate(labels.items()):
        is_chosen = number == chosen
        text = f"{marker if is_chosen else ' '} {word:{width}}  {label if label != word else ''}".rstrip()[:columns]
        lines.append(f"\x1b[1;36m{text}\x1b[0m\n" if is_chosen else f"{text}\n")
    _write("".join(lines) + f"\x1b[{len(lines) - chosen}A")


def _clear(chosen: int) -> None:
    """Remove the menu whose marked line the cursor is on."""
    _write(("" if chosen == 0 else f"\x1b[{chosen}A") + "\r\x1b[J")


def _can_write(character: str) -> bool:
    try:
        character.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _keys() -> Iterator[str]:
    """Yield each key as it is pressed, until the input ends. What follows it stays for the next question."""
    while key := _read():
        if key == "\x1b":
            while select.select([sys.stdin], [], [], ESCAPE_SECONDS)[0]:
                key += _read()
                if key[-1] in "\r\n~" or (key[-1].isalpha() and key != "\x1bO"):
                    break
        if key in END_OF_INPUT:
            return
        yield key


def _read() -> str:
    return os.read(sys.stdin.fileno(), 1).decode("latin-1")


@contextmanager
def _single_keys() -> Iterator[None]:
    """Make the terminal pass on each key at once and show none, for the length of the block."""
    import termios

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    after = termios.tcgetattr(terminal)
    after[3] &= ~(termios.ECHO | termios.ICANON)
    try:
        termios.tcsetattr(terminal, termios.TCSADRAIN, after)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
