"""Read a Dockerfile and a .dockerignore."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from string import Template


@dataclass(frozen=True)
class Instruction:
    """Hold one line of a Dockerfile, its continuations joined: RUN, and what follows."""

    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """Return the exec form as it stands, and all else split as a shell would."""
        return json.loads(self.rest) if self.rest.startswith("[") else shlex.split(self.rest)


@dataclass
class Stage:
    """Hold a stage, from one FROM to the next. What the last one leaves is the image."""

    base: str
    name: str
    steps: list[Instruction] = field(default_factory=list)


def stages(text: str) -> list[Stage]:
    found: list[Stage] = []
    for instruction in instructions(text):
        if instruction.word == "FROM":
            base, *rest = instruction.words
            found.append(Stage(base, rest[1] if rest else ""))
        else:
            found[-1].steps.append(instruction)
    return found


def instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    pairs = (line.split(None, 1) for line in joined.splitlines())
    return [Instruction(word.upper(), rest) for word, rest in pairs]


def variables(instruction: Instruction, before: dict[str, str]) -> dict[str, str]:
    """Return what ENV sets, with references to what was set before."""
    pairs = (word.partition("=") for word in instruction.words)
    return {name: Template(value).substitute(before) for name, _, value in pairs}


def context(project: Path) -> list[Path]:
    """Return the files of the project that the build may see, relative to it."""
    ignored = [_pattern(line) for line in (project / ".dockerignore").read_text().split() if not line.startswith("#")]
    files = [path.relative_to(project) for path in project.rglob("*") if path.is_file()]
    return [path for path in files if not any(pattern.match(path.as_posix()) for pattern in ignored)]


def _pattern(line: str) -> re.Pattern[str]:
    """Match a pattern of .dockerignore: from the root, unless it begins with **/, with all that lies beneath."""
    anywhere, line = line.startswith("**/"), line.removeprefix("**/")
    name = "".join("[^/]*" if char == "*" else re.escape(char) for char in line)
    return re.compile(rf"{'(.*/)?' if anywhere else ''}{name}(/.*)?$")
