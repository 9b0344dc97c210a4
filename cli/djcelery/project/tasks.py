"""Find the tasks of a code base, in every form that Celery knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from djcelery.project.base_classes import DURABLE_BASES, BaseClasses
from djcelery.project.context import assigned_calls, decorated_functions, is_atomic, is_inside, is_test
from djcelery.project.facts import Call, Class, Function, Module, Param, Value
from djcelery.project.lookup import Lookup
from djcelery.project.names import Definition
from djcelery.project.task_decorators import Declaration, TaskDecorators

KEEPS_PARAMETERS = frozenset({"sensitive_variables", "deprecated", "override", "job_options"})  # decorators that do
DURABLE_BACKEND = "djcelery_jobs.tasks_backend.DurableBackend"
# Backends of Django's tasks. The first write a row in the transaction, or run nothing later; the others publish.
WRITING_A_ROW = (
    *("djcelery_jobs.", "django_tasks_db.", "django_ox.", "django_tasks.backends.database"),
    *(f"{api}.backends.{name}" for api in ("django.tasks", "django_tasks") for name in ("dummy", "immediate")),
)
PUBLISHING_AT_ONCE = ("django_tasks_celery.", "django_tasks_fennel.", "django_tasks_rq.", "django_tasks.backends.rq")


@dataclass(slots=True)
class Task:
    """Describe a task: its definition, the options it is declared with, and how certain they are."""

    name: str  # as Celery registers it, as far as the text tells
    module: Module
    function: Function | None
    options: dict[str, Value]
    line: int
    col: int
    declared_by: str  # shared_task, app.task, wrapper, class, call, django
    decorator: Value | None = None
    has_hidden_options: bool = False  # options that cannot be seen are spread into it
    has_explicit_name: bool = False
    is_method: bool = False
    cls: Class | None = None
    bases: list[str] = field(default_factory=list)
    changes_calls: bool = False  # a base class or wrapper may change what it is called with
    has_decorators_below: bool = False  # which may change that, too
    sends_on_commit: bool = False  # a base class waits for the commit whenever it sends
    has_unknown_base: bool = False
    changes_messages: bool = False  # a base class may serialize or send what it is called with in its own way
    has_on_commit: bool = True  # whether its class has `delay_on_commit`
    is_durable: bool = False  # of djcelery-jobs: a row in the database holds its jobs
    is_one_transaction: bool = False  # a durable task whose whole body is one transaction

    @property
    def bound(self) -> bool:
        """Return whether the function gets the task itself, or its context, as its first argument."""
        value = self.options.get("bind") or self.options.get("takes_context")
        return self.declared_by == "class" or (value is not None and value.const is True)

    @property
    def is_declared_directly(self) -> bool:
        """Return whether a decorator of Celery itself declares it."""
        return self.declared_by in {"shared_task", "app.task"}

    @property
    def params(self) -> list[Param] | None:
        """Return the parameters that a caller fills; None where they cannot be known."""
        return None if self.has_decorators_below else self.likely_params

    @property
    def likely_params(self) -> list[Param] | None:
        """Return the parameters, as if the decorators below pass on what they get, which most do."""
        may_be_bound = self.has_hidden_options and "bind" not in self.options
        if self.function is None or self.declared_by == "wrapper" or self.changes_calls or may_be_bound:
            return None
        params = self.function.params
        return params[1:] if self.bound or self.is_method else params

    def number(self, option: str) -> float | None:
        """Return an option that is a constant number."""
        value = self.options.get(option)
        const = value.const if value is not None and value.kind == "const" else None
        return const if isinstance(const, int | float) and not isinstance(const, bool) else None

    def is_on(self, option: str) -> bool:
        """Return whether an option is the constant True."""
        value = self.options.get(option)
        return value is not None and value.const is True


class Tasks:
    """Find the tasks of a code base, by name, by place and by body.

    backends: gives the classes that the setting TASKS may name under an alias.
    """

    def __init__(
        self,
        modules: list[Module],
        lookup: Lookup,
        bases: BaseClasses,
        decorators: TaskDecorators,
        backends: Callable[[str], set[str]],
    ) -> None:
        self.modules = modules
        self.lookup = lookup
        self.bases = bases
        self.decorators = decorators
        self.backends = backends

    @cached_property
    def all(self) -> list[Task]:
        """Return every task."""
        tasks: list[Task] = []
        for module in self.modules:
            tasks += self._decorated_functions(module)
            tasks += self._called_decorators(module)
            tasks += self._registered_classes(module)
        return tasks

    @cached_property
    def of_any_kind(self) -> list[Task]:
        """Return the tasks outside tests, Celery's and those of Django's own API."""
        return [task for task in self.all if not is_test(task.module.path)]

    @cached_property
    def own(self) -> list[Task]:
        """Return Celery's tasks outside tests."""
        return [task for task in self.of_any_kind if task.declared_by != "django"]

    @cached_property
    def by_name(self) -> dict[str, Task]:
        """Return the tasks by the name that Celery registers."""
        return {task.name: task for task in self.all}

    @cached_property
    def by_place(self) -> dict[tuple[str, str], Task]:
        """Return the tasks by module and name of their function or class."""
        by_place = {}
        for task in self.all:
            if task.function is not None and task.function.class_index < 0 and task.declared_by != "call":
                by_place[task.module.name, task.function.name] = task
            if task.cls is not None:
                by_place[task.module.name, task.cls.name] = task
        return by_place

    @cached_property
    def by_body(self) -> dict[tuple[str, int], Task]:
        """Return the tasks by module path and block of their function."""
        return {(task.module.path, task.function.block): task for task in self.all if task.function is not None}

    @cached_property
    def calls_inside(self) -> list[tuple[Module, Call, Task]]:
        """Return every call in the body of a task, outside tests."""
        paths = {path for path, _ in self.by_body}
        return [
            (module, call, task)
            for module in self.modules
            if module.path in paths and not is_test(module.path)
            for call in module.calls
            if (task := self.around(module, call.block))
        ]

    def at(self, module: Module, path: str) -> Task | None:
        """Return the task that a dotted path means."""
        definition = self.lookup.find(module, path)
        if definition is None:
            return self.by_name.get(path)
        task = self.by_place.get((definition.module.name, definition.name))
        if task is None and definition.assign is not None:
            return self._called_at(definition.module, definition.assign.line)
        return task

    def around(self, module: Module, block: int) -> Task | None:
        """Return the task in whose body a line stands."""
        while block >= 0:
            task = self.by_body.get((module.path, block))
            if task is not None:
                return task
            block = module.blocks[block].parent
        return None

    def _called_at(self, module: Module, line: int) -> Task | None:
        """Return the task that `name = shared_task(function)` makes on a line."""
        called = (task for task in self.all if task.declared_by == "call")
        return next((task for task in called if task.module is module and task.line == line), None)

    def _decorated_functions(self, module: Module) -> Iterator[Task]:
        """Find the functions with a decorator that makes a task."""
        for function in decorated_functions(module, partial(self.decorators.makes_task, module)):
            for decorator in function.decorators:
                if declaration := self.decorators.declaration(module, decorator.name):
                    if declaration.declared_by == "django":
                        yield self._of_django(module, function, decorator)
                    else:
                        yield self._decorated(module, function, decorator, declaration)
                    break

    def _of_django(self, module: Module, function: Function, decorator: Value) -> Task:
        """Return the task that a decorator of Django's own API makes of a function."""
        backends = self.backends(text_option(decorator.keywords, "backend", "default"))
        is_durable = bool(backends) and all(self._is_durable_backend(module, backend) for backend in backends)
        below = [value for value in function.decorators if value.last == "job_options"]
        keywords = {name: option for value in [decorator, *below] for name, option in value.keywords.items()}
        options = {"takes_context": keywords.get("takes_context"), "soft_time_limit": keywords.get("timeout")}
        one_transaction = keywords.get("one_transaction")
        return Task(
            name=f"{module.name}.{function.name}",
            module=module,
            function=function,
            options={name: value for name, value in options.items() if value is not None},
            line=function.line,
            col=function.col,
            declared_by="django",
            decorator=decorator,
            has_decorators_below=has_decorators_below(function, decorator),
            sends_on_commit=is_durable or not any(map(may_publish_at_once, backends)),
            has_unknown_base=not any(backend.startswith(PUBLISHING_AT_ONCE) for backend in backends),
            is_durable=is_durable,
            is_one_transaction=is_durable and (one_transaction is None or one_transaction.const is True),
        )

    def _is_durable_backend(self, module: Module, backend: str) -> bool:
        return backend == DURABLE_BACKEND or self.bases.leads_to(module, backend, frozenset({DURABLE_BACKEND}))

    def _decorated(self, module: Module, function: Function, decorator: Value, declaration: Declaration) -> Task:
        """Return the task that a decorator makes of a function."""
        inner = declaration.inner_call.keywords if declaration.inner_call else {}
        spread = decorator.keywords.get("**")
        spread_options = self.lookup.spread_options(module, spread) if spread is not None else {}
        inherited = {**inner, **(spread_options or {})}
        options = {**{key: moved(value, decorator) for key, value in inherited.items()}, **decorator.keywords}
        name = text_option(options, "name") or f"{module.name}.{function.name}"
        bases = [options["base"].name] if "base" in options else []
        sends_on_commit = any(self.bases.sends_on_commit(module, base) for base in bases)
        is_durable = any(self.bases.leads_to(module, base, DURABLE_BASES) for base in bases)
        has_unknown_base = any(self.bases.is_unknown(module, base) for base in bases)
        return Task(
            name=name,
            module=module,
            function=function,
            options={key: value for key, value in options.items() if key != "**"},
            line=function.line,
            col=function.col,
            declared_by=declaration.declared_by,
            decorator=decorator,
            has_hidden_options=spread_options is None or "**" in inner,
            has_explicit_name="name" in options,
            is_method=function.class_index >= 0,
            bases=bases,
            changes_calls=any(self.bases.changes_calls(module, base) for base in bases),
            changes_messages=any(self.bases.changes_messages(module, base) for base in bases),
            has_on_commit=self._has_on_commit(module, bases),
            is_durable=is_durable,
            is_one_transaction=is_durable and self._is_one_transaction(module, options, bases),
            has_decorators_below=has_decorators_below(function, decorator),
            sends_on_commit=sends_on_commit or self.bases.apps_send_on_commit,
            has_unknown_base=has_unknown_base or self.bases.apps_are_unknown,
        )

    def _has_on_commit(self, module: Module, bases: list[str]) -> bool:
        """Return whether a task has `delay_on_commit`, by its own base class or the one of the app."""
        if bases:
            return all(self.bases.waits_on_request(module, base) for base in bases)
        return self.bases.apps_have_on_commit

    def _is_one_transaction(self, module: Module, options: dict[str, Value], bases: list[str]) -> bool:
        """Return whether a durable task leaves `one_transaction` on."""
        values = [options.get("one_transaction")]
        values += [self.bases.attribute(module, base, "one_transaction") for base in bases]
        decided = next((value for value in values if value is not None), None)
        return decided is None or decided.const is True

    def _called_decorators(self, module: Module) -> Iterator[Task]:
        """Find `name = shared_task(function)` and `name = app.task(...)(function)`."""
        called = [place for target, path, place in assigned_calls(module) if "." not in target and "task" in path]
        for assign in module.items_at("assigns", called):
            value = assign.value
            if not value.items:
                continue
            decorator = called_decorator(value)
            if self.decorators.declaration(module, decorator.name, depth=2) is None:
                continue
            name = text_option(decorator.keywords, "name")
            function = value.items[0]
            definition = self.lookup.find(module, function.name) if function.kind == "name" else None
            yield Task(
                name=name or f"{module.name}.{function.last or assign.target}",
                module=module,
                function=definition.function if definition and definition.module is module else None,
                options=dict(decorator.keywords),
                line=assign.line,
                col=assign.col,
                declared_by="call",
                has_explicit_name=bool(name),
            )

    def _registered_classes(self, module: Module) -> Iterator[Task]:
        """Find classes that are registered: `app.register_task(Send())`."""
        for call in module.calls_to("register_task"):
            if call.value.items:
                definition = self.lookup.find_class(module, call.value.items[0].name)
                if definition is not None and definition.cls is not None:
                    yield class_task(definition, definition.cls)


def class_task(definition: Definition, cls: Class) -> Task:
    """Return the task that a registered class is."""
    home = definition.module
    attributes = {assign.target: assign.value for assign in home.assigns if is_inside(home, assign.block, cls.block)}
    run = next((function for function in home.functions if function.qualname == f"{cls.name}.run"), None)
    return Task(
        name=text_option(attributes, "name", definition.path),
        module=home,
        function=run,
        options=attributes,
        line=cls.line,
        col=cls.col,
        declared_by="class",
        cls=cls,
        has_explicit_name="name" in attributes,
        changes_calls=True,
    )


def called_decorator(value: Value) -> Value:
    """Return the call that has the options of a task: in `app.task(...)(function)` the inner one."""
    made = value.receiver
    if made is not None and made.kind == "call" and value.name in {f"{made.name}()", value.last}:
        return made
    return value


def may_publish_at_once(backend: str) -> bool:
    """Return whether a backend of Django's tasks may publish a job before the transaction has committed."""
    return not backend.startswith(WRITING_A_ROW)


def text_option(options: dict[str, Value], key: str, default: str = "") -> str:
    """Return an option that is a constant text."""
    value = options.get(key)
    return value.const if value is not None and isinstance(value.const, str) else default


def has_decorators_below(function: Function, decorator: Value) -> bool:
    """Return whether decorators stand below the one of the task, which may change the parameters."""
    below = function.decorators[function.decorators.index(decorator) + 1 :]
    return any(not is_atomic(value) and value.last not in KEEPS_PARAMETERS for value in below)


def moved(value: Value, target: Value) -> Value:
    """Return a value from elsewhere at the position of the code that brings it in."""
    return replace(value, line=target.line, col=target.col, end_line=target.end_line, end_col=target.end_col)
