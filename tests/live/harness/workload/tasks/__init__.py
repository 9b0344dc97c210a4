"""Define every task of the app, by what a test wants of it. None of them is an example of how to write a task."""

from workload.tasks.counted import (
    durable,
    long_job,
    long_query,
    long_steps,
    plain,
    poison,
    recorded,
    statement,
    stepwise,
)
from workload.tasks.functions import function, function_in_steps, noop_function, portable_function
from workload.tasks.logged import caused, fail, fail_after_a_retry, first, from_beat, kept, second
from workload.tasks.measured import (
    add_one,
    add_one_durable,
    begin,
    begin_durable,
    burn,
    ending,
    noop,
    noop_durable,
    once,
    quick,
    sleep,
)
from workload.tasks.probes import hold, kill_process, note, refuse, tick

__all__ = [
    "add_one", "add_one_durable", "begin", "begin_durable", "burn", "caused", "durable", "ending", "fail",
    "fail_after_a_retry", "first", "from_beat", "function", "function_in_steps", "hold", "kept", "kill_process",
    "long_job", "long_query", "long_steps", "noop", "noop_durable", "noop_function", "note", "once", "plain",
    "poison", "portable_function", "quick", "recorded", "refuse", "second", "sleep", "statement", "stepwise", "tick",
]  # fmt: skip
