"""Answer questions of the rules about brokers."""

from __future__ import annotations

from djcelery.rules._base import Project

DEFAULT = 3600.0


def visibility(project: Project) -> float | None:
    """Return the shortest visibility timeout that is set, Celery's default if none is, or None if it is unknown."""
    timeouts = []
    for setting in project.settings_of("broker_transport_options"):
        resolved = project.resolve(setting.module, setting.value)
        if setting.operator == "[]" and setting.item_key is not None and setting.item_key.const == "visibility_timeout":
            timeouts.append(project.number(setting.module, setting.value))
        elif resolved.kind in {"dict", "call"} and (resolved.kind == "dict" or resolved.name == "dict"):
            if any(key.kind == "star" for key in resolved.keys):
                return effective_visibility(project)
            value = resolved.pairs().get("visibility_timeout")
            timeouts.append(project.number(setting.module, value) if value is not None else DEFAULT)
        else:
            return effective_visibility(project)
    if None in timeouts:
        return effective_visibility(project)
    return min((timeout for timeout in timeouts if timeout is not None), default=DEFAULT)


def effective_visibility(project: Project) -> float | None:
    """Return the effective visibility timeout, or None if the running app was not asked."""
    if project.running is None:
        return None
    number = project.running.options("broker_transport_options").get("visibility_timeout", DEFAULT)
    return number if isinstance(number, int | float) else None
