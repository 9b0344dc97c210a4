"""Tell rules about failures which except clauses a task has, and what they do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from djcelery.project import context
from djcelery.project.facts import Block, Call, Module
from djcelery.rules._base import Project, Task

GETTING = frozenset("get getattr isinstance dict list len split strip hasattr".split())
BROAD = frozenset({"", "Exception", "BaseException", "builtins.Exception"})
LOGGING = frozenset(
    "debug info warning warn error exception critical log print print_exc format_exc str repr format join get_logger "
    "getLogger type".split()
)
# A name with one of these words records a failure where somebody may look, or sends something.
RECORDING = re.compile(
    r"capture|report|notif|mail|alert|fail|mark|status|record|retry|reject|abort|save|update|create|write|send|set_|"
    r"error|invalid|apply_async|delay|publish|increment|incr|count|metric|append|add"
)


def only_logs(project: Project, module: Module, call: Call) -> bool:
    """Return whether a call only logs: a method of a logger, or a function of the project that does nothing else."""
    value = call.value
    if value.last in LOGGING or value.name.startswith("logging."):
        return True
    definition = project.find(module, value.name)
    if definition is None or definition.function is None:
        return value.last.startswith(("log_", "_log"))
    home = project.whole(definition.module)
    body = next((f for f in home.functions if f.qualname == definition.function.qualname), None)
    if body is None:
        return False
    inside = home.inside.calls(body.block)
    raises = any(not statement.name.startswith("<") for statement in home.inside.raises(body.block))
    return (
        any(inner.value.last in LOGGING for inner in inside)
        and all(inner.value.last in LOGGING | GETTING for inner in inside)
        and not raises
        and not home.inside.assigns(body.block)
    )


Clauses = dict[int, list[tuple[int, Block]]]  # the except clauses by the block of their function


@dataclass(slots=True)
class Handler:
    """Describe an except clause in the body of a task."""

    project: Project
    task: Task
    module: Module
    index: int
    block: Block

    @property
    def broad(self) -> bool:
        """Return whether it catches every exception."""
        return bool(BROAD & set(self.block.names))

    @property
    def raises(self) -> bool:
        """Return whether it raises anything."""
        return any(not statement.name.startswith("<") for statement in self.module.inside.raises(self.index))

    @property
    def returns(self) -> bool:
        """Return whether it returns a value, which reports the failure."""
        return any(statement.name == "<return value>" for statement in self.module.inside.raises(self.index))

    @property
    def calls(self) -> list[Call]:
        """Return the calls in it."""
        return self.module.inside.calls(self.index)

    @property
    def tried(self) -> list[Call]:
        """Return the calls in its try block."""
        return self.module.inside.calls(self.block.index)

    @property
    def earlier(self) -> list[str]:
        """Return what the clauses before it catch."""
        siblings = [
            block
            for block in self.module.blocks[self.block.index : self.index]
            if block.kind == "except" and block.index == self.block.index
        ]
        return [name for block in siblings for name in block.names]

    @property
    def only_logs(self) -> bool:
        """Return whether it only logs."""
        assigned = bool(self.module.inside.assigns(self.index))
        used = any(self.contains(block) for name, block in self.module.exception_uses if name == self.block.bound_name)
        logs = all(only_logs(self.project, self.module, call) for call in self.calls)
        return logs and not assigned and (not used or bool(self.calls))

    @property
    def only_tidies(self) -> bool:
        """Return whether it logs and then does things that tell nobody of the failure, such as releasing a lock."""
        others = [call.value for call in self.calls if not only_logs(self.project, self.module, call)]
        if len(others) == len(self.calls) or self.module.inside.assigns(self.index):
            return False
        passed = {argument.name for value in others for argument in [*value.items, *value.keywords.values()]}
        return self.block.bound_name not in passed and not any(RECORDING.search(value.last.lower()) for value in others)

    @property
    def main(self) -> bool:
        """Return whether its try block is most of the task, and is not inside another try block, handler or loop."""
        function = self.task.function
        around = {block.kind for block in context.blocks_in_function(self.module, self.block.parent)}
        if function is None or around & {"loop", "try", "except", "finally", "else"}:
            return False
        tried = self.block.line - self.module.blocks[self.block.index].line
        return tried >= 0.4 * (function.end_line - function.line)

    @property
    def looped(self) -> bool:
        """Return whether it is in a loop."""
        return context.enclosing_block(self.module, self.block.parent, "loop") is not None

    def contains(self, block: int) -> bool:
        """Return whether a block is in it."""
        return context.is_inside(self.module, block, self.index)


def handlers(project: Project) -> Iterator[Handler]:
    """Yield the except clauses of all tasks outside of tests. Those of inner functions run at another time."""
    clauses: dict[str, Clauses] = {}
    for task in project.own_tasks_of_any_kind:
        module = task.module
        if task.function is None:
            continue
        if module.path not in clauses:
            clauses[module.path] = clauses_by_function(module)
        for index, block in clauses[module.path].get(task.function.block, ()):
            yield Handler(project, task, module, index, block)


def clauses_by_function(module: Module) -> Clauses:
    """Return the except clauses of a module, by the block of the function that they stand in."""
    clauses: Clauses = {}
    for index, block in enumerate(module.blocks):
        if block.kind == "except" and (function := context.function_of(module, index)) is not None:
            clauses.setdefault(function.block, []).append((index, block))
    return clauses
