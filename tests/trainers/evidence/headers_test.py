import pytest

from trainers.evidence import headers
from trainers.settings.command_line import EXPERIMENTS

_FILES = sorted(EXPERIMENTS.glob("*/*.flags"))


@pytest.mark.parametrize("file", _FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_header_can_be_read(file):
    header = headers.read(file)
    # The number stands in the header's second line, and is an accuracy in percent.
    line = file.read_text().splitlines()[1]
    if header.published is None:
        assert "%" not in line
    else:
        assert line == f"# Published: {header.published:.2f} % ({header.source})."
        assert 50 < header.published < 100
    assert header.hours > 0


def test_papers_numbers():
    # Yang & Ji 2020, MNIST with 100 labels; Miyato et al. 2018, CIFAR-10 with 4,000: 100 - 14.18.
    assert (
        headers.read(EXPERIMENTS / "semi_supervised/mnist_xvat_inductive.flags").published == 97.82
    )
    assert headers.read(EXPERIMENTS / "semi_supervised/cifar10_vat.flags").published == 85.82
    assert headers.read(EXPERIMENTS / "digits/vat.flags").source.startswith("no number; the table")


@pytest.mark.parametrize("line", ["# Published: 97 (somebody).", "# Published: 9 %.", ""])
def test_another_form_is_refused(tmp_path, line):
    file = tmp_path / "a.flags"
    file.write_text(f"# Table: t.\n{line}\n# Hardware and hours: 2 cores, about 1 h.\n")
    with pytest.raises(ValueError, match="must have a header like those beside it"):
        headers.read(file)
