"""The README's promises that can be run."""

import pathlib
import re

import keras
import numpy as np
import pytest

README = pathlib.Path(__file__).parents[1] / "README.md"


def test_five_lines_around_a_classifier(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) == 5
    rng = np.random.default_rng(0)
    model = keras.Sequential(
        [keras.layers.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    before = model.get_weights()[0].copy()
    names = {
        "keras": keras,
        "my_model": model,
        "images": rng.normal(size=(20, 8, 8, 1)).astype(np.float32),
        "labels": rng.integers(0, 3, 20),
    }
    exec(compile(code, str(README), "exec"), names)  # noqa: S102 (our own README)
    assert names["masks"].shape == (20, 8, 8, 1)
    assert np.any(model.get_weights()[0] != before)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_commands_and_paths_exist(name):
    root = README.parent
    text = (root / name).read_text()
    makefile = (root / "Makefile").read_text()
    for target in re.findall(r"(?:^ {4}|`)make (\S+?)(?:`|\s)", text, re.MULTILINE):
        assert f"\n{target}:" in makefile, target
    for module in re.findall(r"(?:-m |`)(trainers\.\w+)", text):
        assert (root / f"{module.replace('.', '/')}.py").is_file(), module
    for path in re.findall(r"--flagfile=(flags/\S+)", text):
        assert (root / path).is_file(), path
    # NAME and TABLE stand for anything.
    for path in re.findall(r"`((?:xadv_tf|trainers|flags|tests|results)/[\w./]+)`", text):
        assert "NAME" in path or (root / path).exists(), path
