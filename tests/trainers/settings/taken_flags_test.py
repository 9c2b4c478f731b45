import inspect

import pytest

from flags import method as method_flags
from flags import model as model_flags
from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib
from trainers.settings import taken_flags
from xadv_tf import methods, models


def test_methods_and_models_are_those_of_the_library():
    assert set(taken_flags.METHOD_FLAGS) == set(methods.METHODS)
    assert set(taken_flags.MODEL_FLAGS) == set(models.MODELS)
    assert set(methods.METHODS) > taken_flags.SUPERVISED_METHODS
    alone = {name for name, method in methods.METHODS.items() if not method.combinable}
    assert alone == taken_flags.UNCOMBINABLE_METHODS


@pytest.mark.parametrize("model", models.MODELS)
def test_models_take_what_their_flags_are_called(model):
    parameters = inspect.signature(models.get(model)).parameters
    if "kwargs" in parameters:  # A form of another model, whose arguments it takes.
        base = max((name for name in models.MODELS if model.startswith(name + "_")), key=len)
        parameters = inspect.signature(models.get(base)).parameters
    assert set(taken_flags.MODEL_FLAGS[model].values()) <= set(parameters)


@pytest.mark.parametrize(
    ("module", "taken"),
    [
        (
            method_flags,
            {*sum(taken_flags.METHOD_FLAGS.values(), ())}
            | {*sum(taken_flags.MASK_FLAGS.values(), ()), *taken_flags.COMMON_FLAGS},
        ),
        (model_flags, {flag for flags in taken_flags.MODEL_FLAGS.values() for flag in flags}),
    ],
)
def test_every_flag_is_taken_by_somebody(module, taken):
    assert set(experiment_lib.names_of(module)) - {"method", "model"} == taken


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
