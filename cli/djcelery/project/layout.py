"""Map paths to dotted module names, and back."""

from __future__ import annotations

NO_PACKAGES = frozenset({"tests", "test", "docs", "setup", "manage", "conftest"})


def above(path: str) -> str:
    """Return the folder of a path."""
    return path.rpartition("/")[0]


class Layout:
    """Know which dotted name each path has."""

    def __init__(self, paths: set[str], aliases: dict[str, str] | None = None) -> None:
        aliases = aliases or {}  # more paths of the same files
        self.paths = paths
        self.packages = {path.rpartition("/")[0] for path in [*paths, *aliases] if path.endswith("/__init__.py")}
        self.roots = {path.rpartition("/")[0] for path in paths if path.rpartition("/")[2] == "manage.py"}
        # Python searches the folder of a script first. Where a folder has both, its settings tell what is meant.
        homes = {above(above(path)) for path in paths if path.endswith("/settings.py")}
        homes |= {above(above(above(path))) for path in paths if path.endswith("/settings/__init__.py")}
        self.roots_in_packages = self.roots & self.packages & homes
        self.names: dict[str, str] = {}
        self._root_of_folder: dict[str, str] = {}
        self.by_name: dict[str, str] = {}
        python_paths = sorted(path for path in paths if path.endswith(".py"))
        python_paths.sort(key=len)
        for path in reversed(python_paths):
            self.by_name[self.name(path)] = path
        for path in python_paths:
            self.by_name.setdefault(dotted(path), path)
        for alias, path in aliases.items():
            if alias.endswith(".py"):
                self.by_name.setdefault(self.name(alias), path)
        self.first_names = {name.partition(".")[0] for name in self.by_name}
        self.top_level = self.first_names - NO_PACKAGES

    def root(self, path: str) -> str:
        """Return the folder that a path is imported from."""
        folder = path.rpartition("/")[0]
        root = self._root_of_folder.get(folder)
        if root is None:
            root = self._root_of_folder[folder] = self._find_root(folder)
        return root

    def _find_root(self, own_folder: str) -> str:
        """Return the folder that the files in a folder are imported from."""
        folder = own_folder
        while folder in self.packages and folder not in self.roots_in_packages:
            folder = folder.rpartition("/")[0]
        roots = [root for root in self.roots if not root or folder == root or folder.startswith(f"{root}/")]
        if roots and folder != "src":
            return max(roots, key=len)
        return folder if own_folder in self.packages else ""  # a folder without __init__.py is a package, too

    def name(self, path: str) -> str:
        """Return the dotted name of a path."""
        name = self.names.get(path)
        if name is None:
            root = self.root(path)
            name = self.names[path] = dotted(path[len(root) + 1 :] if root else path).removeprefix("src.")
        return name

    def is_package(self, path: str) -> bool:
        """Return whether a path is the `__init__.py` of a package."""
        return path.endswith("__init__.py")

    def path(self, name: str) -> str | None:
        """Return the file behind a dotted name."""
        return self.by_name.get(name)

    def is_first_party(self, dotted_path: str) -> bool:
        """Return whether the first part of a dotted path is a package of this code base."""
        return dotted_path.partition(".")[0] in self.top_level


def dotted(path: str) -> str:
    """Return a path in dotted form."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
