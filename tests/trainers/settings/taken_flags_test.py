import pytest

from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method=nothing"], r"--method must be one of mle, .*Received: --method=nothing"),
        (["--method=xvat+nothing"], r"with \+ between\. Received: --method=xvat\+nothing"),
        (["--method=vat+vat"], r"none of them .*ladder\. Received: --method=vat\+vat"),
        (["--method=ladder+entropy"], r"none of them .*\. Received: --method=ladder\+entropy"),
        (
            ["--method=vat+entropy", "--norm=l2"],
            r"--method=vat\+entropy does not take --norm; .*--xi, .*--entropy_weight",
        ),
        (["--model=nothing"], r"--model must be one of mlp, .*Received: --model=nothing"),
        (
            ["--method=mle", "--epsilon=1"],
            r"it takes --ema_decay, --evaluate_ema\. Received: --epsilon=1",
        ),
        (
            ["--method=xat", "--log_alpha_mean=1"],
            r"--method=xat with --mask=inductive does not take --log_alpha_mean",
        ),
        (
            ["--mask=transductive", "--generator_depth=1"],
            r"--mask=transductive does not take --generator_depth",
        ),
        (["--conv_bias"], r"--model=mlp does not take --conv_bias; .*Received: --conv_bias=True"),
        (["--model=mnist_cnn", "--top_batch_norm"], r"--model=mnist_cnn does not take"),
    ],
    ids=str,
)
def test_flags_that_nobody_takes_cost_one_sentence(arguments, message):
    with pytest.raises(UsageError, match=message) as caught:
        experiment_lib.from_flags(experiment_lib.parse(["--workdir=w", *arguments]))
    assert "\n" not in str(caught.value)


def test_options_are_what_was_given():
    arguments = ["--method=at", "--norm=l2", "--model=conv_large", "--dropout=0", "--workdir=w"]
    experiment = experiment_lib.from_flags(experiment_lib.parse(arguments))
    assert experiment.options == {"norm": "l2"}
    assert experiment.model_options == {"dropout": 0.0}
    taken = experiment_lib.flags_taken(experiment)
    assert {"method", "model", "norm", "dropout", "train_steps"} <= taken
    assert not {"xi", "mask"} & taken
