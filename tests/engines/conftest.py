"""One saved model of each architecture for the whole session."""

import pytest

from tests.engines.build import engine_of
from tests.tiny_models import save_tiny_model


@pytest.fixture(scope="session")
def directories(tmp_path_factory):
    return {name: save_tiny_model(tmp_path_factory.mktemp(name), name) for name in ("qwen3", "llama")}


@pytest.fixture(params=["qwen3", "llama"])
def directory(request, directories):
    return directories[request.param]


@pytest.fixture
def engine(directory):
    return engine_of(directory)


@pytest.fixture
def qwen3(directories):
    return engine_of(directories["qwen3"])
