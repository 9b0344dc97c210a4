"""Whether arguments fit parameters."""

from __future__ import annotations

from djcelery.project.facts import Param


def mismatch(params: list[Param], count: int, names: set[str], whole: bool = True) -> str:
    """What does not fit, in words; empty where all fits. Unless `whole`, something else may give what is missing."""
    places = [param for param in params if param.kind == "pos"]
    known = {param.name for param in params if param.kind in {"pos", "kwonly"}}
    rest = any(param.kind == "vararg" for param in params)
    loose = any(param.kind == "kwarg" for param in params)
    if count > len(places) and not rest:
        return f"takes {number(len(places))} by place and is given {count}"
    if (unknown := names - known) and not loose:
        return f"takes no argument {min(unknown)}"
    if twice := names & {param.name for param in places[:count]}:
        return f"is given {min(twice)} twice"
    if not whole:
        return ""
    required = [param.name for param in places[count:] if param.default is None]
    required += [param.name for param in params if param.kind == "kwonly" and param.default is None]
    missing = [name for name in required if name not in names]
    return f"is not given {', '.join(missing)}" if missing else ""


def number(count: int) -> str:
    return "1 argument" if count == 1 else f"{count} arguments"
