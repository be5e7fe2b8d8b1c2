import json
import shutil
import sys

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rfpo.engines.local import LocalEngine, loading
from rfpo.engines.settings import Lora, Model, Optimizer
from rfpo.errors import UserError
from tests.engines.build import engine_of, ragged_requests, same, stream, weights
from tests.tiny_models import save_tiny_model


def copy_of(directory, tmp_path):
    return shutil.copytree(directory, tmp_path / "copy")


def cut_short(folder):
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def pickled(folder):
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def without_tokenizer(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


DAMAGE = {
    "has no config.json": lambda folder: (folder / "config.json").unlink(),
    "its config.json is not JSON": lambda folder: (folder / "config.json").write_text("{"),
    "is broken or cut short": cut_short,
    "no .safetensors weights (a .bin file is a pickle": pickled,
    "has no tokenizer": without_tokenizer,
    "cannot be loaded": lambda folder: (folder / "config.json").write_text(json.dumps({"model_type": "none such"})),
}


@pytest.mark.parametrize("message", DAMAGE)
def test_a_damaged_directory_is_one_line_that_names_it(directories, tmp_path, message):
    folder = copy_of(directories["qwen3"], tmp_path)
    DAMAGE[message](folder)
    with pytest.raises(UserError) as caught:
        engine_of(folder)
    assert message in str(caught.value) and str(folder) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["/no/such/directory", "./none", "../none/x", "a/b/c"])
def test_a_missing_directory_is_not_looked_for_on_the_hub(path, monkeypatch):
    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", lambda *a, **k: pytest.fail("asked the Hub"))
    with pytest.raises(UserError, match="there is no such directory"):
        engine_of(path)


def test_no_path_at_all():
    with pytest.raises(UserError, match="model.path is ''; it must be a directory"):
        engine_of("")


def test_a_name_that_the_hub_does_not_give_is_one_line(monkeypatch):
    def unreachable(*arguments, **options):
        raise ConnectionError("Name or service not known\nsecond line")

    monkeypatch.setattr(loading.HfApi, "model_info", unreachable)
    with pytest.raises(UserError, match="the Hub does not give it .Name or service not known.") as caught:
        engine_of("nobody/no-such-model")
    assert "\n" not in str(caught.value)


def test_pickles_and_remote_code_stay_out(directories, monkeypatch):
    seen, plain = {}, loading.AutoModelForCausalLM.from_pretrained
    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained",
                        lambda *a, **options: (seen.update(options), plain(*a, **options))[1])
    engine_of(directories["qwen3"])
    assert seen["use_safetensors"] is True and seen["trust_remote_code"] is False


def test_a_gpu_that_is_not_there(directories, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="model.device is 'cuda'; torch sees no GPU here"):
        LocalEngine.load(Model(path=str(directories["qwen3"]), device="cuda"), Optimizer())


def test_lora_on_modules_that_do_not_exist(directories):
    with pytest.raises(UserError, match="model.lora.modules is 'nothing'"):
        engine_of(directories["qwen3"], lora=Lora(modules="nothing"))


def test_lora_without_peft(directories, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UserError, match=r"peft is not installed; run: pip install 'rfpo\[lora\]'"):
        engine_of(directories["qwen3"], lora=Lora())


def test_a_tokenizer_without_padding_pads_with_its_end_of_sequence(directories, tmp_path):
    folder = copy_of(directories["qwen3"], tmp_path)
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({k: v for k, v in json.loads(file.read_text()).items() if k != "pad_token"}))
    assert engine_of(folder).text.pad == 1


def test_every_end_of_sequence_of_the_generation_configuration_counts(directories, tmp_path):
    folder = copy_of(directories["qwen3"], tmp_path)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [5, 6]}))
    assert engine_of(folder).text.eos == {1, 5, 6}


def test_dropout_of_the_checkpoint_is_off_while_learning(tmp_path):
    engine = engine_of(save_tiny_model(tmp_path, attention_dropout=0.5))
    engine.network.train()
    tokens = torch.tensor([[3, 4, 5, 6]])
    assert torch.equal(engine.network(tokens).logits, engine.network(tokens).logits)


@pytest.mark.parametrize("attention, expected", [("auto", "rfpo"), ("eager", "eager"), ("sdpa", "sdpa")])
def test_attention_on_a_cpu(directories, attention, expected):
    assert engine_of(directories["qwen3"], attention=attention).network.config._attn_implementation == expected


def test_a_bf16_checkpoint_gets_fp32_masters_and_is_saved_as_bf16(tmp_path):
    engine = engine_of(save_tiny_model(tmp_path / "model", dtype=torch.bfloat16))
    assert {weight.dtype for weight in engine.network.parameters()} == {torch.float32}
    engine.update([stream()], 1e-5)
    masters = weights(engine)
    engine.save_model(tmp_path / "saved")
    assert same(weights(engine), masters)
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert saved.dtype == torch.bfloat16
    assert same({name: weight.bfloat16() for name, weight in masters.items()}, dict(saved.named_parameters()))


def test_a_saved_model_loads_with_from_pretrained(engine, tmp_path):
    engine.update([stream()], 1e-2)
    engine.save_model(tmp_path / "saved")
    files = {file.name for file in (tmp_path / "saved").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= files
    assert {file.rsplit(".")[-1] for file in files} <= {"json", "safetensors", "jinja"}
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert saved.dtype == torch.float32 and same(dict(saved.named_parameters()), weights(engine))
    assert AutoTokenizer.from_pretrained(tmp_path / "saved")("12+3")["input_ids"] == list(engine.encode("12+3"))


def test_adapters_are_merged_into_the_saved_model(directory, tmp_path):
    engine = engine_of(directory, lora=Lora(rank=4))
    engine.update([stream()], 1e-1)
    trained = weights(engine)
    engine.save_model(tmp_path / "saved")
    assert same(weights(engine), trained)
    tokens = torch.tensor([[3, 4, 5, 6]])
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "saved").eval()
    assert type(saved) is type(engine.network.get_base_model())
    with torch.no_grad(), engine.network.disable_adapter():
        assert not torch.allclose(saved(tokens).logits, engine.network(tokens).logits, atol=1e-2)
    with torch.no_grad():
        torch.testing.assert_close(saved(tokens).logits, engine.network(tokens).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"lora": Lora(rank=4, dropout=0.5)}], ids=["full", "lora"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_after_a_resume_the_next_updates_are_bit_for_bit_those_of_the_uninterrupted_engine(tmp_path, options, dtype):
    folder = save_tiny_model(tmp_path / "model", dtype=dtype)
    engine = engine_of(folder, **options)
    for _ in range(2):
        engine.update([stream()], 1e-3)
    engine.budget.tokens = 24
    engine.save_state(tmp_path / "state")
    resumed = engine_of(folder, **options)
    resumed.load_state(tmp_path / "state")
    for seed in range(2):
        torch.manual_seed(seed)  # whatever else drew from torch's generator: adapters' dropout must not depend on it
        report = engine.update([stream()], 1e-3)
        torch.manual_seed(99)
        assert report == resumed.update([stream()], 1e-3)
    assert same(weights(engine), weights(resumed)) and resumed.policy_version == 4 and resumed.budget.tokens == 24
    assert engine.sample(ragged_requests()) == resumed.sample(ragged_requests())


def test_a_state_before_the_first_update_resumes_too(qwen3, directories, tmp_path):
    qwen3.save_state(tmp_path)
    resumed = engine_of(directories["qwen3"])
    resumed.update([stream()], 1e-2)
    resumed.load_state(tmp_path)
    assert resumed.update([stream()], 1e-3) == qwen3.update([stream()], 1e-3) and same(weights(qwen3), weights(resumed))


def test_a_state_that_is_missing_broken_or_another_models(qwen3, directories, tmp_path):
    with pytest.raises(UserError, match="holds no whole learner state"):
        qwen3.load_state(tmp_path)
    engine_of(directories["llama"]).save_state(tmp_path)
    with pytest.raises(UserError, match="holds the state of another model"):
        qwen3.load_state(tmp_path)
    (tmp_path / "trainer.safetensors").write_bytes(b"1234")
    with pytest.raises(UserError, match="holds no whole learner state"):
        qwen3.load_state(tmp_path)


def test_the_state_holds_no_pickle(qwen3, tmp_path):
    qwen3.update([stream()], 1e-2)
    qwen3.save_state(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"trainer.safetensors", "trainer.json"}
    assert json.loads((tmp_path / "trainer.json").read_text())["policy_version"] == 1
