"""Read expressions into values."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from djcelery.project.facts import MAX_HOPS, Call, Raise, Value
from djcelery.project.reader.constants import fold, is_json_constant, kept_text
from djcelery.project.reader.walk import Walk, target_names

CHANGING = frozenset("update append extend insert add setdefault pop popitem remove clear discard".split())
MAX_ITEMS = 400  # elements of a display, and arguments of a call, that are kept


def read_expression(walk: Walk, node: ast.expr, use: str = "other") -> Value:
    """Read an expression and everything in it; `use` says what becomes of the result of a call."""
    node_type = type(node)
    if node_type is ast.Call:
        return read_call(walk, node, use)  # type: ignore[arg-type]
    reader = EXPRESSION_READERS.get(node_type)
    if reader is not None:
        return reader(walk, node)
    read_children(walk, node)
    return placed(Value("other"), node)


def read_children(walk: Walk, node: ast.AST) -> None:
    """Read the expressions directly inside a node, also those inside parts that are no expressions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            read_expression(walk, child)
        else:
            read_children(walk, child)


def value_of(walk: Walk, node: ast.expr) -> Value:
    """Return the value of an expression that is read elsewhere, without counting the calls inside again."""
    count = len(walk.module.calls)
    value = read_expression(walk, node)
    del walk.module.calls[count:]
    return value


def read_name(walk: Walk, node: ast.Name) -> Value:
    """Read a name and what it was bound to last."""
    if node.id in walk.exception_names:
        walk.module.exception_uses.append((node.id, walk.block))
    value = placed(Value("name", name=walk.path(node)), node)
    origin = walk.binding(node.id)
    if origin is not None:
        value.origin, value.hops = origin, origin.hops + 1
    return value


def read_attribute(walk: Walk, node: ast.Attribute) -> Value:
    """Read an attribute and note the use of the call that its variable holds."""
    base = node.value
    if isinstance(base, ast.Name):
        read_name(walk, base)
        if base.id in walk.calls_by_variable:
            walk.calls_by_variable[base.id].uses.append(f"attr:{node.attr}")
        value = placed(Value("name", name=walk.path(node)), node)
        origin = walk.binding(base.id)
        if origin is not None:
            value.receiver, value.hops = origin, origin.hops + 1
        return value
    receiver = read_expression(walk, base, f"attr:{node.attr}")
    value = placed(Value("name", name=walk.path(node)), node)
    value.receiver, value.hops = receiver, receiver.hops
    return value


def read_call(walk: Walk, node: ast.Call, use: str) -> Value:
    """Read a call, its arguments, and what it is called on."""
    function = read_expression(walk, node.func, "call") if not isinstance(node.func, ast.Name) else None
    value = placed(Value("call", name=walk.path(node.func)), node)
    value.dot_line, value.dot_col = node.func.end_lineno or 0, node.func.end_col_offset or 0
    set_receiver(walk, value, node.func, function)
    call = Call(value, walk.block, [use])
    items = [read_argument(walk, argument, value, "") for argument in node.args]
    for keyword in node.keywords:
        value.keywords[keyword.arg or "**"] = read_argument(walk, keyword.value, value, keyword.arg or "**")
    value.hops = max([value.hops, *[argument.hops for argument in (*items, *value.keywords.values())]])
    value.items = items[:MAX_ITEMS]
    walk.module.calls.append(call)
    if isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
        walk.forget_contents(node.func.value)
    return value


def set_receiver(walk: Walk, value: Value, func: ast.expr, function: Value | None) -> None:
    """Set what a call is made on: the result of another call, a bound name, or any other expression."""
    if function is not None and function.kind == "call":
        value.receiver, value.hops = function, function.hops
    elif function is not None and function.receiver is not None:
        value.receiver, value.hops = function.receiver, function.receiver.hops
    elif isinstance(func, ast.Name):
        origin = walk.binding(func.id)
        if origin is not None:
            value.receiver, value.hops = origin, origin.hops + 1
    elif function is not None and function.kind not in {"name", "call"}:
        value.receiver = function


def read_argument(walk: Walk, node: ast.expr, call: Value, keyword: str) -> Value:
    """Read an argument, and remember whose it is for a lambda inside."""
    outer, walk.argument_of = walk.argument_of, (call.name, keyword)
    value = read_expression(walk, node, "arg")
    value.in_parentheses = bool(keyword) and walk.in_parentheses(node)
    walk.argument_of = outer
    return value


def read_constant(walk: Walk, node: ast.Constant) -> Value:
    """Read a constant that JSON can carry; of other constants only the kind is kept."""
    const = node.value
    if isinstance(const, str):
        return placed(Value("const", const=kept_text(const)), node)
    if isinstance(const, bytes):
        return placed(Value("bytes"), node)
    if not is_json_constant(const):
        return placed(Value("other"), node)
    return placed(Value("const", const=const), node)


def read_starred(walk: Walk, node: ast.Starred) -> Value:
    """Read a spread sequence."""
    inner = read_expression(walk, node.value)
    return placed(Value("star", receiver=inner, hops=inner.hops), node)


def read_lambda(walk: Walk, node: ast.Lambda) -> Value:
    """Read a lambda as a block of its own; its value holds the names that it takes from outside."""
    function_name, keyword = walk.argument_of
    for default in [*node.args.defaults, *node.args.kw_defaults]:
        if default is not None:
            read_expression(walk, default)
    params = [arg.arg for arg in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
    outer, outer_bindings = walk.enter("lambda", node, names=[function_name]), walk.bindings
    walk.bindings = {**walk.bindings, **{param: Value("param", name=param, const=[0, "pos", ""]) for param in params}}
    walk.argument_of = ("", "")
    inner = read_expression(walk, node.body, "lambda")
    free = sorted({name.id for name in ast.walk(node.body) if isinstance(name, ast.Name)} - set(params))
    value = placed(Value("lambda", const=free, receiver=inner, hops=inner.hops), node)
    walk.block, walk.bindings, walk.argument_of = outer, outer_bindings, (function_name, keyword)
    return value


def read_dict(walk: Walk, node: ast.Dict) -> Value:
    """Read a dict display; a spread dict has a key of the kind `star`."""
    value = placed(Value("dict"), node)
    value.keys = [read_expression(walk, key) if key is not None else Value("star") for key in node.keys]
    value.items = [read_expression(walk, item) for item in node.values]
    for item, item_node in zip(value.items, node.values, strict=True):
        item.in_parentheses = walk.in_parentheses(item_node)
    return bounded(value)


def read_display(walk: Walk, node: Any) -> Value:
    """Read a list, tuple or set display."""
    value = placed(Value(type(node).__name__.lower()), node)
    value.items = [read_expression(walk, element) for element in node.elts]
    return bounded(value)


def read_comprehension(walk: Walk, node: Any) -> Value:
    """Read a comprehension as a loop."""
    outer, outer_bindings = walk.block, walk.bindings
    walk.bindings = dict(walk.bindings)
    for generator in node.generators:
        source = read_expression(walk, generator.iter)
        walk.bind(generator.target, Value("item", receiver=source, hops=source.hops + 1))
        walk.enter("loop", node, names=target_names(generator.target))
        for condition in generator.ifs:
            read_expression(walk, condition)
    parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    items = [read_expression(walk, part) for part in parts]
    walk.block, walk.bindings = outer, outer_bindings
    return bounded(placed(Value("comp", name=type(node).__name__, items=items), node))


def read_binary(walk: Walk, node: ast.BinOp) -> Value:
    """Read a binary operation; arithmetic on constants becomes its result."""
    left, right = read_expression(walk, node.left), read_expression(walk, node.right)
    folded = fold(node.op, left.const, right.const) if left.kind == right.kind == "const" else None
    if folded is not None:
        return placed(Value("const", const=folded), node)
    hops = max(left.hops, right.hops)
    return placed(Value("op", name=type(node.op).__name__, items=[left, right], hops=hops), node)


def read_unary(walk: Walk, node: ast.UnaryOp) -> Value:
    """Read a unary operation; a negated number becomes a constant."""
    operand = read_expression(walk, node.operand)
    if isinstance(node.op, ast.USub) and operand.kind == "const" and isinstance(operand.const, int | float):
        return placed(Value("const", const=-operand.const), node)
    return placed(Value("op", name=type(node.op).__name__, items=[operand], hops=operand.hops), node)


def read_boolean(walk: Walk, node: ast.BoolOp) -> Value:
    """Read `and` or `or`."""
    items = [read_expression(walk, operand) for operand in node.values]
    return bounded(placed(Value("op", name=type(node.op).__name__, items=items), node))


def read_conditional(walk: Walk, node: ast.IfExp) -> Value:
    """Read a conditional expression: both of its outcomes."""
    read_expression(walk, node.test)
    items = [read_expression(walk, node.body), read_expression(walk, node.orelse)]
    return bounded(placed(Value("op", name="IfExp", items=items), node))


def read_subscript(walk: Walk, node: ast.Subscript) -> Value:
    """Read an index or a slice."""
    receiver, key = read_expression(walk, node.value, "item"), read_expression(walk, node.slice)
    value = placed(Value("item", name=walk.path(node), items=[key], receiver=receiver, hops=receiver.hops + 1), node)
    if value.hops > MAX_HOPS:
        value.receiver, value.hops = None, 0
    return value


def read_await(walk: Walk, node: ast.Await) -> Value:
    """Read what is awaited."""
    return read_expression(walk, node.value, "await")


def read_template(walk: Walk, node: Any) -> Value:
    """Read the expressions inside an f-string or a t-string; of a URL keep the scheme that it begins with."""
    read_children(walk, node)
    value = Value("text")
    first = node.values[0] if node.values else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str) and "://" in first.value:
        value.items = [placed(Value("const", const=first.value), first)]
    return placed(value, node)


def read_walrus(walk: Walk, node: ast.NamedExpr) -> Value:
    """Read an assignment expression."""
    value = read_expression(walk, node.value, "assign")
    walk.record_assign(walk.path(node.target), value, "=", node)
    walk.bind_assigned(node.target.id, value)
    return value


def read_yield(walk: Walk, node: ast.Yield | ast.YieldFrom) -> Value:
    """Read a yield, which makes its function a generator."""
    if walk.function_index >= 0:
        walk.module.functions[walk.function_index].yields = True
        walk.module.raises.append(Raise(walk.block, node.lineno, "<yield>"))
    read_children(walk, node)
    return placed(Value("other"), node)


EXPRESSION_READERS: dict[type[ast.AST], Callable[[Walk, Any], Value]] = {
    ast.Name: read_name,
    ast.Attribute: read_attribute,
    ast.Constant: read_constant,
    ast.Starred: read_starred,
    ast.Lambda: read_lambda,
    ast.Dict: read_dict,
    ast.List: read_display,
    ast.Tuple: read_display,
    ast.Set: read_display,
    ast.ListComp: read_comprehension,
    ast.SetComp: read_comprehension,
    ast.DictComp: read_comprehension,
    ast.GeneratorExp: read_comprehension,
    ast.BinOp: read_binary,
    ast.UnaryOp: read_unary,
    ast.BoolOp: read_boolean,
    ast.IfExp: read_conditional,
    ast.Subscript: read_subscript,
    ast.Await: read_await,
    ast.JoinedStr: read_template,
    ast.NamedExpr: read_walrus,
    ast.Yield: read_yield,
    ast.YieldFrom: read_yield,
}
if hasattr(ast, "TemplateStr"):  # since Python 3.14
    EXPRESSION_READERS[ast.TemplateStr] = read_template


def bounded(value: Value) -> Value:
    """Drop the elements beyond the limit, and count the hops of the others."""
    value.items, value.keys = value.items[:MAX_ITEMS], value.keys[:MAX_ITEMS]
    value.hops = max([item.hops for item in value.items], default=0)
    return value


def placed(value: Value, node: Any) -> Value:
    """Give a value the position of its node."""
    value.line, value.col = node.lineno, node.col_offset
    value.end_line, value.end_col = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return value
