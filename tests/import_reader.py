"""What the project's sources import, read from their text.

So imports inside functions and under TYPE_CHECKING count too.
"""

import ast
import contextlib
import functools
import pathlib

ROOT = pathlib.Path(__file__).parents[1]
TOPS = ("xadv_tf", "flags", "trainers")


def sources(*tops):
    """{module: source text}, where trainers/__init__.py is "trainers.__init__"."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text(encoding="utf-8")
        for top in tops or TOPS
        for path in (ROOT / top).rglob("*.py")
    }


@functools.cache
def imported(module, source):
    """Every (module, name) that a source imports; name is None for `import module`."""
    package = module.split(".")[:-1]
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found += [(base, alias.name) for alias in node.names]
    return found


def resolve(base, name, modules):
    """The module among `modules` that holds what an import names, or None."""
    for candidate in (f"{base}.{name}", f"{base}.{name}.__init__", base, f"{base}.__init__"):
        if candidate in modules:
            return candidate
    return None


@functools.cache
def started(source):
    """(module, name) of what other interpreters run: texts that name a module or import one."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        if node.value.startswith(tuple(f"{top}." for top in TOPS)):
            found.append((node.value, None))
        elif "import " in node.value:
            with contextlib.suppress(SyntaxError):  # Prose.
                found += imported("code", node.value)
    return found
