"""Programs: training, evaluation, benchmarks, and what they share."""

import contextlib
import importlib.machinery
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_CHATTER = (b"All log messages before absl::InitializeLog()", b"oneDNN custom operations are on")


class _QuietTensorFlow:
    """Lets whoever imports TensorFlow first do so without its start-up chatter.

    TF_CPP_MIN_LOG_LEVEL hides what TensorFlow logs, except two lines that static initialisers write
    while its libraries load, before that variable is looked at (TensorFlow 2.21).
    TF_ENABLE_ONEDNN_OPTS=0 would silence them too, but by giving up oneDNN's kernels. They go to
    file descriptor 2 past sys.stderr, so during the import that descriptor leads through a filter.
    Being a finder, this costs nothing in programs that never import TensorFlow.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> Any:
        """The ordinary spec of `tensorflow`, its execution filtered; None for other modules."""
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_quietly(module: ModuleType) -> None:
                with _filtered_stderr():
                    execute(module)

            spec.loader.exec_module = execute_quietly  # type: ignore[method-assign]
        return spec


class _Beside:
    """Finds this project's other packages beside this one.

    `python -m trainers.train` looks in the current folder first, and a user's flags.py there is not
    what our modules mean by flags.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> Any:
        """The spec of `flags` and of `xadv_tf`; None for other modules."""
        if name not in ("flags", "xadv_tf"):
            return None
        return importlib.machinery.PathFinder.find_spec(name, [_ROOT], target)


@contextlib.contextmanager
def _filtered_stderr() -> Iterator[None]:
    # A process of its own reads the pipe: it passes on the last words of a library that aborts
    # ("compiled to use AVX512 instructions, but these aren't available"), which a thread or a
    # temporary file of this process would take with it.
    try:
        terminal = os.dup(2)
    except OSError:  # It is closed: there is nothing to keep silent.
        yield
        return
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who waits for TensorFlow.
        os.close(writer)
        try:
            with os.fdopen(reader, "rb") as lines:
                for line in lines:
                    if not any(words in line for words in _CHATTER):
                        os.write(2, line)
        finally:
            os._exit(0)
    os.close(reader)
    os.dup2(writer, 2)
    os.close(writer)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.waitpid(child, 0)


sys.meta_path.insert(0, _Beside())
# `python -m trainers.train` and xadv-train: Ctrl-C during the imports that follow ends the process
# and shows no traceback. `settings.program.run` has it raise KeyboardInterrupt again.
if sys.argv[:1] == ["-m"] or os.path.basename(sys.argv[0]).startswith("xadv-"):
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with contextlib.suppress(ValueError):  # In another thread than the main one.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
# 0 shows everything, to whoever wants to see it. What fails comes as an exception; of the errors
# that TensorFlow 2.21 logs, 2 would show one for each program that XLA finds compiled: it reads the
# file as text first, which it is not.
if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "0" and hasattr(os, "fork"):
    sys.meta_path.insert(0, _QuietTensorFlow())
