import pytest
from absl import flags as absl_flags
from absl.testing import flagsaver

from flags.robustness import ATTACKS
from trainers.attacking import settings
from trainers.errors import UsageError


def _read(*arguments):
    with flagsaver.flagsaver():
        absl_flags.FLAGS(["program", *arguments])
        return settings.from_flags()


def test_all_attacks_by_default_and_strengths_from_none_on():
    read = _read()
    assert read.attacks == ATTACKS
    for strengths in (read.linf, read.l2, read.removed):
        assert strengths[0] == 0 and list(strengths) == sorted(set(strengths))
    assert read.num_images is None


def test_what_is_given_in_its_order():
    read = _read("--attacks=pgd,fgsm", "--linf=0.3,0.1,0", "--num_images=9", "--nodoubt")
    assert read.attacks == ("fgsm", "pgd")
    assert read.linf == (0.0, 0.1, 0.3)
    assert (read.num_images, read.doubt) == (9, False)
    assert read.report()["linf"] == [0.0, 0.1, 0.3]


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--attacks=fgsm,fgsm", "each once. Received: --attacks=fgsm,fgsm"),
        ("--attacks=", "--attacks must name some of fgsm"),
        ("--attacks=cw", "Received: --attacks=cw"),
        ("--linf=", "--linf must have numbers above 0, each once. Received: --linf=nothing"),
        ("--l2=0.5,0.5", "Received: --l2=0.5,0.5"),
        ("--removed=0.5,1.5", "at most 1. Received: --removed=0.5,1.5"),
    ],
)
def test_what_does_not_fit(argument, sentence):
    with pytest.raises(UsageError) as raised:
        _read(argument)
    assert sentence in str(raised.value)
