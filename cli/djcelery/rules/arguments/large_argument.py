"""A task is passed the contents of a file, a request or a table.

Why: The broker keeps every byte in memory until a worker takes the message, and again for each retry. A large enough
argument uses up the broker's memory.

Bad:
    from celery import shared_task

    @shared_task
    def import_orders(text): ...

    def upload(request):
        import_orders.delay(request.FILES["orders"].read().decode())

Good:
    from celery import shared_task

    @shared_task
    def import_orders(key): ...

    def upload(request, storage):
        import_orders.delay(storage.save("orders.csv", request.FILES["orders"]))

Evidence: D1.

Ignore it when: the size is bounded and small.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, Value, at

CODE = "DJC212"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield arguments that are whole contents."""
    for site in project.sites:
        if site.task is None:
            continue
        for value in site.arguments():
            if contents := describe_contents(value):
                yield at(site.module, value, f"{site.display_name} is passed {contents}; store it and pass a key")


def describe_contents(value: Value) -> str:
    """Describe contents without a bound, or return an empty text."""
    resolved = value.resolved
    name = resolved.name
    if resolved.kind == "call" and resolved.last == "decode" and name.endswith(".read().decode"):
        return "the contents of a file"
    if (
        resolved.kind == "call"
        and resolved.last in {"read", "read_text", "read_bytes"}
        and not resolved.items
        and resolved.root
    ):
        return "the contents of a file"
    if name.endswith(("request.body", "request.body.decode")):
        return "the body of the request"
    if (
        resolved.kind == "call"
        and name == "list"
        and resolved.items
        and resolved.items[0].resolved.name.endswith(".objects.all().values")
    ):
        return "a whole table"
    return ""
