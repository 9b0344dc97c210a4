"""Read statements: blocks, definitions, imports and assignments."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from djcelery.project.facts import Class, Function, Param, Raise, Value
from djcelery.project.reader.expressions import read_expression, value_of
from djcelery.project.reader.relevance import has_relevant_line, is_relevant_body, may_make_task
from djcelery.project.reader.walk import Walk, target_names

ATOMIC = frozenset({"django.db.transaction.atomic", "transaction.atomic", "django.db.transaction.Atomic"})


def read_module(walk: Walk, tree: ast.Module) -> None:
    """Read a whole module; its imports come first, so that every path can be resolved."""
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            read_import(walk, statement)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            walk.module_names.add(statement.name)
    walk.module_bindings = walk.bindings
    read_body(walk, tree.body)


def read_body(walk: Walk, statements: list[ast.stmt]) -> None:
    """Read statements in order."""
    for statement in statements:
        reader = STATEMENT_READERS.get(type(statement))
        if reader is not None:
            reader(walk, statement)
        else:
            read_parts(walk, statement)


def read_parts(walk: Walk, node: ast.AST) -> None:
    """Read the expressions and statements inside a node of no special meaning."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            read_expression(walk, child)
        elif isinstance(child, ast.stmt):
            read_body(walk, [child])
        else:
            read_parts(walk, child)


def read_block(walk: Walk, statements: list[ast.stmt], kind: str, node: Any, **attributes: Any) -> None:
    """Read statements as a block of their own."""
    outer = walk.enter(kind, node, **attributes)
    read_body(walk, statements)
    walk.block = outer


# -- imports


def read_import(walk: Walk, node: ast.Import | ast.ImportFrom) -> None:
    """Read what an import makes known under which name."""
    module = walk.module
    for alias in node.names:
        walk.bindings.pop(alias.asname or alias.name.partition(".")[0], None)
    if isinstance(node, ast.Import):
        for alias in node.names:
            first = alias.name.partition(".")[0]
            module.imports[alias.asname or first] = alias.name if alias.asname else first
            module.imported.append(alias.name)
        return
    source = absolute_source(walk, node)
    for alias in node.names:
        if alias.name == "*":
            module.stars.append(source)
            module.imported.append(source)
            continue
        module.imports[alias.asname or alias.name] = f"{source}.{alias.name}" if source else alias.name
        module.imported.append(f"{source}.{alias.name}")


def absolute_source(walk: Walk, node: ast.ImportFrom) -> str:
    """Return the absolute name of the module that names are imported from."""
    if not node.level:
        return node.module or ""
    parts = walk.module.name.split(".")
    depth = len(parts) - node.level + (1 if walk.module.is_package else 0)
    return ".".join([*parts[: max(depth, 0)], *([node.module] if node.module else [])])


# -- definitions


def read_function(walk: Walk, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """Read a function; its body only where that can matter."""
    function = function_of(walk, node)
    functions = walk.module.functions
    if walk.function_index >= 0:
        functions[walk.function_index].inner_functions.append(node.name)
    functions.append(function)
    index = len(functions) - 1
    outer_state = walk.function_index, walk.bindings, walk.calls_by_variable, walk.class_index, walk.enclosing_bindings
    outer = walk.enter("def", node, index=index)
    function.block = walk.block
    walk.function_index, walk.calls_by_variable = index, {}
    arguments = {param.name: argument_value(param, position) for position, param in enumerate(function.params)}
    in_class = walk.enclosing_bindings is not None and function.class_index >= 0
    walk.bindings = {**((walk.enclosing_bindings or {}) if in_class else walk.bindings), **arguments}
    walk.enclosing_bindings = None
    if may_make_task(function.decorators) or is_relevant_body(walk.relevant, node):
        read_body(walk, node.body)
    walk.block = outer
    (walk.function_index, walk.bindings, walk.calls_by_variable, walk.class_index, walk.enclosing_bindings) = (
        outer_state
    )
    walk.bindings.pop(node.name, None)
    if walk.function_index >= 0:
        walk.bindings[node.name] = Value("def", name=node.name)


def function_of(walk: Walk, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Function:
    """Return the facts about a function, but for its body."""
    decorators = [read_expression(walk, decorator) for decorator in node.decorator_list]
    for default in [*node.args.defaults, *node.args.kw_defaults]:
        if default is not None:
            read_expression(walk, default)
    return Function(
        name=node.name,
        qualname=walk.qualname(node.name),
        line=node.lineno,
        col=node.col_offset,
        block=0,
        parent=walk.block,
        class_index=walk.class_index if walk.module.blocks[walk.block].kind == "class" else -1,
        is_async=isinstance(node, ast.AsyncFunctionDef),
        decorators=decorators,
        params=parameters(walk, node.args),
        end_line=node.end_lineno or node.lineno,
    )


def argument_value(param: Param, position: int) -> Value:
    """Return the value that a parameter has inside of its function."""
    return Value("param", name=param.name, const=[position, param.kind, param.annotation])


def parameters(walk: Walk, args: ast.arguments) -> list[Param]:
    """Return the parameters of a function in order."""
    positional = [*args.posonlyargs, *args.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults)) + list(args.defaults)
    params = [parameter(walk, arg, "pos", default) for arg, default in zip(positional, defaults, strict=True)]
    if args.vararg:
        params.append(parameter(walk, args.vararg, "vararg", None))
    params += [
        parameter(walk, arg, "kwonly", default) for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    ]
    if args.kwarg:
        params.append(parameter(walk, args.kwarg, "kwarg", None))
    return params


def parameter(walk: Walk, arg: ast.arg, kind: str, default: ast.expr | None) -> Param:
    """Return the facts about one parameter."""
    annotation = ast.unparse(arg.annotation)[:100] if arg.annotation else ""
    return Param(arg.arg, kind, value_of(walk, default) if default is not None else None, annotation)


def read_class(walk: Walk, node: ast.ClassDef) -> None:
    """Read a class; its body only where that can matter."""
    decorators = [read_expression(walk, decorator) for decorator in node.decorator_list]
    bases = [walk.path(base.value if isinstance(base, ast.Subscript) else base) for base in node.bases]
    classes, outer_state = walk.module.classes, (walk.class_index, walk.bindings, walk.enclosing_bindings)
    outer = walk.enter("class", node, index=len(classes))
    end_line = node.end_lineno or 0
    classes.append(Class(node.name, node.lineno, node.col_offset, walk.block, outer, bases, decorators, end_line))
    walk.class_index, walk.enclosing_bindings = len(classes) - 1, walk.bindings
    walk.bindings = dict(walk.bindings)
    if has_relevant_line(walk.relevant, node.lineno, node.end_lineno or node.lineno):
        read_body(walk, node.body)
    walk.block, (walk.class_index, walk.bindings, walk.enclosing_bindings) = outer, outer_state


# -- compound statements


def read_with(walk: Walk, node: ast.With | ast.AsyncWith) -> None:
    """Read a with statement: each context manager is a block, a transaction one of its own kind."""
    outer = walk.block
    for item in node.items:
        value = read_expression(walk, item.context_expr)
        if item.optional_vars is not None:
            walk.bind(item.optional_vars, Value("bound", receiver=value, hops=value.hops + 1))
        atomic = value.name in ATOMIC or value.name.endswith("transaction.atomic")
        walk.enter("atomic" if atomic else "with", item.context_expr, names=[value.name], value=value)
    read_body(walk, node.body)
    walk.block = outer


def read_for(walk: Walk, node: ast.For | ast.AsyncFor) -> None:
    """Read a for loop."""
    source = read_expression(walk, node.iter)
    walk.bind(node.target, Value("item", node.lineno, node.col_offset, receiver=source, hops=source.hops + 1))
    read_block(walk, node.body, "loop", node, names=target_names(node.target))
    read_body(walk, node.orelse)


def read_while(walk: Walk, node: ast.While) -> None:
    """Read a while loop."""
    read_expression(walk, node.test)
    read_block(walk, node.body, "loop", node)
    read_body(walk, node.orelse)


def read_if(walk: Walk, node: ast.If) -> None:
    """Read both branches of an if statement, each with the names that its test holds."""
    test = read_expression(walk, node.test)
    names = sorted({walk.path(part) for part in ast.walk(node.test) if isinstance(part, ast.Name | ast.Attribute)})
    if isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
        names.append("not")
    read_block(walk, node.body, "if", node, names=names, value=test)
    read_block(walk, node.orelse, "if", node, names=[*names, "else"])


def read_try(walk: Walk, node: Any) -> None:
    """Read a try statement and its handlers."""
    caught = [caught_types(walk, handler.type) for handler in node.handlers]
    try_block = len(walk.module.blocks)
    read_block(walk, node.body, "try", node, names=[name for names in caught for name in names])
    for handler, names in zip(node.handlers, caught, strict=True):
        if handler.name:
            walk.bindings.pop(handler.name, None)
            walk.exception_names.append(handler.name)
        read_block(walk, handler.body, "except", handler, names=names, bound_name=handler.name or "", index=try_block)
        if handler.name:
            walk.exception_names.pop()
    read_block(walk, node.orelse, "else", node)
    read_block(walk, node.finalbody, "finally", node)


def caught_types(walk: Walk, expression: ast.expr | None) -> list[str]:
    """Return the paths of the exceptions that a handler catches; an empty path for a bare `except`."""
    if expression is None:
        return [""]
    if isinstance(expression, ast.Tuple):
        return [walk.path(element) for element in expression.elts]
    if isinstance(expression, ast.BinOp):  # `except A, B` of newer Python, as the older grammar spells it here
        return [*caught_types(walk, expression.left), *caught_types(walk, expression.right)]
    return [walk.path(expression)]


# -- simple statements


def read_raise(walk: Walk, node: ast.Raise) -> None:
    """Read a raise statement."""
    name = ""
    if node.exc is not None:
        value = read_expression(walk, node.exc, "raise")
        name = value.name or value.kind
    if node.cause is not None:
        read_expression(walk, node.cause)
    walk.module.raises.append(Raise(walk.block, node.lineno, name))


def read_global(walk: Walk, node: ast.Global) -> None:
    """Read a global statement."""
    walk.module.global_names += [(name, walk.block, node.lineno) for name in node.names]


def read_return(walk: Walk, node: ast.Return) -> None:
    """Read a return statement."""
    if node.value is None:
        walk.module.raises.append(Raise(walk.block, node.lineno, "<return>"))
        return
    value = read_expression(walk, node.value, "return")
    walk.module.raises.append(Raise(walk.block, node.lineno, "<return value>"))
    if walk.function_index >= 0 and value.name:
        walk.module.functions[walk.function_index].returned_names.append(value.name)


def read_expression_statement(walk: Walk, node: ast.Expr) -> None:
    """Read an expression whose result is discarded."""
    read_expression(walk, node.value, "discard")


# -- assignments


def read_assign(walk: Walk, node: ast.Assign) -> None:
    """Read an assignment; a variable that is set to the result of a call remembers the call."""
    calls = walk.module.calls
    count = len(calls)
    value = read_expression(walk, node.value, "assign")
    value.in_parentheses = walk.in_parentheses(node.value)
    for target in node.targets:
        assign_to(walk, target, value, "=", node)
        if isinstance(target, ast.Name) and value.kind == "call" and len(calls) > count:
            walk.calls_by_variable[target.id] = calls[-1]


def read_annotated_assign(walk: Walk, node: ast.AnnAssign) -> None:
    """Read an assignment with an annotation, unless it only annotates."""
    if node.value is not None:
        assign_to(walk, node.target, read_expression(walk, node.value, "assign"), "=", node)


def read_augmented_assign(walk: Walk, node: ast.AugAssign) -> None:
    """Read an augmented assignment, after which the value of a variable is unknown."""
    value = read_expression(walk, node.value)
    assign_to(walk, node.target, value, "+=", node)
    if isinstance(node.target, ast.Name) and node.target.id in walk.bindings:
        walk.bindings[node.target.id] = Value("other")


def assign_to(walk: Walk, target: ast.expr, value: Value, operator: str, node: Any) -> None:
    """Assign a value to a target of any form."""
    if isinstance(target, ast.Subscript):
        key, container = read_expression(walk, target.slice), read_expression(walk, target.value)
        walk.record_assign(container.name, value, "[]", node, key)
        walk.forget_contents(target.value)
        return
    if isinstance(target, ast.Tuple | ast.List):
        for index, element in enumerate(target.elts):
            matching = isinstance(node.value, ast.Tuple | ast.List) and len(value.items) == len(target.elts)
            part = value.items[index] if matching else Value("item", receiver=value, hops=value.hops + 1)
            assign_to(walk, element, part, operator, node)
        return
    if isinstance(target, ast.Attribute):
        read_expression(walk, target.value)
    walk.record_assign(walk.path(target), value, operator, node)
    if isinstance(target, ast.Name) and operator == "=":
        walk.bind_assigned(target.id, value)


STATEMENT_READERS: dict[type[ast.AST], Callable[[Walk, Any], None]] = {
    ast.Import: read_import,
    ast.ImportFrom: read_import,
    ast.FunctionDef: read_function,
    ast.AsyncFunctionDef: read_function,
    ast.ClassDef: read_class,
    ast.With: read_with,
    ast.AsyncWith: read_with,
    ast.For: read_for,
    ast.AsyncFor: read_for,
    ast.While: read_while,
    ast.If: read_if,
    ast.Try: read_try,
    ast.TryStar: read_try,
    ast.Raise: read_raise,
    ast.Global: read_global,
    ast.Return: read_return,
    ast.Expr: read_expression_statement,
    ast.Assign: read_assign,
    ast.AnnAssign: read_annotated_assign,
    ast.AugAssign: read_augmented_assign,
}
