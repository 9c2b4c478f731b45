"""Imports go one way: no circle among modules or folders, and no folder looks up."""

import fnmatch
import graphlib

import import_reader
import pytest

# What a folder may import besides itself; * stands for any text. A folder without a row has the
# row of the folder that it lies in. "xadv_tf" alone is the mathematics: xadv_tf/*.py.
ALLOWED = {
    "xadv_tf": (),
    "xadv_tf.layers": ("xadv_tf",),
    "xadv_tf.optimizers": ("xadv_tf",),
    "xadv_tf.models": ("xadv_tf", "xadv_tf.layers"),
    "xadv_tf.methods": ("xadv_tf", "xadv_tf.layers", "xadv_tf.optimizers"),
    "xadv_tf.attributions": ("xadv_tf",),
    "xadv_tf.cache_folder": (),
    "xadv_tf.data": ("xadv_tf", "xadv_tf.cache_folder"),
    "xadv_tf.figures": ("xadv_tf",),
    "xadv_tf.attacks": ("xadv_tf",),
    "flags": (),
    # The programs, and below them what they share.
    "trainers": ("trainers.*", "flags*", "xadv_tf*"),
    "trainers.errors": (),
    "trainers.commands": (),
    "trainers.called": (),
    "trainers.raw_files": ("trainers.errors",),
    "trainers.settings": (
        *("trainers.errors", "trainers.commands", "flags"),
        "xadv_tf.cache_folder",
    ),
    "trainers.run": ("trainers.errors", "trainers.settings", "flags", "xadv_tf*"),
    "trainers.reports": (
        *("trainers.errors", "trainers.commands", "trainers.settings", "trainers.run"),
        *("flags", "xadv_tf*"),
    ),
    "trainers.drawing": (
        *("trainers.errors", "trainers.settings", "trainers.run", "trainers.reports"),
        *("trainers.evidence", "xadv_tf*"),
    ),
    "trainers.evidence": (
        *("trainers.errors", "trainers.commands", "trainers.called", "trainers.settings"),
        "trainers.run",
        *("trainers.reports", "trainers.benchmarking", "flags", "xadv_tf*"),
    ),
    "trainers.explaining": (
        *("trainers.errors", "trainers.commands", "trainers.settings", "trainers.run"),
        *("trainers.reports", "flags", "xadv_tf*"),
    ),
    "trainers.work": (
        *("trainers.errors", "trainers.commands", "trainers.raw_files", "trainers.settings"),
        *("trainers.run", "trainers.reports", "trainers.tuning", "trainers.benchmarking"),
        *("trainers.attacking", "trainers.drawing", "trainers.evidence", "trainers.explaining"),
        *("flags", "xadv_tf*"),
    ),
    "trainers.tuning": (
        *("trainers.errors", "trainers.commands", "trainers.settings", "trainers.run"),
        *("trainers.reports", "flags", "xadv_tf*"),
    ),
    "trainers.attacking": (
        *("trainers.errors", "trainers.settings", "trainers.run", "trainers.reports"),
        *("flags", "xadv_tf*"),
    ),
    "trainers.benchmarking": (
        *("trainers.errors", "trainers.commands", "trainers.called", "trainers.settings"),
        "trainers.run",
        *("trainers.reports", "flags", "xadv_tf*"),
    ),
}  # fmt: skip
# Modules that stand by themselves, at the bottom, beside the programs at the top.
ALONE = {
    "trainers.errors",
    "trainers.commands",
    "trainers.called",
    "trainers.raw_files",
    "xadv_tf.cache_folder",
}
# Flags are read in one place, and not in the library.
FORBIDDEN_OUTSIDE = {"xadv_tf": ("absl.flags*",)}


def _edges(sources):
    """{module: the project's modules that it imports}."""
    return {
        module: {
            import_reader.resolve(base, name, sources)
            for base, name in import_reader.imported(module, source)
        }
        - {None}
        for module, source in sources.items()
    }


def _outside(sources):
    """{module: dotted names that it imports from elsewhere}."""
    return {
        module: {
            f"{base}.{name}" if name else base
            for base, name in import_reader.imported(module, source)
            if base.split(".")[0] not in import_reader.TOPS
        }
        for module, source in sources.items()
    }


def _folder(module):
    return module if module in ALONE else module.rpartition(".")[0]


def _circle(edges):
    """A circle in a graph, as "a -> b -> a", or None."""
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        return " -> ".join(reversed(error.args[1]))
    return None


def _folders(edges):
    graph = {}
    for module, imported in edges.items():
        own = _folder(module)
        graph.setdefault(own, set()).update({_folder(other) for other in imported} - {own})
    return graph


def _allowed(folder):
    while folder not in ALLOWED:
        folder = _folder(folder)
    return ALLOWED[folder]


def _wrong(edges):
    """Edges that the table does not have, as "a -> b"."""
    return sorted(
        f"{module} -> {other}"
        for module, imported in edges.items()
        for other in imported
        if _folder(other) != _folder(module)
        and not any(fnmatch.fnmatch(_folder(other), each) for each in _allowed(_folder(module)))
    )


def _wrong_outside(sources):
    return sorted(
        f"{module} -> {name}"
        for module, names in _outside(sources).items()
        for name in names
        for pattern in FORBIDDEN_OUTSIDE.get(module.split(".")[0], ())
        if fnmatch.fnmatch(name, pattern)
    )


@pytest.fixture(scope="module")
def sources():
    return import_reader.sources()


def test_no_modules_import_each_other_in_a_circle(sources):
    assert len(sources) > 100
    assert _circle(_edges(sources)) is None


def test_no_folders_import_each_other_in_a_circle(sources):
    assert _circle(_folders(_edges(sources))) is None


def test_every_folder_imports_only_what_it_may(sources):
    assert _wrong(_edges(sources)) == []
    assert _wrong_outside(sources) == []


def test_every_row_of_the_table_is_a_folder(sources):
    assert set(ALLOWED) <= {_folder(module) for module in sources}


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("xadv_tf.data.records", "from xadv_tf.data.streams import Stream"),
        ("xadv_tf.data.records", "from xadv_tf.data import streams"),
        ("xadv_tf.data.records", "import xadv_tf.data.streams as s"),
        ("xadv_tf.data.records", "from . import streams"),
        ("xadv_tf.data.records", "from .streams import Stream"),
        ("xadv_tf.data.records", "from ..data.streams import Stream"),
        ("xadv_tf.data.records", "def f():\n    from xadv_tf.data import streams"),
        ("xadv_tf.data.records", "if TYPE_CHECKING:\n    from xadv_tf.data import streams"),
        ("xadv_tf.data.records", "from xadv_tf.data import Stream"),  # Of the package itself.
        ("xadv_tf.noise", "from xadv_tf.noise import normal"),
    ],
)
def test_a_planted_circle_is_found(module, line, sources):
    planted = _edges(sources | {module: sources[module] + "\n" + line})
    assert module in _circle(planted)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("xadv_tf.noise", "from xadv_tf import layers"),
        ("xadv_tf.layers.moments", "import xadv_tf.methods.steps"),
        ("xadv_tf.models.mlp", "from xadv_tf.methods import XVAT"),
        ("xadv_tf.methods.vat", "from xadv_tf import models"),
        ("xadv_tf.data.cache", "from xadv_tf.layers import moments"),
        ("xadv_tf.figures.scales", "from xadv_tf.data import Dataset"),
        ("xadv_tf.noise", "import flags"),
        ("xadv_tf.noise", "def f():\n    from trainers import train"),
        ("flags.__init__", "import xadv_tf"),
        ("flags.__init__", "from trainers import train"),
    ],
)
def test_a_planted_wrong_edge_is_found(module, line, sources):
    (edge,) = _wrong(_edges(sources | {module: sources[module] + "\n" + line}))
    assert edge.startswith(f"{module} -> ")


@pytest.mark.parametrize("line", ["from absl import flags", "import absl.flags as f"])
def test_planted_flags_in_the_library_are_found(line, sources):
    planted = sources | {"xadv_tf.noise": sources["xadv_tf.noise"] + "\n" + line}
    assert _wrong_outside(planted) == ["xadv_tf.noise -> absl.flags"]


def test_a_planted_circle_of_folders_is_found():
    edges = _edges(
        {
            "trainers.run.loop": "from trainers.reports import tables",
            "trainers.run.status": "",
            "trainers.reports.tables": "",
            "trainers.reports.seeds": "from trainers.run.status import read",
        }
    )
    assert _circle(edges) is None
    assert _circle(_folders(edges)) is not None
    assert _wrong(edges) == ["trainers.run.loop -> trainers.reports.tables"]
