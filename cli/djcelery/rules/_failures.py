"""What the rules about failures share: the except clauses in a task and what they do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from djcelery.project import context
from djcelery.project.facts import Block, Call, Module
from djcelery.rules._base import Project, Task

BROAD = frozenset({"", "Exception", "BaseException", "builtins.Exception"})
LOGGING = frozenset(
    "debug info warning warn error exception critical log print format_exc str repr format join get_logger".split()
)


@dataclass(slots=True)
class Handler:
    """An except clause in the body of a task."""

    task: Task
    module: Module
    index: int
    block: Block

    @property
    def broad(self) -> bool:
        """Tell whether it catches every exception."""
        return bool(BROAD & set(self.block.names))

    @property
    def raises(self) -> bool:
        """Tell whether it raises anything."""
        return any(
            not statement.name.startswith("<") for statement in self.module.raises if self.contains(statement.block)
        )

    @property
    def returns(self) -> bool:
        """Tell whether it returns a value, which reports the failure."""
        return any(
            statement.name == "<return value>" for statement in self.module.raises if self.contains(statement.block)
        )

    @property
    def calls(self) -> list[Call]:
        """Return the calls in it."""
        return [call for call in self.module.calls if self.contains(call.block)]

    @property
    def tried(self) -> list[Call]:
        """Return the calls in its try block."""
        return [call for call in self.module.calls if context.is_inside(self.module, call.block, self.block.index)]

    @property
    def earlier(self) -> list[str]:
        """Return what the clauses before it catch."""
        siblings = [
            b
            for i, b in enumerate(self.module.blocks)
            if b.kind == "except" and b.index == self.block.index and i < self.index
        ]
        return [name for block in siblings for name in block.names]

    @property
    def only_logs(self) -> bool:
        """Tell whether it only logs."""
        assigned = any(self.contains(assign.block) for assign in self.module.assigns)
        used = any(self.contains(block) for name, block in self.module.exception_uses if name == self.block.bound_name)
        logs = all(call.value.last in LOGGING or call.value.name.startswith("logging.") for call in self.calls)
        return logs and not assigned and (not used or bool(self.calls))

    @property
    def main(self) -> bool:
        """Tell whether its try block is most of the task, and is not inside another try block, handler or loop."""
        function = self.task.function
        around = {block.kind for block in context.blocks_in_function(self.module, self.block.parent)}
        if function is None or around & {"loop", "try", "except", "finally", "else"}:
            return False
        tried = self.block.line - self.module.blocks[self.block.index].line
        return tried >= 0.4 * (function.end_line - function.line)

    @property
    def looped(self) -> bool:
        """Tell whether it is in a loop."""
        return context.enclosing_block(self.module, self.block.parent, "loop") is not None

    def contains(self, block: int) -> bool:
        """Tell whether a block is in it."""
        return context.is_inside(self.module, block, self.index)


def handlers(project: Project) -> Iterator[Handler]:
    """Yield the except clauses of all tasks outside of tests. Those of inner functions run at another time."""
    for task in project.own_tasks:
        if task.function is None:
            continue
        for index, block in enumerate(task.module.blocks):
            if block.kind == "except" and context.function_of(task.module, index) is task.function:
                yield Handler(task, task.module, index, block)
