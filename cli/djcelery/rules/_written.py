"""Return whether a transaction has anything to commit."""

from __future__ import annotations

from djcelery.project import context
from djcelery.project.facts import Block
from djcelery.rules._base import Site

# Methods and functions that certainly write nothing.
READING = frozenset(
    """
    get filter exclude all first last latest earliest exists count aggregate annotate values values_list order_by
    distinct only defer select_related prefetch_related select_for_update using iterator in_bulk none
    get_object_or_404 get_list_or_404 Q F Count Sum Max Min refresh_from_db atomic
    len str int float bool list dict set tuple sorted range enumerate zip map min max sum any all isinstance hasattr
    getattr format join split strip lower upper items keys now timedelta today
    debug info warning error exception print
    """.split()
)


def has_only_read(site: Site) -> bool:
    """Return whether every call in the transaction around a site reads, and at least one does."""
    module, transaction = site.module, site.transaction
    if isinstance(transaction, Block):
        outer = next(index for index, block in enumerate(module.blocks) if block is transaction)
    elif site.function is not None:
        outer = site.function.block
    else:
        return False
    calls = [
        call.value
        for call in module.calls
        if call is not site.call
        and context.is_inside(module, call.block, outer)
        and not is_dispatch(call.value.last)
        and call.value is not transaction
    ]
    return bool(calls) and all(value.last in READING for value in calls)


def is_dispatch(method: str) -> bool:
    """Return whether a method sends a task or makes a signature, which writes nothing either."""
    return method in {"delay", "apply_async", "s", "si", "signature", "on_commit", "delay_on_commit"}
