"""`rfpo check`: what a run would show the model, train and cost. Reads the tokenizer and the configuration, not the weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from rfpo import students
from rfpo.config.describe import extraction
from rfpo.config.refuse import refuse, refuse_lengths, refuse_prompts
from rfpo.config.run import Run
from rfpo.engines.local.loading import check_source, load_tokenizer, one_line, quiet
from rfpo.engines.local.text import Text
from rfpo.engines.settings import Model
from rfpo.pieces import kind_of
from rfpo.records import Attempt, Completion, Finish, Group, Location, Prompt, RandomKey, Request, Verdict
from rfpo.reporting.loggers import check_loggers
from rfpo.tasks import Task
from rfpo.verification.verifier import Verifier

OPEN, CLOSE = "⟦", "⟧"
GIB = 2**30


@dataclass(frozen=True)
class Reader:
    """How the model reads: a tokenizer, and the model's configuration."""

    text: Text
    config: object
    parameters: int

    @property
    def context_length(self) -> int:
        return getattr(self.config.get_text_config(), "max_position_embeddings", None) or 2**31

    def shown(self, tokens: Sequence[int]) -> str:
        """Tokens as text, special ones too."""
        return self.text.tokenizer.decode(list(tokens), skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def answer(self, text: str) -> tuple[int, ...]:
        """The tokens of a completion that ends with this text."""
        return (*self.text.tokenizer(text, add_special_tokens=False)["input_ids"], *sorted(self.text.eos)[:1])


def check(run: Run) -> None:
    """Print what the run would do, and train nothing. Raises UserError for a model whose files are missing or broken, a task
    without prompts, a prompt that is too long, a logger that is not installed, a combination that cannot work. Weights are
    not loaded, and a device or adapters that do not fit are found by the run itself.
    """
    refuse(run)
    check_loggers(run.loggers)
    prompts = [prompt for task in run.tasks for prompt in task.training_prompts()]
    refuse_prompts(run, prompts)
    reader = read_model(run.model)
    lengths = {prompt.id: len(reader.text.encode(prompt.content)) for prompt in prompts}
    refuse_lengths(run, reader.context_length, lengths)
    print("\n\n".join([
        *(prompt_part(reader, prompt) for prompt in prompts[:2]),
        *(task_part(run, reader, task) for task in run.tasks),
        size_part(run, reader, lengths, prompts[0]),
    ]))


def read_model(model: Model) -> Reader:
    """The tokenizer and an empty network, whose parameters are counted and take no memory."""
    model = replace(model, path=students.resolve(model.path))
    check_source(model)
    with one_line(model), quiet():
        config = AutoConfig.from_pretrained(model.path, revision=model.revision, trust_remote_code=model.trust_remote_code)
        with torch.device("meta"):
            network = AutoModelForCausalLM.from_config(config, trust_remote_code=model.trust_remote_code)
    network.tie_weights()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Reader(Text(load_tokenizer(model), network.generation_config), config, parameters)


def prompt_part(reader: Reader, prompt: Prompt) -> str:
    context = reader.text.encode(prompt.content)
    return f"PROMPT {prompt.id}, {len(context)} tokens, as the model sees it\n{reader.shown(context)}"


def task_part(run: Run, reader: Reader, task: Task) -> str:
    """One task: how an answer is taken out, a made-up wrong answer with its verdict, its correction prompt, what is trained."""
    training, evaluation = task.training_prompts(), task.evaluation_prompts()
    prompt, wrong = training[0], made_up(reader, task, training[0])
    with Verifier((task,), seconds=run.verifier_seconds, workers=1) as verifier:
        attempt = Attempt(wrong, verifier.judge([(prompt, wrong.text)])[0])
    solution = wrong.text if prompt.solution is None else dressed(task, prompt.solution)
    context, answer = reader.text.encode(prompt.content), reader.answer(solution)
    return "\n\n".join(filter(None, [
        f"TASK {task.name}: {len(training)} training and {len(evaluation)} evaluation prompts",
        f"ANSWERS: {extraction(task)}\na made-up answer to {prompt.id}: {wrong.text!r}\n{told(attempt.verdict)}",
        correction_part(run, reader, prompt, attempt),
        f"TRAINED tokens stand between {OPEN} and {CLOSE}; a correction, too, is trained under the original prompt\n"
        f"{reader.shown(context)}{OPEN}{reader.shown(answer)}{CLOSE}",
    ]))


def made_up(reader: Reader, task: Task, prompt: Prompt) -> Completion:
    """A wrong answer: the solution with its last letter or digit changed, or a shrug where there is no solution."""
    text = "I do not know."
    if prompt.solution is not None:
        place = max((i for i, letter in enumerate(prompt.solution) if letter.isalnum()), default=len(prompt.solution))
        other = "2" if prompt.solution[place:place + 1] == "1" else "1"
        text = dressed(task, prompt.solution[:place] + other + prompt.solution[place + 1:])
    tokens, request = reader.answer(text), Request(prompt, prompt.content, RandomKey(prompt=prompt.id))
    return Completion(request, reader.text.encode(prompt.content), tokens, (0.0,) * len(tokens), text, Finish.STOP)


def dressed(task: Task, answer: str) -> str:
    """An answer as the task expects to find it in a completion."""
    kind, _, name = getattr(task, "extract", "whole").partition(":")
    tag = name or "answer"
    return {"tag": f"<{tag}>{answer}</{tag}>", "boxed": f"\\boxed{{{answer}}}"}.get(kind, answer)


def told(verdict: Verdict) -> str:
    """A verdict for a person."""
    place = verdict.location and (verdict.location.description or f"step {verdict.location.step}")
    notes = {"answer taken out": verdict.answer, "feedback": verdict.feedback, "error": verdict.error, "place": place}
    return "; ".join([f"verdict {verdict.outcome.value.upper()}", *(f"{name}: {note}" for name, note in notes.items() if note)])


def correction_part(run: Run, reader: Reader, prompt: Prompt, attempt: Attempt) -> str:
    """What the operator would ask if every answer of the group were the made-up one."""
    if run.fixing is None:
        return ""
    name = kind_of(run.fixing.operator)
    wrong = replace(attempt, verdict=attempt.verdict if attempt.wrong else Verdict.wrong(attempt.verdict.answer))
    work = run.fixing.operator.correct(Group(prompt, (wrong,) * run.group_size))
    asked = next(work, ())
    work.close()
    if not asked:
        return f"CORRECTION {name} asks nothing about this answer"
    context = reader.text.encode(asked[0].content) + asked[0].prefix
    return f"CORRECTION prompt of {name}, {len(context)} tokens\n{reader.shown(context)}"


def size_part(run: Run, reader: Reader, lengths: dict[str, int], prompt: Prompt) -> str:
    """Lengths, memory and tokens."""
    longest = max(lengths, key=lengths.get)
    rollout = run.prompts_per_step * run.group_size * run.sampling.max_tokens
    fixes = run.prompts_per_step * most_tokens(run, prompt) if run.fixing else 0
    end = f"{run.steps} steps" + (f" or {run.token_budget:,} generated tokens" if run.token_budget else "")
    room = lengths[longest] + run.sampling.max_tokens
    return "\n".join([
        f"LENGTH  the longest prompt, {longest}, has {lengths[longest]} tokens; with max_tokens {run.sampling.max_tokens} that "
        f"is {room} of the model's {reader.context_length}",
        f"MODEL   {reader.parameters:,} parameters",
        f"MEMORY  roughly {memory(run, reader) / GIB:.1f} GiB while learning (weights, gradients, AdamW, one micro-batch)",
        f"TOKENS  at most {rollout:,} sampled in a step, and {fixes:,} in corrections if every group is "
        "stuck and no try succeeds",
        f"END     after {end}",
    ])


def most_tokens(run: Run, prompt: Prompt) -> int:
    """What the operator would have drawn for a stuck group of distinct wrong answers, all of whose tries fail. What it would
    show of earlier steps is not there yet."""
    def failed(request: Request, text: str) -> Attempt:
        ends = Completion(request, (1,), (1,), (-1.0,), text, Finish.STOP)
        return Attempt(ends, Verdict.wrong(text, location=Location(0, 0, 0)) if request.judged else Verdict.ungraded("-"))

    request = Request(prompt, prompt.content, RandomKey(seed=run.seed), run.group_size, run.sampling)
    group = Group(prompt, tuple(failed(request, str(n)) for n in range(run.group_size)), seed=run.seed)
    talk, tokens, answers = run.fixing.operator.correct(group), 0, None
    try:
        while True:
            asked = talk.send(answers)
            tokens += sum(r.n * r.sampling.max_tokens for r in asked
                          if r.to == "policy" and not (r.opening and r.opening.ends))
            answers = tuple(tuple(failed(r, "-") for _ in range(r.n)) for r in asked)
    except StopIteration:
        return tokens


def memory(run: Run, reader: Reader) -> float:
    """Bytes, roughly: fp32 weights (4), gradients (4) and AdamW's two moments (8) a parameter, 4 more for a reference; a
    micro-batch's activations, about 16 values a layer and hidden unit, and three copies of its logits."""
    config = reader.config.get_text_config()
    reference = "reference" in run.objective.needs and run.model.lora is None
    trained = 12 if run.model.lora is None else 0
    values = config.hidden_size * config.num_hidden_layers * (2 if run.model.gradient_checkpointing else 16)
    size = 4 if run.model.precision == "fp32" or not torch.cuda.is_available() else 2
    activations = run.tokens_per_micro_batch * (values * size + 3 * 4 * config.vocab_size)
    return reader.parameters * (4 + trained + (4 if reference else 0)) + activations
