import json

from trainers.evidence import curves


def _lines(count, split="train"):
    return [{"step": i, "split": split, "objective": 1 / 3, "n": i} for i in range(1, count + 1)]


def test_a_short_curve_is_whole_and_rounded():
    curve = curves.thinned([*_lines(3), *_lines(1, "test")])
    assert curve["train"] == {"step": [1, 2, 3], "objective": [0.33333] * 3, "n": [1, 2, 3]}
    assert curve["test"]["step"] == [1]


def test_a_long_curve_is_thinned_evenly_with_both_ends():
    steps = curves.thinned(_lines(1000))["train"]["step"]
    assert len(steps) == curves.MOST_POINTS
    assert (steps[0], steps[-1]) == (1, 1000)
    # 999 / 99 = 10.09 steps from one to the next.
    assert {b - a for a, b in zip(steps, steps[1:], strict=False)} == {10, 11}


def test_the_beginning_is_to_the_bit_and_of_the_training_alone():
    lines = [*_lines(1, "validation"), *_lines(20)]
    kept = curves.beginning(lines)
    assert kept == _lines(8)
    assert json.loads(json.dumps(kept)) == kept


def test_rates_that_follow_from_the_flags_are_left_out():
    curve = curves.thinned([{"step": 1, "split": "train", "learning_rate/mask": 1.0, "l0": 2}])
    assert curve["train"] == {"step": [1], "l0": [2]}


def test_what_a_later_line_has_first_is_kept():
    lines = [{"step": 1, "split": "train"}, {"step": 2, "split": "train", "l0": 0.5}]
    assert curves.thinned(lines)["train"] == {"step": [1, 2], "l0": [None, 0.5]}


def test_what_was_cut_off_is_passed_over(tmp_path):
    file = tmp_path / "metrics.jsonl"
    assert curves.read(file) == []
    file.write_text('{"step": 1, "split": "train"}\n{"step": 2, "sp')
    assert curves.read(file) == [{"step": 1, "split": "train"}]


def test_what_is_not_finite_is_nothing(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1, "split": "test", "cross_entropy": NaN, "l0": -Infinity}\n')
    assert curves.read(file) == [{"step": 1, "split": "test", "cross_entropy": None, "l0": None}]
