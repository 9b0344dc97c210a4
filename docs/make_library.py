"""Write docs/api.md, docs/manage.md and tables in two pages from the library: python docs/make_library.py"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from argparse import Action, ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from importlib import import_module
from pathlib import Path

README = Path(__file__).parents[1] / "lib" / "README.md"
DJANGO_TASKS = Path(__file__).parent / "django-tasks.md"
API = Path(__file__).parent / "api.md"
MANAGE = Path(__file__).parent / "manage.md"
MANAGE_HEAD = """# The commands of manage.py

<!-- Written by docs/make_library.py from the commands. To change this page, change the commands. -->

The library adds three commands to `manage.py`. Each also has Django's own options, such as `--settings`. The exit code
is 0 after success, 1 after an error, and 2 for a wrong command line.

[The jobs page](jobs-page.md) explains what the actions of `jobs` do, and [the runbook](operations.md) when to use them.
"""
MANAGE_COMMANDS = ["worker", "jobs", "dev"]
API_HEAD = """# The API of the library

<!-- Written by docs/make_library.py from the docstrings. To change this page, change the docstrings. -->

These names are public: [stability](about/stability.md#what-is-public). [The library](../lib/README.md) says how to set
it up, and has the table of its settings.
"""
MODULES = {
    "djcelery_jobs": "",
    "djcelery_jobs.operations": "What the jobs page and `manage.py jobs` do, for your code. `by` says who does it.",
    "djcelery_jobs.testing": "[Test tasks](how-to/test-tasks.md) shows how to use these.",
    "djcelery_jobs.tasks_backend": "[Django's own tasks](django-tasks.md) explains the backend.",
}
# The methods that you call yourself. The others are for Celery and Django.
METHODS = {
    "Dispatches": ["all", "assert_dispatched"],
    "DurableTask": ["apply_async", "apply_async_many"],
    "JobTask": ["aapply_async", "adelay"],
    "MemoryBroker": ["drain", "run_one", "waiting", "clear"],
    "job": ["id", "cancelled", "snooze"],
}
# A constant has no docstring.
CONSTANTS = {
    "TRANSIENT_ERRORS": "The exceptions that a job retries by itself: lost connections and time-outs.",
    "STATES": "The states by which people filter jobs, each with the condition that its rows meet.",
}


def manage_page() -> str:
    """Return the page with each command of the library, its actions and its options."""
    parts = [MANAGE_HEAD]
    for name in MANAGE_COMMANDS:
        command = import_module(f"djcelery_jobs.management.commands.{name}").Command()
        parser = ArgumentParser(prog=f"manage.py {name}")
        command.add_arguments(parser)
        parts += [f"## manage.py {name}", command.help, *options_of(parser)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def options_of(parser: ArgumentParser) -> Iterator[str]:
    """Yield a table of the arguments of a parser, and a section for each action that it has."""
    arguments = [action for action in parser._actions if "--help" not in action.option_strings]
    groups = [action for action in arguments if isinstance(action, _SubParsersAction)]
    rows = [f"| {argument_name(action)} | {meaning(action)} |" for action in arguments if action not in groups]
    if rows:
        yield "\n".join(["| argument | meaning |", "|---|---|", *rows])
    for group in groups:
        texts = {choice.dest: choice.help or "" for choice in group._choices_actions}
        for name, inner in group.choices.items():
            yield f"### {parser.prog.removeprefix('manage.py ')} {name}"
            yield sentence(texts[name])
            yield from options_of(inner)


def argument_name(action: Action) -> str:
    """Return an argument as it is typed, with the placeholder of its value."""
    name = ", ".join(action.option_strings)
    if action.nargs == 0:
        return f"`{name}`"
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper().removeprefix("NEW_")
    return f"`{name} {value}`" if name else f"`{value}{' ...' if action.nargs == '*' else ''}`"


def meaning(action: Action) -> str:
    """Return what an argument is for. The names of a project's workload classes are left out."""
    text = (action.help or "").partition(": ")[0] if not action.option_strings else action.help or ""
    choices = f"; one of {', '.join(f'`{choice}`' for choice in action.choices)}" if action.choices else ""
    return sentence(
        (text or ("the ids of jobs" if action.nargs == "*" else "the id of a job")) % {"default": action.default}
        + choices
    )


def sentence(text: str) -> str:
    """Return a text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def settings_table() -> str:
    """Return a row for each setting in `DJCELERY_JOBS`."""
    from djcelery_jobs.conf import JobsSettings

    rows = [
        f"| `{field.name}` | {default_of(field.default)} | {field.metadata['help']} |" for field in fields(JobsSettings)
    ]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def default_of(value: object) -> str:
    """Return a default as a person reads it: thousands apart, and an empty string in quotes."""
    return f"{value:,}" if isinstance(value, int | float) else f'`"{value}"`'


def names_table() -> str:
    """Return a row for each public name, with the first sentence of its docstring."""
    import djcelery_jobs
    from djcelery_jobs import operations, tasks_backend, testing

    rows = [f"| `{name}` | {first_sentence(djcelery_jobs, name)} |" for name in djcelery_jobs.__all__]
    for module in (operations, testing, tasks_backend):
        prefix = module.__name__.rpartition(".")[2]
        rows += [f"| `{prefix}.{name}` | {first_sentence(module, name)} |" for name in module.__all__]
    return "\n".join(["| name | purpose |", "|---|---|", *rows])


def first_sentence(module: object, name: str) -> str:
    """Return the first sentence of the name's docstring in one line."""
    text = CONSTANTS.get(name) or " ".join(getattr(module, name).__doc__.split("\n\n")[0].split())
    return re.split(r"(?<=[.]) ", text)[0]


def api_page() -> str:
    """Return the page with the whole docstring of each public name."""
    parts = [API_HEAD]
    for path, text in MODULES.items():
        module = import_module(path)
        parts += [f"## {path}", *([text] if text else [])]
        for name in module.__all__:
            parts += [f"### {name}", *described(getattr(module, name), name)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def described(value: object, name: str) -> Iterator[str]:
    """Yield the signature and the docstring of a public name, and of the methods that users call."""
    if name in CONSTANTS:
        yield CONSTANTS[name]
        return
    if inspect.isfunction(value):
        yield signature(value, name)
    elif name in CREATED:
        yield code(f"{name}(*, {', '.join(map(argument, fields(value)))})")  # type: ignore[arg-type]
    yield from paragraphs(value)
    for method in METHODS.get(name, []):
        function = inspect.getattr_static(value, method)
        yield f"#### {name}.{method}"
        if isinstance(function, property):
            yield code(f"{name}.{method}")
        else:
            yield signature(function, f"{name}.{method}")
        yield from paragraphs(function)


CREATED = ["JobFilter", "Workload"]  # the dataclasses of which you make instances


def argument(field: Field[object]) -> str:
    """Return a field as an argument of its class."""
    return field.name if field.default is MISSING else f"{field.name}={field.default!r}"


def signature(function: object, name: str) -> str:
    """Return the signature as the source has it, since annotations look different to each Python."""
    parsed = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))  # type: ignore[arg-type]
    [definition] = parsed.body
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    arguments = definition.args
    if arguments.args and arguments.args[0].arg == "self":
        del arguments.args[0]
    returns = f" -> {ast.unparse(definition.returns)}" if definition.returns else ""
    keyword = "await " if isinstance(definition, ast.AsyncFunctionDef) else ""
    return code(f"{keyword}{name}({ast.unparse(arguments)}){returns}")


def code(text: str) -> str:
    """Return a block of Python."""
    return f"```python\n{text}\n```"


def paragraphs(value: object) -> Iterator[str]:
    """Yield the paragraphs of a docstring as Markdown. One that begins with the name of a parameter becomes a list."""
    for paragraph in inspect.cleandoc(value.__doc__ or "").split("\n\n"):
        text = " ".join(paragraph.split())
        if PARAMETER.match(text):
            yield PARAMETER.sub(r"\n- `\1`: ", text).replace(" \n", "\n").strip()
        else:
            yield text


PARAMETER = re.compile(r"(?:^|(?<=[.] ))([a-z_]+(?:, [a-z_]+)*|QUEUES|OPTIONS): ")


def options_table() -> str:
    """Return a row for each option of a `@task`, from the docstring of the class that holds them."""
    from djcelery_jobs.core.task_options import NAMES, TaskOptions

    lines = [line.strip().partition(": ") for line in (TaskOptions.__doc__ or "").splitlines()]
    meanings = {name: meaning for name, _, meaning in lines if name in NAMES}
    rows = [f"| `{name}` | {meanings[name][0].upper()}{meanings[name][1:]} |" for name in NAMES]
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


def with_tables(text: str) -> str:
    """Return the README with both tables written anew between their marks."""
    return with_written(text, {"settings": settings_table(), "names": names_table()})


def with_options(text: str) -> str:
    """Return the page about Django's tasks with its table written anew."""
    return with_written(text, {"options": options_table()})


def with_written(text: str, tables: dict[str, str]) -> str:
    """Return a text with each table between its marks."""
    for name, table in tables.items():
        begin, end = f"<!-- {name}: written by docs/make_library.py -->", f"<!-- end of {name} -->"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    import django
    from django.conf import settings

    apps = ["django.contrib.contenttypes", "django.contrib.auth", "django_celery_beat", "djcelery_jobs"]
    settings.configure(INSTALLED_APPS=apps, WORKLOADS={})
    django.setup()
    README.write_text(with_tables(README.read_text()))
    API.write_text(api_page())
    MANAGE.write_text(manage_page())
    DJANGO_TASKS.write_text(with_options(DJANGO_TASKS.read_text()))
