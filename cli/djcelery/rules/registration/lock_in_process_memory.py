"""A task takes a lock in a cache that each process has for itself.

Why: `cache.add()` on LocMemCache succeeds once in every worker process, and on DummyCache always, so the lock
protects nothing. Without CACHES, Django uses LocMemCache.

Bad:
    # project/settings.py
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

    # shop/tasks.py
    from celery import shared_task
    from django.core.cache import cache

    @shared_task
    def index(pk):
        if not cache.add(f"index-{pk}", 1):
            return

Good:
    # project/settings.py
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://localhost"}}

    # shop/tasks.py
    from celery import shared_task
    from django.core.cache import cache

    @shared_task
    def index(pk):
        if not cache.add(f"index-{pk}", 1):
            return

Evidence: C3, F65; Django's guide to its cache framework, "Local-memory caching".

Ignore it when: a single process runs this task.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.facts import Module
from djcelery.rules._base import Finding, Project, Value, at

CODE = "DJC316"
SEVERITY = "warning"
NEEDS_APP = True
PRIVATE = ("LocMemCache", "DummyCache")


def find(project: Project) -> Iterator[Finding]:
    """Yield `cache.add()` in tasks, with its result in use, where the cache is certainly in the memory of a process."""
    private = private_caches(project)
    if not private:
        return
    for module, call, _ in project.calls_in_tasks:
        if call.value.last == "add" and call.uses[0] != "discard" and alias_of(project, module, call.value) in private:
            yield at(module, call.value, "this lock is in the memory of one process, and other workers do not see it")


def private_caches(project: Project) -> set[str]:
    """Return the aliases whose every known backend is in the memory of a process."""
    settings = project.settings_of("CACHES")
    if not settings:
        return {"default"} if project.has_complete_settings and project.is_set("INSTALLED_APPS") else set()
    backends: dict[str, set[str]] = {}
    for setting in settings:
        caches = project.resolve(setting.module, setting.value)
        if setting.operator != "=" or caches.kind != "dict" or any(key.kind != "const" for key in caches.keys):
            return set()
        for alias, value in caches.pairs().items():
            backend = project.resolve(setting.module, value).pairs().get("BACKEND")
            backends.setdefault(alias, set()).add(project.text(setting.module, backend) or "?")
    return {alias for alias, names in backends.items() if all(name.endswith(PRIVATE) for name in names)}


def alias_of(project: Project, module: Module, value: Value) -> str | None:
    """Return the alias of the cache that a method is called on, or None if it is not one of Django's caches."""
    if value.root == "django.core.cache.cache":
        return "default"
    holder = value.receiver
    resolved = project.resolve(module, holder) if holder is not None else None
    if resolved is not None and resolved.kind == "item" and resolved.name == "django.core.cache.caches[]":
        return project.text(module, resolved.items[0])
    return None
