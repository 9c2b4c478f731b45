import numpy as np
import pytest

from xadv_tf.data.splits import split

# Three classes of 40, 30 and 20 examples, sorted by class as some files are.
LABELS = np.repeat([0, 1, 2], [40, 30, 20])


def _split(**changes):
    arguments = {"num_classes": 3, "num_labeled": 9, "num_validation": 12, "seed": 1} | changes
    return split(LABELS, **arguments)


def test_the_pool_holds_all_but_the_validation_examples():
    parts = _split()
    assert len(parts.validation) == 12 and len(parts.pool) == 78
    np.testing.assert_array_equal(np.union1d(parts.pool, parts.validation), np.arange(90))
    assert all(array.dtype == np.int32 for array in vars(parts).values())


def test_the_labeled_examples_are_balanced_and_in_the_pool():
    parts = _split()
    np.testing.assert_array_equal(np.bincount(LABELS[parts.labeled]), [3, 3, 3])
    np.testing.assert_array_equal(parts.pool[parts.labeled_in_pool], parts.labeled)


@pytest.mark.parametrize("num_labeled", [None, 0])
def test_no_number_of_labels_means_all_of_the_pool(num_labeled):
    parts = _split(num_labeled=num_labeled)
    np.testing.assert_array_equal(parts.labeled, parts.pool)
    np.testing.assert_array_equal(parts.labeled_in_pool, np.arange(78))


@pytest.mark.parametrize("num_labeled", [9, 0])
def test_examples_of_no_class_are_of_the_pool_alone(num_labeled):
    labels = np.where(np.arange(90) % 3 == 0, -1, LABELS)
    arguments = {"num_classes": 3, "num_validation": 12, "seed": 1}
    parts = split(labels, num_labeled=num_labeled, **arguments)
    assert np.all(labels[parts.validation] >= 0) and len(parts.validation) == 12
    assert len(parts.pool) == 78 and np.sum(labels[parts.pool] < 0) == 30
    # All 60 that have one but the 12, or 3 of each class.
    np.testing.assert_array_equal(parts.pool[parts.labeled_in_pool], parts.labeled)
    assert len(parts.labeled) == (num_labeled or 48) and np.all(labels[parts.labeled] >= 0)
    with pytest.raises(ValueError, match=r"\[0, 60\), .* without what has no class"):
        split(labels, num_labeled=9, **arguments | {"num_validation": 60})
    with pytest.raises(ValueError, match=r"\[0, 48\], the images of the pool with a class"):
        split(labels, num_labeled=51, **arguments)


def test_unbalanced_takes_any_number():
    parts = _split(num_labeled=20, balanced=False)
    assert len(np.unique(parts.labeled)) == 20


def test_the_seed_decides():
    for name, array in vars(_split()).items():
        np.testing.assert_array_equal(array, getattr(_split(), name))
    other = _split(seed=2)
    assert not np.array_equal(other.labeled, _split().labeled)
    assert not np.array_equal(other.validation, _split().validation)


def test_the_examples_drawn_never_change():
    # Recorded from the first run of this code: results name a seed, so a seed must stay what it is.
    np.testing.assert_array_equal(_split().labeled, [5, 15, 21, 41, 59, 69, 79, 83, 88])
    validation = [2, 9, 16, 31, 36, 39, 48, 55, 61, 70, 75, 85]
    np.testing.assert_array_equal(_split().validation, validation)


def test_validation_does_not_depend_on_the_labels_drawn_and_labeled_sets_are_nested():
    few, many = _split(num_labeled=6), _split(num_labeled=30)
    np.testing.assert_array_equal(few.validation, many.validation)
    assert set(few.labeled) < set(many.labeled)


def test_every_example_is_drawn_equally_often():
    # 2,000 seeds; each of 40 examples of class 0 is labeled with probability 3/40, validation
    # aside: 150 +- 11.8 times. Five standard deviations leave a false alarm below 1e-4.
    counts = np.zeros(90)
    for seed in range(2000):
        counts[_split(num_validation=0, seed=seed).labeled] += 1
    for label, size in enumerate([40, 30, 20]):
        rate = 3 / size
        deviation = np.abs(counts[LABELS == label] - 2000 * rate)
        assert deviation.max() < 5 * np.sqrt(2000 * rate * (1 - rate))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"num_labeled": 10},
            r"a multiple of num_classes=3 unless balanced=False\. Received: num_labeled=10",
        ),
        (
            {"num_labeled": 81},
            r"\[0, 78\], the images of the pool with a class\. Received: num_labeled=81",
        ),
        ({"num_labeled": -3}, r"the images of the pool with a class\. Received: num_labeled=-3"),
        ({"num_labeled": 66}, r"needs 22 examples of every class, and class 2 .* Received: 1?\d"),
        ({"num_validation": 90}, r"\[0, 90\), .* Received: num_validation=90"),
        ({"num_validation": -1}, r"Received: num_validation=-1"),
        ({"num_classes": 2}, r"in \[0, 2\), or be -1 for none\. Received: labels from 0 to 2"),
    ],
)
def test_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        _split(**changes)


def test_every_class_must_be_labeled():
    message = "class 2 has none. Received: 10 labeled examples of 2 of 3 classes"
    with pytest.raises(ValueError, match=message):
        _split(num_labeled=10, balanced=False)
    with pytest.raises(ValueError, match="class 3 has none. Received: 78 labeled examples of 3 of"):
        _split(num_classes=4, num_labeled=0)


def test_errors_name_the_class():
    names = {"class_names": ("ant", "bee", "cat")}
    with pytest.raises(ValueError, match="class cat has none"):
        _split(num_labeled=10, balanced=False, **names)
    with pytest.raises(ValueError, match="class cat has fewer in the pool. Received: 1?[0-9]"):
        _split(num_labeled=66, **names)
    np.testing.assert_array_equal(_split(**names).labeled, _split().labeled)


def test_labels_must_be_integers():
    with pytest.raises(ValueError, match="vector of integers. Received: shape .2, 2., dtype int"):
        split(np.zeros((2, 2), int), num_classes=1, num_labeled=1, num_validation=0, seed=1)


def test_labels_of_the_pool_are_hidden_where_there_are_none():
    labels = np.arange(40) % 4
    parts = split(labels, num_classes=4, num_labeled=8, num_validation=5, seed=1)
    known = parts.pool_labels(labels)
    assert known.dtype == np.int32 and np.sum(known >= 0) == 8
    np.testing.assert_array_equal(known[parts.labeled_in_pool], labels[parts.labeled])
