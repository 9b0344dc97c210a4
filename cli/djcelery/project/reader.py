"""The one walk over a syntax tree: from the text of a file to its facts."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from bisect import bisect_left
from collections.abc import Callable
from functools import cached_property
from typing import Any

from djcelery.project.facts import REACH, Assign, Block, Call, Class, Function, Module, Param, Raise, Value
from djcelery.project.grammar import Unreadable, decode, parse
from djcelery.project.thinning import thinned

NOQA = re.compile(r"#\s*noqa\b(?::\s*(?P<codes>[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*))?", re.I)
HARMLESS = frozenset(
    "property staticmethod classmethod cached_property setter override overload abstractmethod login_required "
    "register display action simple_tag filter fixture parametrize".split()
)
NEWLINE = re.compile(r"\r\n|\r|\n")
LONGEST = 400  # of a text worth keeping, and of elements in a display
TELLING = """
.delay .apply( apply_async on_commit send_task .s( .si( signature task Task elery ELERY BROKER retry .connect( .conf DJC
add_periodic autodiscover chain( chord( group( crontab sleep( requests. send_mail urlopen setdefault
""".split()  # looking for each plain text is much faster than one pattern for all


def read(path: str, name: str, data: bytes, is_package: bool = False) -> Module:
    """The facts of one file; trouble is a fact too, and never an exception."""
    module = Module(path=path, name=name, is_package=is_package)
    try:
        text = decode(data)
        telling = telling_lines(text)
        Reader(module, text, telling).module(tree_of(text, telling))
        module.noqa = suppressions(text)
    except Unreadable as error:
        return Module(path=path, name=name, is_package=is_package, trouble=str(error), trouble_line=error.line)
    except RecursionError:
        return Module(path=path, name=name, is_package=is_package, trouble="nested too deeply to be read")
    return module


def tree_of(text: str, telling: list[int]) -> ast.Module:
    """The tree of what matters in a text; of all of it, where leaving things out was a mistake."""
    short = thinned(text, telling)
    try:
        return parse(short)
    except Unreadable:
        if short == text:
            raise
        return parse(text)


def suppressions(text: str) -> dict[int, list[str]]:
    """The codes that a comment of each line silences; an empty list silences all."""
    if "DJC" not in text:
        blanket = re.finditer(r"#\s*noqa\s*$", text, re.M | re.I) if "noqa" in text.lower() else ()
        return {text.count("\n", 0, found.start()) + 1: [] for found in blanket}
    found = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and (match := NOQA.search(token.string)):
                found[token.start[0]] = re.findall(r"[A-Z]+\d+", (match["codes"] or "").upper())
    except (tokenize.TokenError, SyntaxError):
        return found
    return found


def telling_lines(text: str) -> list[int]:
    """The numbers of the lines that hold a word that matters."""
    places = set()
    for word in TELLING:
        place = text.find(word)
        while place >= 0:
            places.add(place)
            place = text.find("\n", place)  # one in a line is enough
            place = text.find(word, place) if place >= 0 else -1
    found, line, position = [], 1, 0
    for place in sorted(places):
        line += text.count("\n", position, place)
        position = place
        found.append(line)
    return found


class Reader:
    """Walks one tree; `block` is where the walk stands, `env` what the names of this function are bound to."""

    def __init__(self, module: Module, text: str, telling: list[int]) -> None:
        self.out = module
        self.text = text
        self.globals: dict[str, Value] = {}
        self.telling_lines = telling
        self.block = 0
        self.env: dict[str, Value] = {}
        self.results: dict[str, Call] = {}
        self.function = -1
        self.cls = -1
        self.handled: list[str] = []
        self.lambda_for: tuple[str, str] = ("", "")
        module.blocks.append(Block(-1, "module", 1))

    # -- statements

    def module(self, tree: ast.Module) -> None:
        for statement in tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self.import_(statement)
        self.globals = self.env
        self.body(tree.body)

    def telling(self, node: ast.stmt) -> bool:
        """Whether the text of a function holds any word that matters: most do not, and are passed over."""
        if any(isinstance(each, ast.FunctionDef) for each in getattr(node, "body", ())):
            return True  # it may be a decorator
        return self.tells(node)

    def tells(self, node: ast.stmt) -> bool:
        place = bisect_left(self.telling_lines, node.lineno)
        return place < len(self.telling_lines) and self.telling_lines[place] <= (node.end_lineno or node.lineno)

    @staticmethod
    def telling_decorators(decorators: list[Value]) -> bool:
        """Whether any decorator may make a task: those everyone uses do not."""
        return any(value.last not in HARMLESS for value in decorators)

    @cached_property
    def lines(self) -> list[bytes]:
        """The lines as bytes: the columns of a syntax tree count those."""
        lines = NEWLINE.split(self.text) if "\r" in self.text else self.text.split("\n")
        return [line.encode("utf-8", "replace") for line in lines]

    def in_parentheses(self, node: ast.expr) -> bool:
        """Whether the expression stands in parentheses that are not part of it."""
        before = self.lines[node.lineno - 1][: node.col_offset].rstrip()
        after = self.lines[(node.end_lineno or node.lineno) - 1][node.end_col_offset or 0 :].lstrip()
        return before.endswith(b"(") and after.startswith(b")")

    def body(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            handler = STATEMENTS.get(type(statement))
            if handler is not None:
                handler(self, statement)
            else:
                self.children(statement)

    def children(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expr(child)
            elif isinstance(child, ast.stmt):
                self.body([child])
            else:
                self.children(child)

    def enter(self, kind: str, node: Any, **more: Any) -> int:
        """Stand in a new block; gives back the block to return to."""
        before = self.block
        self.out.blocks.append(Block(before, kind, getattr(node, "lineno", 0), getattr(node, "col_offset", 0), **more))
        self.block = len(self.out.blocks) - 1
        return before

    def inside(self, statements: list[ast.stmt], kind: str, node: Any, **more: Any) -> None:
        before = self.enter(kind, node, **more)
        self.body(statements)
        self.block = before

    def import_(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                self.out.imports[alias.asname or first] = alias.name if alias.asname else first
                self.out.imported.append(alias.name)
            return
        source = self.absolute(node)
        for alias in node.names:
            if alias.name == "*":
                self.out.stars.append(source)
                self.out.imported.append(source)
                continue
            self.out.imports[alias.asname or alias.name] = f"{source}.{alias.name}" if source else alias.name
            self.out.imported.append(f"{source}.{alias.name}")

    on_Import = on_ImportFrom = import_

    def absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.out.name.split(".")
        keep = len(parts) - node.level + (1 if self.out.is_package else 0)
        return ".".join([*parts[: max(keep, 0)], *([node.module] if node.module else [])])

    def on_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = [self.expr(each) for each in node.decorator_list]
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.expr(default)
        made = Function(
            name=node.name,
            qualname=self.qualname(node.name),
            line=node.lineno,
            col=node.col_offset,
            block=0,
            parent=self.block,
            cls=self.cls if self.out.blocks[self.block].kind == "class" else -1,
            is_async=isinstance(node, ast.AsyncFunctionDef),
            decorators=decorators,
            params=self.params(node.args),
            end_line=node.end_lineno or node.lineno,
        )
        if self.function >= 0:
            self.out.functions[self.function].inner.append(node.name)
        self.out.functions.append(made)
        index = len(self.out.functions) - 1
        saved = self.function, self.env, self.results, self.cls
        before = self.enter("def", node, index=index)
        made.block = self.block
        self.function, self.results = index, {}
        self.env = {**self.env, **{param.name: self.of_param(param, place) for place, param in enumerate(made.params)}}
        if self.telling_decorators(decorators) or self.telling(node):
            self.body(node.body)
        self.block = before
        self.function, self.env, self.results, self.cls = saved
        self.env.pop(node.name, None)

    on_AsyncFunctionDef = on_FunctionDef

    @staticmethod
    def of_param(param: Param, place: int) -> Value:
        return Value("param", name=param.name, const=[place, param.kind, param.annotation])

    def qualname(self, name: str) -> str:
        parts = [name]
        block = self.out.blocks[self.block]
        while block.parent >= 0:
            if block.kind == "def":
                parts += ["<locals>", self.out.functions[block.index].name]
            elif block.kind == "class":
                parts.append(self.out.classes[block.index].name)
            block = self.out.blocks[block.parent]
        return ".".join(reversed(parts))

    def params(self, args: ast.arguments) -> list[Param]:
        plain = [*args.posonlyargs, *args.args]
        defaults: list[ast.expr | None] = [None] * (len(plain) - len(args.defaults)) + list(args.defaults)
        made = [self.param(arg, "pos", default) for arg, default in zip(plain, defaults, strict=True)]
        if args.vararg:
            made.append(self.param(args.vararg, "vararg", None))
        made += [
            self.param(arg, "kwonly", default) for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
        ]
        if args.kwarg:
            made.append(self.param(args.kwarg, "kwarg", None))
        return made

    def param(self, arg: ast.arg, kind: str, default: ast.expr | None) -> Param:
        annotation = ast.unparse(arg.annotation)[:100] if arg.annotation else ""
        return Param(arg.arg, kind, self.value(default) if default is not None else None, annotation)

    def on_ClassDef(self, node: ast.ClassDef) -> None:
        decorators = [self.expr(each) for each in node.decorator_list]
        bases = [self.path(base.value if isinstance(base, ast.Subscript) else base) for base in node.bases]
        before, saved = self.enter("class", node, index=len(self.out.classes)), (self.cls, self.env)
        self.out.classes.append(
            Class(node.name, node.lineno, node.col_offset, self.block, before, bases, decorators, node.end_lineno or 0)
        )
        self.cls, self.env = len(self.out.classes) - 1, dict(self.env)
        if self.tells(node):
            self.body(node.body)
        self.block, (self.cls, self.env) = before, saved

    def on_With(self, node: ast.With | ast.AsyncWith) -> None:
        before = self.block
        for item in node.items:
            value = self.expr(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, Value("bound", recv=value, reach=value.reach + 1))
            atomic = value.name in ATOMIC or value.name.endswith("transaction.atomic")
            self.enter("atomic" if atomic else "with", item.context_expr, names=[value.name], value=value)
        self.body(node.body)
        self.block = before

    on_AsyncWith = on_With

    def on_For(self, node: ast.For | ast.AsyncFor) -> None:
        source = self.expr(node.iter)
        self.bind(node.target, Value("item", node.lineno, node.col_offset, recv=source, reach=source.reach + 1))
        self.inside(node.body, "loop", node, names=target_names(node.target))
        self.body(node.orelse)

    on_AsyncFor = on_For

    def on_While(self, node: ast.While) -> None:
        self.expr(node.test)
        self.inside(node.body, "loop", node)
        self.body(node.orelse)

    def on_If(self, node: ast.If) -> None:
        asked = self.expr(node.test)
        names = sorted({self.path(each) for each in ast.walk(node.test) if isinstance(each, ast.Name | ast.Attribute)})
        if isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
            names.append("not")
        self.inside(node.body, "if", node, names=names, value=asked)
        self.inside(node.orelse, "if", node, names=[*names, "else"])

    def on_Try(self, node: Any) -> None:
        caught = [self.caught(handler.type) for handler in node.handlers]
        mine = len(self.out.blocks)
        self.inside(node.body, "try", node, names=[name for names in caught for name in names])
        for handler, names in zip(node.handlers, caught, strict=True):
            if handler.name:
                self.env.pop(handler.name, None)
                self.handled.append(handler.name)
            self.inside(handler.body, "except", handler, names=names, note=handler.name or "", index=mine)
            if handler.name:
                self.handled.pop()
        self.inside(node.orelse, "else", node)
        self.inside(node.finalbody, "finally", node)

    on_TryStar = on_Try

    def caught(self, kind: ast.expr | None) -> list[str]:
        if kind is None:
            return [""]
        if isinstance(kind, ast.Tuple):
            return [self.path(each) for each in kind.elts]
        if isinstance(kind, ast.BinOp):
            return [*self.caught(kind.left), *self.caught(kind.right)]
        return [self.path(kind)]

    def on_Raise(self, node: ast.Raise) -> None:
        name = ""
        if node.exc is not None:
            value = self.expr(node.exc, "raise")
            name = value.name or value.kind
        if node.cause is not None:
            self.expr(node.cause)
        self.out.raises.append(Raise(self.block, node.lineno, name))

    def on_Global(self, node: ast.Global) -> None:
        self.out.global_names += [(name, self.block, node.lineno) for name in node.names]

    def on_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self.out.raises.append(Raise(self.block, node.lineno, "<return>"))
            return
        value = self.expr(node.value, "return")
        self.out.raises.append(Raise(self.block, node.lineno, "<return value>"))
        if self.function >= 0 and value.name:
            self.out.functions[self.function].returned.append(value.name)

    def on_Expr(self, node: ast.Expr) -> None:
        self.expr(node.value, "discard")

    def on_Assign(self, node: ast.Assign) -> None:
        calls = len(self.out.calls)
        value = self.expr(node.value, "assign")
        value.wrapped = self.in_parentheses(node.value)
        for target in node.targets:
            self.assign(target, value, "=", node)
            if isinstance(target, ast.Name) and value.kind == "call" and len(self.out.calls) > calls:
                self.results[target.id] = self.out.calls[-1]

    def on_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(node.target, self.expr(node.value, "assign"), "=", node)

    def on_AugAssign(self, node: ast.AugAssign) -> None:
        value = self.expr(node.value)
        self.assign(node.target, value, "+=", node)
        if isinstance(node.target, ast.Name):
            self.env.pop(node.target.id, None)

    def assign(self, target: ast.expr, value: Value, how: str, node: Any) -> None:
        if isinstance(target, ast.Subscript):
            key, holder = self.expr(target.slice), self.expr(target.value)
            self.note(holder.name, value, "[]", node, key)
            return
        if isinstance(target, ast.Tuple | ast.List):
            for index, each in enumerate(target.elts):
                match = isinstance(node.value, ast.Tuple | ast.List) and len(value.items) == len(target.elts)
                taken = value.items[index] if match else Value("item", recv=value, reach=value.reach + 1)
                self.assign(each, taken, how, node)
            return
        if isinstance(target, ast.Attribute):
            self.expr(target.value)
        self.note(self.path(target), value, how, node)
        if isinstance(target, ast.Name) and how == "=":
            self.results.pop(target.id, None)
            self.env[target.id] = value

    def note(self, name: str, value: Value, how: str, node: Any, key: Value | None = None) -> None:
        local = self.function >= 0 and "." not in name and how == "="
        declared = local and any(
            name == each and block == self.block_of_function() for each, block, _ in self.out.global_names
        )
        if name and (not local or declared):
            self.out.assigns.append(Assign(name, value, self.block, how, node.lineno, node.col_offset, key))

    def block_of_function(self) -> int:
        return self.out.functions[self.function].block

    def bind(self, target: ast.expr, value: Value) -> None:
        for name in target_names(target):
            self.env[name] = value
            self.results.pop(name, None)

    # -- expressions

    def expr(self, node: ast.expr, use: str = "other") -> Value:
        """Walk an expression and give its value."""
        kind = type(node)
        if kind is ast.Call:
            return self.call(node, use)  # type: ignore[arg-type]
        handler = EXPRESSIONS.get(kind)
        if handler is not None:
            made: Value = handler(self, node)
            return made
        self.children(node)
        return place(Value("other"), node)

    def value(self, node: ast.expr) -> Value:
        """The value of an expression that is walked elsewhere: calls inside are not counted again."""
        count = len(self.out.calls)
        value = self.expr(node)
        del self.out.calls[count:]
        return value

    def at_Name(self, node: ast.Name) -> Value:
        if node.id in self.handled:
            self.out.loads.append((node.id, self.block))
        value = place(Value("name", name=self.path(node)), node)
        origin = self.env.get(node.id)
        if origin is not None and origin.reach < REACH:
            value.origin, value.reach = origin, origin.reach + 1
        return value

    def path(self, node: ast.expr) -> str:
        """The dotted path, imports resolved; calls on the way show as `()`, anything else as `?`."""
        if isinstance(node, ast.Name):
            name = node.id
            bound = self.env.get(name)
            shadowed = bound is not None and bound is not self.globals.get(name)
            return name if shadowed else self.out.imports.get(name, name)
        if isinstance(node, ast.Attribute):
            return f"{self.path(node.value)}.{node.attr}"
        if isinstance(node, ast.Call):
            return f"{self.path(node.func)}()"
        if isinstance(node, ast.Subscript):
            return f"{self.path(node.value)}[]"
        return "?"

    def at_Attribute(self, node: ast.Attribute) -> Value:
        base = node.value
        if isinstance(base, ast.Name):
            self.at_Name(base)
            if base.id in self.results:
                self.results[base.id].uses.append(f"attr:{node.attr}")
            value = place(Value("name", name=self.path(node)), node)
            origin = self.env.get(base.id)
            if origin is not None and origin.reach < REACH:
                value.recv, value.reach = origin, origin.reach + 1
            return value
        held = self.expr(base, f"attr:{node.attr}")
        value = place(Value("name", name=self.path(node)), node)
        value.recv, value.reach = held, held.reach
        return value

    def call(self, node: ast.Call, use: str) -> Value:
        held = self.expr(node.func, "call") if not isinstance(node.func, ast.Name) else None
        value = place(Value("call", name=self.path(node.func)), node)
        value.dot_line, value.dot_col = node.func.end_lineno or 0, node.func.end_col_offset or 0
        if held is not None and held.recv is not None:
            value.recv, value.reach = held.recv, held.recv.reach
        elif held is not None and held.kind == "call":
            value.recv, value.reach = held, held.reach
        elif isinstance(node.func, ast.Name):
            origin = self.env.get(node.func.id)
            if origin is not None and origin.reach < REACH:
                value.recv, value.reach = origin, origin.reach + 1
        elif held is not None and isinstance(node.func, ast.Attribute) and held.kind not in {"name", "call"}:
            value.recv = held
        made = Call(value, self.block, [use])
        items = [self.argument(arg, value, "") for arg in node.args]
        for keyword in node.keywords:
            value.named[keyword.arg or "**"] = self.argument(keyword.value, value, keyword.arg or "**")
        value.reach = max([value.reach, *[each.reach for each in (*items, *value.named.values())]])
        value.items = items[:LONGEST]
        self.out.calls.append(made)
        return value

    def argument(self, node: ast.expr, owner: Value, keyword: str) -> Value:
        before, self.lambda_for = self.lambda_for, (owner.name, keyword)
        value = self.expr(node, "arg")
        value.wrapped = bool(keyword) and self.in_parentheses(node)
        self.lambda_for = before
        return value

    def at_Constant(self, node: ast.Constant) -> Value:
        const = node.value
        if isinstance(const, str):
            const = const[:LONGEST]
            if not const.isascii():
                const = const.encode("utf-8", "replace").decode("utf-8")
        elif isinstance(const, bytes):
            return place(Value("bytes"), node)
        elif not plain(const):
            return place(Value("other"), node)
        return place(Value("const", const=const), node)

    def at_Starred(self, node: ast.Starred) -> Value:
        inner = self.expr(node.value)
        return place(Value("star", recv=inner, reach=inner.reach), node)

    def at_Lambda(self, node: ast.Lambda) -> Value:
        name, keyword = self.lambda_for
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.expr(default)
        params = [arg.arg for arg in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
        before, saved = self.enter("lambda", node, names=[name], note=keyword), self.env
        self.env = {**self.env, **{param: Value("param", name=param, const=[0, "pos", ""]) for param in params}}
        self.lambda_for = ("", "")
        inner = self.expr(node.body, "lambda")
        free = sorted({each.id for each in ast.walk(node.body) if isinstance(each, ast.Name)} - set(params))
        value = place(Value("lambda", const=free, recv=inner, reach=inner.reach), node)
        self.block, self.env, self.lambda_for = before, saved, (name, keyword)
        return value

    def at_Dict(self, node: ast.Dict) -> Value:
        made = place(Value("dict"), node)
        made.keys = [self.expr(key) if key is not None else Value("star") for key in node.keys]
        made.items = [self.expr(each) for each in node.values]
        for value, each in zip(made.items, node.values, strict=True):
            value.wrapped = self.in_parentheses(each)
        return self.reached(made)

    def display(self, node: Any) -> Value:
        made = place(Value(type(node).__name__.lower()), node)
        made.items = [self.expr(each) for each in node.elts]
        return self.reached(made)

    at_List = at_Tuple = at_Set = display

    @staticmethod
    def reached(made: Value) -> Value:
        made.items, made.keys = made.items[:LONGEST], made.keys[:LONGEST]
        made.reach = max([each.reach for each in made.items], default=0)
        return made

    def comprehension(self, node: Any) -> Value:
        before, saved = self.block, self.env
        self.env = dict(self.env)
        for generator in node.generators:
            source = self.expr(generator.iter)
            self.bind(generator.target, Value("item", recv=source, reach=source.reach + 1))
            self.enter("loop", node, names=target_names(generator.target), note="comprehension")
            for condition in generator.ifs:
                self.expr(condition)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        inner = [self.expr(part) for part in parts]
        self.block, self.env = before, saved
        made = place(Value("comp", name=type(node).__name__, items=inner), node)
        return self.reached(made)

    at_ListComp = at_SetComp = at_GeneratorExp = at_DictComp = comprehension

    def at_BinOp(self, node: ast.BinOp) -> Value:
        left, right = self.expr(node.left), self.expr(node.right)
        folded = fold(node.op, left.const, right.const) if left.kind == right.kind == "const" else None
        if folded is not None:
            return place(Value("const", const=folded), node)
        name = type(node.op).__name__
        return place(Value("op", name=name, items=[left, right], reach=max(left.reach, right.reach)), node)

    def at_UnaryOp(self, node: ast.UnaryOp) -> Value:
        inner = self.expr(node.operand)
        if isinstance(node.op, ast.USub) and inner.kind == "const" and isinstance(inner.const, int | float):
            return place(Value("const", const=-inner.const), node)
        return place(Value("op", name=type(node.op).__name__, items=[inner], reach=inner.reach), node)

    def at_BoolOp(self, node: ast.BoolOp) -> Value:
        items = [self.expr(each) for each in node.values]
        return self.reached(place(Value("op", name=type(node.op).__name__, items=items), node))

    def at_IfExp(self, node: ast.IfExp) -> Value:
        self.expr(node.test)
        items = [self.expr(node.body), self.expr(node.orelse)]
        return self.reached(place(Value("op", name="IfExp", items=items), node))

    def at_Subscript(self, node: ast.Subscript) -> Value:
        held, key = self.expr(node.value, "item"), self.expr(node.slice)
        value = place(Value("item", name=self.path(node), items=[key], recv=held, reach=held.reach + 1), node)
        if value.reach > REACH:
            value.recv, value.reach = None, 0
        return value

    def at_Await(self, node: ast.Await) -> Value:
        return self.expr(node.value, "await")

    def at_JoinedStr(self, node: ast.JoinedStr) -> Value:
        self.children(node)
        return place(Value("text"), node)

    at_TemplateStr = at_JoinedStr

    def at_NamedExpr(self, node: ast.NamedExpr) -> Value:
        value = self.expr(node.value, "assign")
        self.assign(node.target, value, "=", node)
        return value

    def at_Yield(self, node: ast.Yield | ast.YieldFrom) -> Value:
        if self.function >= 0:
            self.out.functions[self.function].yields = True
        self.children(node)
        return place(Value("other"), node)

    at_YieldFrom = at_Yield


ATOMIC = frozenset({"django.db.transaction.atomic", "transaction.atomic", "django.db.transaction.Atomic"})


def named_after_nodes(prefix: str) -> dict[type[ast.AST], Callable[..., Any]]:
    """The methods of the reader that a kind of node leads to."""
    found = {name.removeprefix(prefix): method for name, method in vars(Reader).items() if name.startswith(prefix)}
    return {getattr(ast, name): method for name, method in found.items() if hasattr(ast, name)}


STATEMENTS, EXPRESSIONS = named_after_nodes("on_"), named_after_nodes("at_")


def target_names(target: ast.expr) -> list[str]:
    """The plain names that a target binds."""
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def place(value: Value, node: Any) -> Value:
    value.line, value.col = node.lineno, node.col_offset
    value.end_line, value.end_col = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return value


def plain(const: Any) -> bool:
    """Whether JSON carries a constant as it is."""
    if isinstance(const, float):
        return const != float("inf")
    return const is None or isinstance(const, bool) or (isinstance(const, int) and abs(const) <= 10**15)


def fold(op: ast.operator, left: Any, right: Any) -> Any:
    """The result of simple arithmetic on constants, or None."""
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if isinstance(op, ast.Add) and (numbers or (isinstance(left, str) and isinstance(right, str))):
        return left + right
    if not numbers:
        return None
    if isinstance(op, ast.Mult) and abs(left) < 10**9 and abs(right) < 10**9:
        return left * right
    if isinstance(op, ast.Sub):
        return left - right
    if isinstance(op, ast.Div | ast.FloorDiv) and right:
        return left / right if isinstance(op, ast.Div) else left // right
    return None
