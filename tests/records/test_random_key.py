import pytest

from rfpo.records import RandomKey

KEY = RandomKey(seed=1, step=2, prompt="p", visit=3, purpose="x", attempt=4, sample=5)


def test_the_number_is_the_same_on_every_machine():
    """Pinned: another value here means that no old run can be reproduced."""
    assert RandomKey().number() == 185253244471524759257950472388869251794
    assert KEY.number() == 262962102250292944401712942007994638029


@pytest.mark.parametrize("change", [{"seed": 0}, {"step": 3}, {"prompt": "q"}, {"visit": 4}, {"purpose": "y"}, {"attempt": 5},
                                    {"sample": 6}])
def test_every_field_counts(change):
    assert RandomKey(**{**KEY.__dict__, **change}).number() != KEY.number()


def test_neighbouring_fields_do_not_run_together():
    assert RandomKey(seed=1, step=23).number() != RandomKey(seed=12, step=3).number()
    assert RandomKey(prompt="a', 0, 'b").number() != RandomKey(prompt="a", purpose="b").number()


def test_distinct_keys_give_distinct_numbers():
    numbers = {RandomKey(seed=s, step=t, prompt=p, sample=j).number() for s in range(3) for t in range(5)
               for p in ("", "a", "b") for j in range(8)}
    assert len(numbers) == 3 * 5 * 3 * 8 and max(numbers) < 2 ** 128


def test_for_sample_changes_the_sample_alone():
    assert KEY.for_sample(9) == RandomKey(seed=1, step=2, prompt="p", visit=3, purpose="x", attempt=4, sample=9)
