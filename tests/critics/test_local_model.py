"""Another local model as the critic."""

import subprocess
import sys
from dataclasses import replace

import pytest

from rfpo.config.load import from_plain
from rfpo.config.save import to_plain
from rfpo.critics import Critic
from rfpo.critics import local_model as module
from rfpo.critics.local_model import LocalModel
from rfpo.engines.settings import Lora, Model
from rfpo.errors import UserError
from rfpo.recipes import recipe
from rfpo.records import Message, Opening, Prompt, RandomKey, Request, Sampling
from tests.engines.build import engine_of
from tests.tiny_models import save_tiny_model


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("critic"))


@pytest.fixture
def critic(directory):
    return LocalModel(model=Model(path=str(directory), device="cpu"), max_tokens=7)


def ask(text, n=1, **rest):
    return Request(Prompt("p", "Q", task="t"), text, RandomKey(prompt="p", attempt=2), n=n,
                   sampling=Sampling(temperature=0.3, max_tokens=3, stop=("1",)), to="critic", **rest)


def test_texts_are_those_of_the_models_own_engine_under_the_requests_keys(critic, directory):
    assert isinstance(critic, Critic)
    own = [replace(ask(text, n), sampling=Sampling(1.0, 7)) for text, n in (("12+34=", 2), ("7", 1))]
    expected = [tuple(c.text for c in drawn) for drawn in engine_of(directory).sample(own)]
    assert critic.answer([ask("12+34=", 2), ask("7")]) == expected
    assert [len(texts) for texts in expected] == [2, 1] and expected[0][0] != expected[0][1]


def test_a_resumed_run_gets_the_same_texts(critic):
    first = critic.answer([ask("12+34=", 2)])
    module._engine.cache_clear()
    assert critic.answer([ask("7"), ask("12+34=", 2)])[1] == first[0]


def test_equal_configurations_share_one_model(critic):
    critic.check()
    before = module._engine.cache_info().misses
    replace(critic, temperature=0.0, max_tokens=2).answer([ask("7")])
    assert module._engine.cache_info().misses == before
    assert not any(p.requires_grad for p in module._engine(critic.model, critic.at_once).network.parameters())


def test_its_own_temperature_and_length_count(critic):
    greedy = replace(critic, temperature=0.0, max_tokens=3).answer([ask("12+34=", n=2)])[0]
    assert greedy[0] == greedy[1] and len(greedy[0]) <= 3


def test_without_room_there_is_no_answer(critic):
    long = ask("1" * 500)
    texts = critic.answer([ask("7"), long, ask("8")])
    assert texts[1] == () and texts[::2] == critic.answer([ask("7"), ask("8")]) and critic.answer([long]) == [()]


def test_messages_need_a_chat_template_and_plain_text_may_become_one(critic):
    with pytest.raises(UserError, match="chat template"):
        critic.answer([ask((Message("user", "7"),))])
    with pytest.raises(UserError, match="chat template"):
        replace(critic, as_chat=True).answer([ask("7")])


@pytest.mark.parametrize("rest", [{"prefix": (1,)}, {"opening": Opening(text="First")}])
def test_a_beginning_cannot_be_given(critic, rest):
    with pytest.raises(ValueError, match="whole texts"):
        critic.answer([ask("7", **rest)])


def test_a_model_that_is_not_there_is_refused_by_check(tmp_path):
    absent = LocalModel(model=Model(path=str(tmp_path / "no/model/here"), device="cpu"))  # an old run file loads all the same
    with pytest.raises(UserError, match="no such directory"):
        absent.check()


@pytest.mark.parametrize("make, says", [
    (lambda: LocalModel(model=Model()), "has no path"),
    (lambda: LocalModel(model=Model(path="x", lora=Lora())), "has adapters"),
    (lambda: LocalModel(model=Model(path="x"), temperature=-1), "temperature"),
    (lambda: LocalModel(model=Model(path="x"), max_tokens=0), "max_tokens"),
    (lambda: LocalModel(model=Model(path="x"), at_once=0), "at_once"),
])
def test_bad_fields_are_refused(make, says):
    with pytest.raises(UserError, match=says):
        make()


def test_a_run_file_holds_it():
    run = recipe("rfpo")
    run = replace(run, fixing=replace(run.fixing, critic=LocalModel(model=Model(path="somewhere"))))
    assert from_plain(to_plain(run)) == run


def test_naming_one_brings_in_no_torch():
    code = ("import sys; from rfpo.critics.local_model import LocalModel; from rfpo.engines.settings import Model; "
            "from rfpo.critics.endpoint import Endpoint; LocalModel(model=Model(path='x')); print('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
