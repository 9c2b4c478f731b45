import re

import pytest

from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib
from xadv_tf.data import preprocessing


@pytest.mark.parametrize("size", ["32x32", "1x7", "480x640"])
def test_sizes_of_images(size):
    assert experiment_lib.parse([f"--image_size={size}"]).image_size == size


@pytest.mark.parametrize("size", ["32", "32x", "x32", "0x32", "32x32x3", "032x32", "-1x3", "axb"])
def test_what_is_no_size(size):
    with pytest.raises(UsageError, match="--image_size must be HEIGHTxWIDTH in pixels, like 32x32"):
        experiment_lib.parse([f"--image_size={size}"])


def test_help_names_every_scaling_of_the_library():
    flag = experiment_lib.parse([])["scaling"]
    with pytest.raises(ValueError, match=r"scaling must be one of ") as refused:
        preprocessing.check("none")
    known = re.findall(r"\w+", str(refused.value).partition("one of ")[2].partition(". ")[0])
    assert len(known) > 5 and flag.default in known
    assert [name for name in known if not re.search(rf"\b{name}\b", flag.help)] == []
