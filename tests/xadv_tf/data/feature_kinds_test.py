import json

import pytest

from xadv_tf.data import feature_kinds
from xadv_tf.data.errors import DataError

_OWN = "tensorflow_datasets.core.features."


def _write(folder, content, version="1.0.0"):
    file = folder / version / "features.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def _today(name, key="pythonClassName"):
    image = {key: name, "image": {}}
    features = {"features": {"image": image, "type": {key: f"{_OWN}text_feature.Text"}}}
    return {key: f"{_OWN}features_dict.FeaturesDict", "featuresDict": features}


def _old(name, as_text):
    content = {"image": {"type": name, "content": {}}}
    content = json.dumps(content) if as_text else content
    return {"type": f"{_OWN}features_dict.FeaturesDict", "content": content}


_FORMS = [
    _today,
    lambda name: _today(name, "python_class_name"),
    lambda name: _old(name, as_text=False),
    lambda name: _old(name, as_text=True),
    lambda name: {"anything": [[_today(name)]]},
]


@pytest.mark.parametrize("form", _FORMS)
def test_kinds_of_tensorflow_datasets_are_taken_and_others_are_not(form, tmp_path):
    feature_kinds.check(tmp_path)  # Nothing there.
    _write(tmp_path, form(f"{_OWN}image_feature.Image"))
    feature_kinds.check(tmp_path)
    others = ("planted.Image", f"x{_OWN}Image", f"{_OWN}a;b", "tensorflow_datasets.vision.x.Image")
    for name in others:
        _write(tmp_path, form(name), version="nested/2.0.0")
        with pytest.raises(DataError, match="of tensorflow_datasets only") as caught:
            feature_kinds.check(tmp_path)
        assert str(caught.value).endswith(f"Received: {name!r}")


@pytest.mark.parametrize("content", ["", "{", "\x00", "[" * 100_000])
def test_a_damaged_description_is_named(content, tmp_path):
    _write(tmp_path, content)
    with pytest.raises(DataError, match=r"1\.0\.0/features\.json must describe .*Received: \w"):
        feature_kinds.check(tmp_path)
