import pytest

from flags.define import KINDS, Kind
from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--beta=0", r"--beta must be above 0\. Received: --beta=0\.0"),
        ("--beta=nan", r"--beta must be finite\. Received: --beta=nan"),
        ("--gamma=0", r"--gamma must be below 0\. Received: --gamma=0\.0"),
        ("--zeta=1", r"--zeta must be above 1\. Received: --zeta=1\.0"),
        ("--epsilon=-1", r"--epsilon must be at least 0\."),
        ("--epsilon=inf", r"--epsilon must be finite\. Received: --epsilon=inf"),
        ("--xi=0", r"--xi must be above 0\."),
        ("--sparsity=-1", r"--sparsity must be at least 0\."),
        ("--clean_weight=-1", r"--clean_weight must be at least 0\."),
        ("--adversarial_weight=-1", r"--adversarial_weight must be at least 0\."),
        ("--smoothness=nan", r"--smoothness must be finite\."),
        ("--output_scale=0", r"--output_scale must be above 0\."),
        ("--log_alpha_stddev=-1", r"--log_alpha_stddev must be at least 0\."),
        ("--learning_rate=0", r"--learning_rate must be above 0\."),
        ("--mask_learning_rate=-1", r"--mask_learning_rate must be at least 0\."),
        ("--decay_rate=1.5", r"--decay_rate must be above 0 and at most 1\."),
        ("--decay_start=1", r"--decay_start must be at least 0 and below 1\."),
        ("--late_beta_1=1", r"--late_beta_1 must be at least 0 and below 1\."),
        ("--dropout=1", r"--dropout must be at least 0 and below 1\."),
        ("--noise_stddev=-1", r"--noise_stddev must be at least 0\."),
        (
            "--denoising_weights=1,-1",
            r"--denoising_weights must be numbers of at least 0 with commas between\. "
            r"Received: --denoising_weights=\[1\.0, -1\.0\]",
        ),
        ("--denoising_weights=1,nan", r"Received: --denoising_weights=\[1\.0, nan\]"),
        (
            "--denoising_weights=1;2",
            r"must be numbers with commas between. Received: --denoising_weights=1;2",
        ),
        (
            "--num_power_iterations=-1",
            r"must be a non-negative integer\. Received: --num_power",
        ),
        ("--delta=1", r"--delta must be at least 0 and below 1\."),
        ("--initial_dropout=1", r"--initial_dropout must be at least 0 and below 1\."),
        ("--dropout_layer=output", r"--dropout_layer must be one of <last_hidden\|input>"),
        ("--mask_block=0", r"must be a positive integer\. Received: --mask_block=0"),
        ("--num_masks=0", r"must be a positive integer\. Received: --num_masks=0"),
        (
            "--divergence_confidence=2",
            r"must be at least 0 and at most 1\. Received: --div",
        ),
        ("--generator_depth=6", r"in the range \[1, 5\]\. Received: --generator_depth=6"),
        ("--alternating_steps=-1", r"Received: --alternating_steps=-1"),
        ("--labeled_batch_size=-1", r"Received: --labeled_batch_size=-1"),
        ("--unlabeled_batch_size=-1", r"Received: --unlabeled_batch_size=-1"),
        ("--crop_offset_max=3", r"in the range \[-2, 2\]"),
        ("--mask=both", r"--mask must be one of <inductive\|transductive>\. Received: --mask=both"),
        ("--divergence=js", r"--divergence must be one of <kl\|"),
        ("--norm=l1", r"--norm must be one of <linf\|l2>"),
        ("--l0_reduction=max", r"--l0_reduction must be one of <sum\|mean>"),
        ("--kernel_initializer=zeros", r"--kernel_initializer must be one of <normal_fan_in\|"),
    ],
)
def test_values_out_of_range_cost_one_sentence(argument, message):
    with pytest.raises(UsageError, match=message) as caught:
        experiment_lib.parse([argument])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "argument",
    ["--smoothness=-1", "--mask_learning_rate=0", "--decay_rate=1", "--dropout=0", "--epsilon=0"],
)
def test_values_at_the_ends_of_their_range(argument):
    assert experiment_lib.parse([argument])


def test_lists_of_numbers_go_to_a_flagfile_and_back():
    values = experiment_lib.parse(["--denoising_weights=1000,10,0.1"])
    assert values.denoising_weights == [1000.0, 10.0, 0.1]
    again = experiment_lib.parse([values["denoising_weights"].serialize()])
    assert again.denoising_weights == values.denoising_weights


# Every flag is one of these, and whoever treats them apart asks for the kind.
def test_what_a_flag_is_stands_at_its_definition():
    of_kind = {kind: {n for n in experiment_lib.all_names() if KINDS[n] is kind} for kind in Kind}
    assert of_kind[Kind.METHOD] == {"method", "mask"}
    assert of_kind[Kind.CALL] >= {"workdir", "quiet", "brief", "test", "stop_at"}
    assert of_kind[Kind.TASK] >= {"seed", "dataset", "num_labeled", "train_steps"}
    assert {"data_dir", "jit"} <= of_kind[Kind.PLACE] and "log_every" in of_kind[Kind.RECORD]
    assert {"learning_rate", "epsilon", "dropout", "crop"} <= of_kind[Kind.SETTING]
    written = experiment_lib.to_flagfile(experiment_lib.parse(["--workdir=w", "--quiet"]))
    assert "--seed=1\n" in written and "--log_every" in written
    assert "--workdir" not in written and "--quiet" not in written
