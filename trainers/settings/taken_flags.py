"""Which flags a choice of method, mask and model takes, by their declarations in flags/."""

from collections.abc import Mapping
from typing import Any

from flags.methods import COMMON, DEFAULT_FORM, FORMS, METHODS
from flags.models import MODELS
from trainers.errors import UsageError


def parts(method: str) -> list[str]:
    """The methods that --method names, as in xvat+entropy; most often one.

    Raises:
        UsageError: for an unknown method, or methods that do not combine.
    """
    names = method.split("+")
    alone = sorted(name for name, declared in METHODS.items() if not declared.combines)
    for name in names:
        if name not in METHODS:
            raise UsageError(
                f"--method must be one of {', '.join(METHODS)}, or several with + between. "
                f"Received: --method={method}"
            )
        if len(names) > 1 and (name in alone or names.count(name) > 1):
            raise UsageError(
                f"--method must combine different methods, none of them {' or '.join(alone)}. "
                f"Received: --method={method}"
            )
    return names


def of_method(method: str, mask: str | None) -> tuple[str, ...]:
    """The flags that a method or one of its parts takes, with those of its form of mask.

    Args:
        method: keys of `METHODS` with + between.
        mask: a key of `FORMS`; None is `DEFAULT_FORM`.

    Raises:
        UsageError: as `parts`.
    """
    declared = [METHODS[part] for part in parts(method)]
    names = (*dict.fromkeys(flag for each in declared for flag in each.takes), *COMMON)
    if any(each.trains_mask for each in declared):
        names += FORMS[mask or DEFAULT_FORM].takes
    return names


def of_model(model: str) -> tuple[str, ...]:
    """The flags that a model takes.

    Raises:
        UsageError: for an unknown model.
    """
    if model not in MODELS:
        raise UsageError(f"--model must be one of {', '.join(MODELS)}. Received: --model={model}")
    return tuple(MODELS[model])


def refuse_others(options: Mapping[str, Any], taken: tuple[str, ...], taker: str) -> None:
    """Raises UsageError for options that `taker`, e.g. "--method=vat", does not take.

    Args:
        options: values of flags by name.
        taken: what it takes.
        taker: the flags that chose it.
    """
    for name, value in options.items():
        if name not in taken:
            raise UsageError(
                f"{taker} does not take --{name}; it takes "
                f"{', '.join('--' + flag for flag in taken) or 'no flags of its own'}. "
                f"Received: --{name}={value}"
            )
