"""Tell rules about arguments what kind of value an argument is, as far as the text shows."""

from __future__ import annotations

from djcelery.project import context
from djcelery.rules._base import Project, Site, Value

ONE = frozenset("get create first last latest earliest get_or_create update_or_create".split())
MANY = frozenset(
    "all filter exclude order_by select_related prefetch_related distinct none annotate only defer union".split()
)
SHORTCUTS = frozenset({"django.shortcuts.get_object_or_404"})


def custom_serializer(project: Project, site: Site) -> bool:
    """Return whether something other than JSON serializes the arguments."""
    if "serializer" in site.value.keywords or (site.task is not None and "serializer" in site.task.options):
        return True
    for setting in project.settings_of("task_serializer"):
        if project.text(setting.module, setting.value) != "json":
            return True
    return site.task is not None and (site.task.changes_messages or site.task.declared_by == "wrapper")


def uses_manager(name: str) -> bool:
    """Return whether a path goes through a model's manager, as `Order.objects.filter` does."""
    parts = name.replace("()", "").split(".")
    return any(part in {"objects", "_default_manager", "_base_manager", "all_objects"} for part in parts[:-1])


def describe_instance(project: Project, site: Site, value: Value) -> str:
    """Describe a model instance, or return an empty text."""
    resolved = value.resolved
    if value.kind == "name" and value.name == "self" and in_model(project, site):
        return "self, a model instance"
    if value.kind == "name" and value.name == "instance" and resolved.kind == "param" and receives_instance(site):
        return "the instance of the signal"
    if resolved.kind == "call":
        if (
            resolved.last in ONE - {"get_or_create", "update_or_create"}
            and uses_manager(resolved.name)
            and not returns_values(resolved)
        ):
            return "a model instance"
        if resolved.name in SHORTCUTS:
            return "a model instance"
    if (
        resolved.kind == "item"
        and resolved.receiver is not None
        and not resolved.items
        and is_queryset(resolved.receiver)
    ):
        return "a model instance"
    if value.kind == "name" and value.name == "request.user":
        return "request.user, a model instance"
    return ""


def returns_values(value: Value) -> bool:
    """Return whether a queryset returns plain values instead of instances."""
    return ".values" in value.name or ".dates" in value.name or ".in_bulk" in value.name or ".aggregate" in value.name


def is_queryset(value: Value) -> bool:
    """Return whether a value is a queryset of instances."""
    resolved = value.resolved
    return (
        resolved.kind == "call"
        and resolved.last in MANY
        and uses_manager(resolved.name)
        and not returns_values(resolved)
    )


def in_model(project: Project, site: Site) -> bool:
    """Return whether a site is in a method of a model."""
    cls = context.class_of(site.module, site.function)
    if cls is None or site.function is None or site.function.params[:1] == [] or site.function.params[0].name != "self":
        return False
    return any(project.inherits_from(site.module, base, ("models.Model", "db.models.Model")) for base in cls.bases)


def receives_instance(site: Site) -> bool:
    """Return whether a site is in a receiver of a model signal."""
    return site.function is not None and bool(context.signals_of(site.module, site.function) & context.MODEL_SIGNALS)
