"""Give cookiecutter a Jinja environment that knows the files' paths. Only `template` imports it, once it renders."""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import cached_property
from types import CodeType
from typing import Any

from jinja2 import Environment, Template
from jinja2.nodes import Template as TemplateNode


class KnownPathsEnvironment(Environment):
    """Hand out known paths as they are.

    cookiecutter renders the path of each file as a template of its own. Compiling these takes a seventh of the time
    of rendering, although the walk over the template already knows the paths.
    """

    def __init__(self, **options: Any) -> None:
        """Make an environment with Jinja's options that knows no path yet."""
        super().__init__(**options)
        self.paths: dict[str, str] = {}

    def from_string(
        self,
        source: str | TemplateNode,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 Jinja's name
        template_class: type[Template] | None = None,
    ) -> Template:
        """Return a template of the source, which for a known path gives that path."""
        if isinstance(source, str) and source in self.paths:
            return Template.from_code(self, self._path_code, {"path": self.paths[source]})
        return super().from_string(source, globals, template_class)

    @cached_property
    def _path_code(self) -> CodeType:
        return self.compile("{{ path }}")
