"""Gather what `djcelery init` must know of an existing project, and where each fact was found."""

from __future__ import annotations

import re
from functools import cached_property

from djcelery.errors import CommandError
from djcelery.project.celery_setup import CelerySetup
from djcelery.project.dependency_files import DependencyFile, dependency_file
from djcelery.project.entry_points import EntryPoint, entry_points, manage_files, uses_configurations
from djcelery.project.files import Tree
from djcelery.project.loading import load
from djcelery.project.lookup import Lookup
from djcelery.project.project import Project
from djcelery.project.settings_chain import ListSetting, Place, SettingsChain

LIBRARY = "djcelery_jobs"
PYTHON_IN_FILE = re.compile(r"(\d+)\.(\d+)")


class Installation:
    """Know a Django project from its manage.py on. Paths are relative to the root, with forward slashes."""

    def __init__(self, tree: Tree, project: Project, manage: str, settings: str = "") -> None:
        self.tree = tree
        self.project = project
        self.manage = manage
        self.modules = list(project.modules)
        self.celery = CelerySetup(project)
        self._lookup = Lookup(tree, list(project.modules))
        self._named_settings = settings

    @classmethod
    def find(cls, root: str, settings: str = "") -> Installation:
        """Read the project below a folder. Raise CommandError if there is no manage.py, or no settings module."""
        tree = Tree(root)
        tree.scan()
        paths = manage_files(tree)
        if not paths:
            raise CommandError(f"There is no manage.py below {root}.", "Name the folder of a Django project.")
        nearest = [path for path in paths if path.count("/") == paths[0].count("/")]
        if len(nearest) > 1:
            folders = ", ".join(path.rpartition("/")[0] for path in nearest[:5])
            raise CommandError("There are several Django projects here.", f"Name one of these folders: {folders}")
        modules = load(tree)
        installation = cls(tree, Project(tree, modules), paths[0], settings)
        installation.modules = modules
        installation.refuse_unknown_settings()
        return installation

    @classmethod
    def of(cls, texts: dict[str, str | bytes], settings: str = "") -> Installation:
        """Return an installation made of texts in memory, with a manage.py among them."""
        project = Project.of(texts)
        return cls(project.tree, project, manage_files(project.tree)[0], settings)

    def refuse_unknown_settings(self) -> None:
        """Raise CommandError unless the settings module is a file of the project."""
        if not self.settings_name:
            hint = "Pass --settings with the dotted name of the module that servers use."
            raise CommandError(f"{self.manage} and the other entry points name no settings module.", hint)
        if not self.settings.exists:
            hint = "Pass --settings with the dotted name of the module that servers use."
            raise CommandError(f"The settings module {self.settings_name} is not a file of this project.", hint)

    @cached_property
    def entry_points(self) -> list[EntryPoint]:
        """Return what names a settings module, in the order in which it counts."""
        if self._named_settings:
            return [EntryPoint(self._named_settings, "--settings", 0, "option")]
        return entry_points(self.tree, self.manage)

    @property
    def settings_name(self) -> str:
        """Return the dotted name of the settings module; empty if nothing names one."""
        known = (point.settings for point in self.entry_points if self._lookup.layout.path(point.settings))
        return next(known, self.entry_points[0].settings if self.entry_points else "")

    @cached_property
    def settings(self) -> SettingsChain:
        """Return the settings that manage.py uses."""
        return SettingsChain(self.settings_name, self._lookup)

    @cached_property
    def chains(self) -> list[SettingsChain]:
        """Return the settings of every entry point, each module once, manage.py's first."""
        names = dict.fromkeys([self.settings_name, *(point.settings for point in self.entry_points)])
        chains = [SettingsChain(name, self._lookup) for name in names]
        return [chain for chain in chains if chain.exists]

    @property
    def has_class_settings(self) -> bool:
        """Return whether the settings are classes: of django-configurations, or of a loader that is not known.

        Of such a loader no INSTALLED_APPS can be seen, so lines at the end of the module might replace other settings.
        """
        return uses_configurations(self.tree, self.manage) or self.installed_apps is None

    @cached_property
    def installed_apps(self) -> ListSetting | None:
        """Return INSTALLED_APPS of the settings."""
        return self.settings.list_setting("INSTALLED_APPS")

    def places(self, name: str) -> list[Place]:
        """Return the displays that hold a list setting, one for each list that the entry points do not share."""
        places: dict[tuple[str, int, int], Place] = {}
        for chain in self.chains:
            setting = chain.list_setting(name)
            if setting is not None and setting.place is not None:
                shared = [place for place in setting.places if place.key in places and not place.conditional]
                if not shared:
                    places[setting.place.key] = setting.place
        return list(places.values())

    @property
    def is_installed(self) -> bool:
        """Return whether the library is in INSTALLED_APPS."""
        return bool(self.installed_apps and LIBRARY in self.installed_apps.names)

    @property
    def import_root(self) -> str:
        """Return the folder that the settings are imported from, where a top-level package is found, too."""
        return self.project.layout.root(self.settings.modules[-1].path)

    @property
    def package(self) -> str:
        """Return the top-level package of the settings; empty if they are a top-level module."""
        first, _, rest = self.settings_name.partition(".")
        return first if rest else ""

    @cached_property
    def dependencies(self) -> DependencyFile | None:
        """Return the file that lists what the project depends on."""
        return dependency_file(self.tree, self.manage.rpartition("/")[0])

    @cached_property
    def _python(self) -> tuple[str, tuple[int, int]] | None:
        """Return the file that says on which Python the project runs, and the newest version that it allows."""
        folder = self.manage.rpartition("/")[0]
        for home in dict.fromkeys((folder, "")):
            prefix = f"{home}/" if home else ""
            for name in (".python-version", "runtime.txt"):
                try:
                    match = PYTHON_IN_FILE.search(self.tree.read(prefix + name).decode("utf-8", "replace"))
                except OSError:
                    continue
                if match:
                    return prefix + name, (int(match[1]), int(match[2]))
        return None

    @property
    def newest_python(self) -> tuple[int, int] | None:
        """Return the Python that the project runs on; None where no file says."""
        return self._python[1] if self._python else None

    @property
    def python_file(self) -> str:
        """Return the file that names the Python."""
        return self._python[0] if self._python else ""
