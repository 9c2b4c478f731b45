from flags import model as model_flags
from trainers.settings import experiment as experiment_lib
from xadv_tf import initializers


def test_initializers_are_the_librarys():
    flag = experiment_lib.parse([])["kernel_initializer"]
    assert set(flag.parser.enum_values) == set(initializers.INITIALIZERS)


def test_what_is_not_given_is_left_to_the_model():
    values = experiment_lib.parse([])
    names = set(experiment_lib.names_of(model_flags)) - {"model"}
    assert {name for name in names if values[name].value is not None} == set()
