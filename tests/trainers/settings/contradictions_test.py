import pytest

from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib


def _read(*arguments):
    return experiment_lib.from_flags(experiment_lib.parse(["--workdir=w", *arguments]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--decay_start=0.5"], r"--decay_start must come with --schedule=linear"),
        (
            ["--decay_rate=0.9", "--schedule=linear"],
            r"--schedule=exponential, .* Received: --decay_rate=0\.9 --schedule=linear",
        ),
        (["--decay_delay=1"], "--decay_delay must come with"),
        (["--decay_scale=0.5"], "--decay_scale must come with"),
        (["--decay_floor=1e-5"], "--decay_floor must come with"),
        (["--late_beta_1=0.5", "--schedule=exponential"], "--late_beta_1 must come with"),
        (["--mask_decay"], r"linear or ramps, .* Received: --mask_decay --schedule=constant"),
        (
            ["--fill=black", "--scaling=gcn"],
            r"--fill=black must come with a --scaling .* Received: --fill=black --scaling=gcn",
        ),
        (["--crop_offset_max=1"], r"must come with --crop, .* Received: --crop_offset_max=1"),
        (["--generator_width=8"], r"--generator_depth of at least 2, .*=8"),
        (
            ["--generator_width=8", "--generator_depth=1"],
            r"--generator_width must come with",
        ),
        (["--mask=transductive", "--crop"], "Received: --mask=transductive --crop"),
        (["--mask=transductive", "--flip"], "Received: --mask=transductive --flip"),
        (["--stop_at=300"], "Received: --stop_at=300 --steps_per_epoch=500"),
        (
            ["--num_labeled=20", "--labeled_batch_size=21"],
            "at most --num_labeled. Received: --labeled_batch_size=21 --num_labeled=20",
        ),
        (
            ["--method=vat", "--num_labeled=100", "--unlabeled_batch_size=0"],
            "--method=vat .* Received: --unlabeled_batch_size=0 --num_labeled=100",
        ),
        (["--ramp_up_epochs=1"], "--ramp_up_epochs must come with --schedule=ramps"),
        (["--ramp_down_epochs=1", "--schedule=linear"], "--ramp_down_epochs must come with"),
        (["--early_beta_2=0.9"], "--early_beta_2 must come with --schedule=ramps"),
        (["--ramp_by_step"], "--ramp_by_step must come with .* Received: --ramp_by_step"),
        (
            ["--method=mean_teacher", "--early_teacher_decay=0.9"],
            "--early_teacher_decay must come with --consistency_ramp_epochs",
        ),
        (
            ["--method=xvat+entropy", "--alternating_steps=2"],
            r"not combined .*: --alternating_steps=2 --method=xvat\+entropy",
        ),
        (
            ["--method=mle+entropy", "--num_labeled=100", "--unlabeled_batch_size=0"],
            r"--method=mle\+entropy to see the unlabeled",
        ),
        (["--evaluate_ema"], "--evaluate_ema must come with --ema_decay"),
        (
            ["--labeled_batch_size=0", "--unlabeled_batch_size=0"],
            "Received: --labeled_batch_size=0 --unlabeled_batch_size=0",
        ),
        (["--joined_batch", "--unlabeled_batch_size=0"], "--joined_batch must come with"),
    ],
    ids=str,
)
def test_contradictions_cost_one_sentence(arguments, message):
    with pytest.raises(UsageError, match=message) as caught:
        _read(*arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--schedule=linear", "--decay_start=0.5", "--late_beta_1=0.5", "--mask_decay"],
        ["--nomask_decay"],
        ["--schedule=ramps", "--ramp_down_epochs=1", "--late_beta_1=0.5", "--ramp_by_step"],
        ["--method=pi_model", "--consistency_ramp_epochs=2", "--ramp_by_step"],
        ["--labeled_batch_size=0", "--num_labeled=20", "--epochwise"],
        ["--labeled_batch_size=1", "--joined_batch", "--ema_decay=0.9", "--evaluate_ema"],
        ["--crop", "--crop_offset_max=1"],
        ["--generator_width=8", "--generator_depth=2"],
        ["--method=mle", "--num_labeled=100", "--unlabeled_batch_size=0"],
        ["--method=vat", "--unlabeled_batch_size=0"],
        ["--method=mle+at", "--num_labeled=100", "--unlabeled_batch_size=0"],
        # config.flags has all values; a default asks for nothing.
        ["--schedule=linear", "--decay_rate=0.95"],
        ["--decay_start=0.0", "--decay_delay=0", "--decay_scale=1", "--decay_floor=0"],
    ],
    ids=str,
)
def test_what_fits_together(arguments):
    assert _read(*arguments)
