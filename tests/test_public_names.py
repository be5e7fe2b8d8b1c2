"""What `from rfpo import ...` gives."""

import subprocess
import sys
from importlib import import_module

import pytest

import rfpo


@pytest.mark.parametrize("name", rfpo.__all__)
def test_every_public_name_is_the_one_of_its_home(name):
    assert getattr(rfpo, name) is getattr(import_module(rfpo._HOME[name]), name)


def test_an_unknown_name_is_refused_with_what_there_is():
    with pytest.raises(AttributeError, match="rfpo has no 'trian'; it has .*train"):
        rfpo.trian  # noqa: B018


def test_importing_the_package_loads_nothing_of_weight():
    code = "import rfpo, sys; print([m for m in ('torch', 'transformers', 'numpy', 'rich') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
