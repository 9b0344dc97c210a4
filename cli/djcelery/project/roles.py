"""Tell the role of a function by its class and its decorators: a view, or what saves a row."""

from __future__ import annotations

from djcelery.project.context import class_of
from djcelery.project.facts import Function, Module
from djcelery.project.lookup import Lookup

VIEW_BASES = ("View", "ViewSet", "APIView", "ViewMixin", "ViewSetMixin")
VIEW_DECORATORS = frozenset("api_view require_POST login_required require_http_methods".split())
HTTP_METHODS = frozenset(
    "get post put patch delete dispatch form_valid list create retrieve update destroy partial_update "
    "perform_create perform_update perform_destroy".split()
)
SAVING = frozenset("save delete save_model save_related save_formset delete_model create update".split())
# Packages whose classes end with the same words and have nothing to do with Django's database.
NOT_DJANGO = frozenset(
    "pydantic pydantic_settings sqlmodel beanie odmantic mongoengine peewee ormar tortoise ninja msgspec attrs "
    "keras tensorflow torch sklearn transformers wtforms flask_wtf marshmallow".split()
)


class Roles:
    """Know the role of functions, with base classes followed through files."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup

    def is_view(self, module: Module, function: Function) -> bool:
        """Return whether a function answers HTTP requests."""
        if class_of(module, function) is not None:
            return function.name in HTTP_METHODS and self._class_is_one_of(module, function, VIEW_BASES)
        if any(value.last in VIEW_DECORATORS for value in function.decorators):
            return bool(function.params)
        in_views = module.path.endswith("views.py") or "/views/" in module.path
        return in_views and bool(function.params) and function.params[0].name == "request"

    def is_saving(self, module: Module, function: Function) -> bool:
        """Return whether a function is the save or delete of a model, form, serializer or admin."""
        if class_of(module, function) is None or function.name not in SAVING:
            return False
        base_names: tuple[str, ...] = ("Model", "Form", "ModelForm", "Serializer", "ModelSerializer", "ModelAdmin")
        if function.name in {"create", "update"}:
            base_names = ("Serializer", "ModelSerializer")
        elif function.name.endswith(("_model", "_related", "_formset")):
            base_names = ("Admin", "ModelAdmin")
        return self._class_is_one_of(module, function, base_names)

    def _class_is_one_of(self, module: Module, function: Function, endings: tuple[str, ...]) -> bool:
        """Return whether the class of a method inherits from a class of Django with such a name."""
        cls = class_of(module, function)
        bases = cls.bases if cls is not None else []
        return any(self.lookup.comes_from(module, base, endings, NOT_DJANGO) for base in bases)
