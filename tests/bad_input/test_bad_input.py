"""Every mistake that a user makes is told in one line that names the field, the value, what is expected and what to do;
the exit code is 2 and nothing is written."""

import re
import sys

import pytest

from rfpo.cli import main
from tests.bad_input.files import everything
from tests.training.build import files

# {here} is the folder of the inputs; … is what a library said, which differs between its versions
RFPO = "train rfpo --model model --tasks data.jsonl --max-tokens 8 --out out"


def tasks(source: str) -> str:
    return RFPO.replace("data.jsonl", source)


def model(path: str) -> str:
    return RFPO.replace("--model model", f"--model {path}")


TABLE = {
    # names
    "unknown recipe": (
        RFPO.replace("rfpo", "rffpo"),
        "there is no recipe named 'rffpo'; did you mean 'rfpo'?"),
    "unknown piece": (
        f"{RFPO} --set objective.surrogate=clop",
        "objective.surrogate: there is no surrogate named 'clop'; did you mean 'clip'? A piece of your own is named "
        "module:Class."),
    "unknown field": (
        f"{RFPO} --set objective.surrogate.hihg=0.3",
        "objective.surrogate.hihg is unknown: objective.surrogate has no field 'hihg'; did you mean 'high'?"),
    "unknown field of the run": (
        f"{RFPO} --set grop_size=4",
        "grop_size is unknown: a run has no field 'grop_size'; did you mean 'group_size'?"),
    "unknown task": (
        tasks("column_adition"),
        "there is no task 'column_adition'; did you mean 'column_addition'? Data of your own is a path that ends in .jsonl "
        "or .parquet, or hub:owner/name."),
    "task without its data set": (
        tasks("reasoning_gym"),
        "the task 'reasoning_gym' needs a data set. Write reasoning_gym:spell_backward."),
    "unknown logger": (
        f'{RFPO} --set loggers=["wandbb"]',
        "loggers names 'wandbb', which is unknown; did you mean 'wandb'?"),
    "recipe that is no function": (
        RFPO.replace("rfpo", "own:number"),
        "recipe 'own:number' is 3; it must be a function without arguments that returns a Run."),
    "recipe with arguments": (
        RFPO.replace("rfpo", "own:verify"),
        "recipe 'own:verify' failed: TypeError: verify() missing 3 required positional arguments: 'completion', 'answer', "
        "and 'row'. A recipe is a function without arguments that returns a Run."),
    "module that raises on import": (
        RFPO.replace("rfpo", "raising:recipe"),
        "'raising:recipe' cannot be imported: RuntimeError: no key. Mend raising."),
    "module that is not there": (
        RFPO.replace("rfpo", "absent:recipe"),
        "'absent:recipe' cannot be imported: ModuleNotFoundError: No module named 'absent'. Put the module's folder on "
        "PYTHONPATH or run from it."),
    # values
    "text for a number": (
        f"{RFPO} --set group_size=many",
        'group_size is "many"; it must be a whole number. Try 1.'),
    "fraction for a whole number": (
        f"{RFPO} --set group_size=2.5",
        "group_size is 2.5; it must be a whole number. Try 2."),
    "number for a truth value": (
        f"{RFPO} --set mask_truncated=1",
        "mask_truncated is 1; it must be true or false. Try true."),
    "no prompts a step": (
        f"{RFPO} --set prompts_per_step=0",
        "prompts_per_step is 0; it must be a whole number of at least 1. Try 8."),
    "negative seed": (
        f"{RFPO} --seed -1",
        "seed is -1; it must be a whole number of at least 0 and below 2**63. Try 0."),
    "seed that is a text": (
        f"{RFPO} --seed x",
        "argument --seed: invalid int value: 'x'; see rfpo train --help"),
    "no steps": (
        f"{RFPO} --steps 0",
        "steps is 0; it must be a whole number of at least 1. Try 8."),
    "negative budget": (
        f"{RFPO} --tokens -5",
        "token_budget is -5; it must be positive, or left out. Try 100000."),
    "no room for an answer": (
        f"{RFPO} --max-tokens 0",
        "sampling.max_tokens is 0; it must be at least 1."),
    "greedy groups": (
        f"{RFPO} --set sampling.temperature=0",
        "sampling.temperature is 0; a group of greedy completions is one completion, from which nothing can be learned. Set "
        "it to 1.0."),
    "negative temperature": (
        f"{RFPO} --set sampling.temperature=-1",
        "sampling.temperature is -1.0; it must be between 0 (greedy) and 100. Try 1.0."),
    "no checkpoint ever": (
        f"{RFPO} --set checkpoint_every=0",
        "checkpoint_every is 0; it must be a whole number of at least 1. Try 8."),
    "no rollouts ever": (
        f"{RFPO} --set rollouts_every=0",
        "rollouts_every is 0; it must be a whole number of at least 1. Try 8."),
    "negative evaluation": (
        f"{RFPO} --set evaluation.every=-1",
        "evaluation.every is -1; it must be a whole number of at least 0. Try 0."),
    "k above the samples": (
        f"{RFPO} --set evaluation.ks=[8]",
        "evaluation.ks is (8,); it must be between 1 and evaluation.samples. Try (1,)."),
    "learning rate": (
        f"{RFPO} --set optimizer.learning_rate=-1e-5",
        "optimizer.learning_rate is -1e-05; it must be above 0 and below 1. Try 1e-06."),
    "betas": (
        f"{RFPO} --set optimizer.betas=[1.5,0.9]",
        "optimizer.betas is (1.5, 0.9); it must be two numbers, each at least 0 and below 1. Try (0.9, 0.999)."),
    "weight decay": (
        f"{RFPO} --set optimizer.weight_decay=-1",
        "optimizer.weight_decay is -1.0; it must be 0 or more. Try 0.01."),
    "decay": (
        f"{RFPO} --set optimizer.decay=cosin",
        "optimizer.decay is 'cosin'; it must be one of constant, linear, cosine; did you mean 'cosine'?"),
    "clip bound": (
        f"{RFPO} --set objective.surrogate.high=-1",
        "objective.surrogate.high is -1.0; it must be at least 0. Try 0.2."),
    "no tries": (
        f"{RFPO} --set fixing.operator.tries=0",
        "fixing.operator.tries is 0; it must be a whole number of at least 1. Try 4."),
    # combinations that cannot work
    "group of one": (
        f"{RFPO} --set group_size=1",
        "group_size is 1; the answers to a prompt are compared with each other, so there must be at least 2. Set "
        "group_size=8."),
    "a schedule that ends where its piece refuses": (
        f"{RFPO} --set objective.weights.0.cap={{kind='linear',start=2.0,end=0.5}}",
        "OffPolicyRatio.cap is 0.5; it must be above 1, or left out. Try 2.0."),
    "the same weight twice": (
        f"{RFPO} --set objective.weights=[{{kind='off_policy_ratio'}},{{kind='off_policy_ratio',snapshot='update'}}]",
        "objective.weights holds 'off_policy_ratio' twice, so that it would be multiplied in twice. Keep one of them."),
    "weight twice": (
        f"{RFPO} --set objective.surrogate=clip_times_weight",
        "objective.surrogate is 'clip_times_weight', which multiplies 'off_policy_ratio' in, and objective.weights holds it "
        "again. Set objective.weights=[]."),
    "stale on-policy ratio": (
        f"{RFPO.replace('rfpo', 'reinforce')} --set epochs=2",
        "epochs is 2 and objective.ratio is 'on_policy', which is 1 whatever an earlier update has changed. Set "
        "objective.ratio=token or epochs=1."),
    "more updates than prompts": (
        f"{RFPO} --set updates_per_step=32",
        "updates_per_step is 32 and prompts_per_step is 16: an update would get no group. Set updates_per_step to at most 16."),
    "overlong out of reach": (
        RFPO.replace("rfpo", "rfpo_dapo") + " --set rewards.1.limit=64",
        "rewards.1 punishes answers from 52 to 64 tokens and sampling.max_tokens, which is 8, is not among them. Set "
        "rewards.1.limit=8, or leave limit and buffer out."),
    "task given twice": (
        tasks("data.jsonl data.jsonl"),
        "tasks.1 is named 'data.jsonl', as is tasks.0; a prompt must know which of them judges it. Give one of them another "
        "label, or drop it."),
    # models
    "no such model directory": (
        model("./nowhere"),
        "model.path is './nowhere'; there is no such directory. Give a directory saved by save_pretrained, or a Hub name "
        "such as Qwen/Qwen3-0.6B."),
    "no config.json": (
        model("no_config"),
        "model.path is '{here}/no_config'; it has no config.json, so it is not a model directory. Give one saved by "
        "save_pretrained."),
    "config.json that is not JSON": (
        model("bad_config"),
        "model.path is '{here}/bad_config'; its config.json is not JSON. Save the model again."),
    "no weights": (
        model("no_weights"),
        "model.path is '{here}/no_weights'; it has no .safetensors weights. Save the model with save_pretrained."),
    "broken weights": (
        model("broken"),
        "{here}/broken/model.safetensors is broken or cut short (…). Copy or download it again."),
    "weights cut short": (
        model("cut"),
        "{here}/cut/model.safetensors is broken or cut short (…). Copy or download it again."),
    "no tokenizer": (
        model("no_tokenizer"),
        "model.path is '{here}/no_tokenizer'; it has no tokenizer. Save the model's tokenizer beside it with "
        "tokenizer.save_pretrained."),
    "context filled by the answer": (
        f"{model('short')} --max-tokens 64",
        "sampling.max_tokens is 64 and the model's context is 16 tokens, prompt included. Set it to at most 12."),
    # data
    "no such file": (
        tasks("dat.jsonl"),
        "the data file {here}/dat.jsonl does not exist; did you mean 'data.jsonl'?"),
    "another kind of file": (
        tasks("data.csv"),
        "there is no task 'data.csv'; known are: …. Data of your own is a "
        "path that ends in .jsonl or .parquet, or hub:owner/name."),
    "broken line": (
        tasks("line.jsonl"),
        "{here}/line.jsonl, line 3 is not JSON: Expecting value at column 30. Mend or remove the line."),
    "line that is no object": (
        tasks("list.jsonl"),
        '{here}/list.jsonl, line 3 is not a JSON object but [1, 2]; write {{"prompt": ...}}.'),
    "line without an answer": (
        tasks("no_answer.jsonl"),
        "{here}/no_answer.jsonl, line 3: the answer in the column 'answer' is empty. Fill it in or remove the line."),
    "line without a prompt": (
        tasks("no_prompt.jsonl"),
        "{here}/no_prompt.jsonl, line 3: the column 'prompt' is ' '; write a text that is not empty, or a list of "
        '{{"role": ..., "content": ...}}.'),
    "missing column": (
        tasks("column.jsonl"),
        "{here}/column.jsonl, line 3: there is no column 'answer'; did you mean 'anser'?"),
    "unreadable gold": (
        tasks("gold.jsonl"),
        "{here}/gold.jsonl, line 3: math-verify cannot read the answer 'no idea at all'. Write it as mathematics, or set the "
        "verifier to 'exact'."),
    "empty file": (
        tasks("empty.jsonl"),
        "{here}/empty.jsonl is empty; give at least two rows with the columns 'prompt' and 'answer'."),
    "a single row": (
        tasks("one.jsonl"),
        "{here}/one.jsonl has 1 prompts and none is left to train on beside the 1 of evaluation. Give more rows or a smaller "
        "evaluation_share."),
    "prompt too long": (
        tasks("long.jsonl"),
        "prompt 'long.jsonl:9' is 202 tokens long and the model's context is 128: there is no room for an answer. Shorten it "
        "or leave it out."),
    "unknown verifier": (
        f"{RFPO} --set tasks.0.verifier=maths",
        "tasks.0.verifier is 'maths'; it must be one of math, exact, module:function; did you mean 'math'?"),
    "unknown verifier function": (
        f"{RFPO} --set tasks.0.verifier=own:verfy",
        "own has no 'verfy'; did you mean 'verify'?"),
    "verifier that is no function": (
        f"{RFPO} --set tasks.0.verifier=own:number",
        "Data.verifier is 'own:number', which is no function; name one: def verify(completion, answer, row)."),
    "verifier whose module raises": (
        f"{RFPO} --set tasks.0.verifier=raising:verify",
        "'raising:verify' cannot be imported: RuntimeError: no key. Mend raising."),
    # templates
    "no such templates": (
        f"{RFPO} --templates nowhere",
        "fixing.operator.templates is 'nowhere'; it must be a set's name or a folder; known are: prose, student."),
    "templates without a file": (
        f"{RFPO} --templates without",
        "fixing.operator.templates 'without' has no fix_located.txt; fix_located reads its prompt from it. Add the file to "
        "without."),
    "template without a field": (
        f"{RFPO} --templates lacking",
        "fixing.operator: lacking/fix_located.txt does not name ${{attempt}}, which fix_located needs; put it into the text."),
    "template with another field": (
        f"{RFPO} --templates unknown",
        "fixing.operator: unknown/fix_located.txt names ${{reward}}, which fix_located does not fill in; known are: answer, "
        "attempt, place, question, step."),
    # directories
    "a directory that holds a run": (
        RFPO.replace("--out out", "--out used"),
        "--out 'used' holds another run; resume it with `rfpo train --resume used` or choose another --out."),
    "a directory that holds files": (
        RFPO.replace("--out out", "--out files"),
        "--out 'files' holds other files; choose another --out."),
    "a file for a directory": (
        RFPO.replace("--out out", "--out data.jsonl"),
        "--out 'data.jsonl' is a file; choose another --out."),
    "a directory below a file": (
        RFPO.replace("--out out", "--out data.jsonl/out"),
        "the run directory 'data.jsonl/out' cannot be made: Not a directory. Choose another --out."),
    "no run to resume": (
        "train --resume files",
        "'files' is no run: it has no run.toml. Give the directory that `rfpo train` wrote."),
    "a run file that is torn": (
        "train --resume torn",
        "torn/run.toml is not valid TOML: …. Mend that line."),
    "a run file that lacks a field": (
        "train --resume used",
        "used/run.toml: objective is missing; give it a value."),
    # other commands
    "eval: k above the samples": (
        "eval model --tasks data.jsonl --ks 8 --samples 4",
        "--ks holds 8; it must be between 1 and --samples, which is 4. Try --samples 8."),
    "eval: out is a folder": (
        "eval model --tasks data.jsonl --out model",
        "--out is model, which is a folder; it must be a file. Try model/scores.json."),
    "eval: negative seed": (
        "eval model --tasks data.jsonl --seed -1",
        "--seed is -1; it must be at least 0. Try 0."),
    "eval: broken model": (
        "eval no_weights --tasks data.jsonl",
        "model.path is 'no_weights'; it has no .safetensors weights. Save the model with save_pretrained."),
    "check: no tokenizer": (
        "check rfpo --model no_tokenizer --tasks data.jsonl",
        "model.path is 'no_tokenizer'; it has no tokenizer. Save the model's tokenizer beside it with "
        "tokenizer.save_pretrained."),
    "report: no run": (
        "report files",
        "'files' is no run: it has no run.toml. Give the directory that `rfpo train` wrote."),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The broken inputs, and the current folder while these tests run."""
    path = tmp_path_factory.mktemp("bad_input")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(path)
        patched.syspath_prepend(str(path))
        everything()
        yield path
        for module in ("own", "raising"):
            sys.modules.pop(module, None)


@pytest.fixture(scope="module")
def untouched(folder):
    return files(folder)


@pytest.mark.parametrize("mistake", TABLE)
def test_one_line_and_nothing_is_written(mistake, folder, untouched, capsys):
    command, line = TABLE[mistake]
    capsys.readouterr()
    code = main(command.split())
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert re.fullmatch(re.escape(f"rfpo: {line.format(here=folder)}\n").replace("…", "[^\n]+"), err), err
    assert {name: text for name, text in files(folder).items() if "__pycache__" not in name} == untouched
    assert not (folder / "out").exists()
