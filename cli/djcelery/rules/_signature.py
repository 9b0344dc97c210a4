"""Match arguments with parameters."""

from __future__ import annotations

from djcelery.project.facts import Param
from djcelery.wording import counted


def mismatch(params: list[Param], count: int, names: set[str], whole: bool = True) -> str:
    """Say what does not match, or return an empty text. Unless `whole`, something else may pass what is missing."""
    positional = [param for param in params if param.kind == "pos"]
    accepted = {param.name for param in params if param.kind in {"pos", "kwonly"}}
    takes_more = any(param.kind == "vararg" for param in params)
    takes_any_name = any(param.kind == "kwarg" for param in params)
    if count > len(positional) and not takes_more:
        passed = f"{count} {'was' if count == 1 else 'were'} passed"
        return f"takes {counted(len(positional), 'positional argument')}, but {passed}"
    if (unknown := names - accepted) and not takes_any_name:
        return f"does not take an argument {min(unknown)}"
    if repeated := names & {param.name for param in positional[:count]}:
        return f"gets two values for {min(repeated)}"
    if not whole:
        return ""
    required = [param.name for param in positional[count:] if param.default is None]
    required += [param.name for param in params if param.kind == "kwonly" and param.default is None]
    missing = [name for name in required if name not in names]
    return f"is missing {', '.join(missing)}" if missing else ""
