import json

import numpy as np
import pytest

from trainers.errors import UsageError
from trainers.evidence import making


def test_a_record_holds_what_the_run_was_and_did(make_run):
    run = make_run("vat", "--method=vat", "--epsilon=5", "--seed=7", "--data_dir=/home/me")
    made = making.from_run(run)
    content = made.content
    assert (made.label, made.accuracy, made.seed, made.label_seed) == ("VAT", 0.75, 7, 7)
    assert content["result"]["epochs"] == 2  # 4 steps, 2 an epoch.
    assert content["result"]["weights"] == "last"
    assert content["time"] == {
        "milliseconds_per_step": 12.5, "started": None, "finished": "2026-01-01"
    }  # fmt: skip
    assert (content["made_by"]["commit"], content["made_by"]["keras"]) == ("abc", "unknown")
    assert content["data"]["labeled"] == {"count": 2, "sha256": "l"}
    assert "--epsilon=5.0" in content["flags"]
    # Where the data lay is not told.
    assert "/home" not in json.dumps(content) and "download" not in json.dumps(content)
    assert made.experiment.options["epsilon"] == 5


def test_flags_are_kept_as_the_run_had_them(make_run):
    # Flags that came after it stand at their defaults, and are no part of it.
    run = make_run("run")
    file = run / "config.flags"
    lines = [line for line in file.read_text().splitlines() if "decay_floor" not in line]
    file.write_text("\n".join(["# number of flags: 0".replace("0", str(len(lines))), *lines, ""]))
    made = making.from_run(run)
    assert made.content["flags"] == [line for line in lines if "download" not in line]


def test_what_is_no_finished_run_has_no_record(make_run, tmp_path):
    run = make_run("run")
    (run / "result.json").unlink()
    with pytest.raises(UsageError, match=r"finished runs. Received: --record=.*no result.json"):
        making.from_run(run)
    with pytest.raises(UsageError, match=r"--record must name the directory of a run"):
        making.from_run(tmp_path)


def test_a_speed_that_was_not_measured_is_null(make_run):
    run = make_run("run")
    result = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps({**result, "milliseconds_per_step": np.nan}))
    assert making.from_run(run).content["time"]["milliseconds_per_step"] is None
