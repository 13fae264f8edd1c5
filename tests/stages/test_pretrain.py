import json
import subprocess
import sys

import pytest
import torch
import transformers

from jptransfer.config import (
    LmPhaseConfig,
    LmTrainingConfig,
    ModelConfig,
    ObjectiveConfig,
    Precision,
    ScheduleConfig,
    TokenizerConfig,
    VocabularyPolicy,
)
from jptransfer.errors import ConfigError, DataError
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig
from jptransfer.models.encoders.bert_settings import BertModelConfig
from jptransfer.objectives.mlm import MaskedData
from jptransfer.objectives.mlm_settings import MlmConfig
from jptransfer.stages.pretrain import PretrainStage, run
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer
from tests.training.tiny import VOCAB, cpu, make_split, random_documents, write_encoded

pytestmark = pytest.mark.slow

MODEL = ModelConfig(bert=BertModelConfig(layers=1, hidden=16, heads=2, intermediate=32, max_positions=64))
AWD_LSTM = ModelConfig("awd_lstm", awd_lstm=AwdLstmModelConfig(layers=1, embedding=6, hidden=8))
LETTERS = "".join(chr(0x4E00 + number) for number in range(VOCAB - 5))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    splits = {"train": make_split(random_documents(40)), "validation": make_split(random_documents(9, 1))}
    encoded = write_encoded(folder / "encoded", **splits)
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    config = TokenizerConfig(kind="character", vocab_size=VOCAB, min_frequency=1)
    train_tokenizer(config, [LETTERS]).save(tokenizer)
    (tokenizer / "manifest.json").write_text("{}")
    return {"encoded": encoded, "tokenizer": tokenizer}


def stage(**changes) -> PretrainStage:
    values = {"max_length": 48, "batch_tokens": 256, "micro_batches": 2, "max_steps": 12, "evaluations": 3,
              "learning_rate": 0.01, **changes}
    return PretrainStage(MODEL, LmTrainingConfig(**values))


def trained(tmp_path, inputs, config=None, runtime=None):
    out = tmp_path
    out.mkdir(exist_ok=True, parents=True)
    summary = run(config or stage(), inputs, out, runtime or cpu())
    history = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    return summary, history


def test_leaves_a_language_model_for_plain_transformers(tmp_path, inputs):
    summary, history = trained(tmp_path, inputs)
    tokenizer = {path.name for path in inputs["tokenizer"].iterdir()} - {"manifest.json"}
    assert {path.name for path in tmp_path.iterdir()} == {
        ".work", "config.json", "model.safetensors", "history.jsonl"} | tokenizer
    model = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path)
    assert sum(p.numel() for p in model.parameters()) == summary.values["parameters"]
    dev = [record for record in history if record["split"] == "validation"]
    assert [record["step"] for record in dev] == [4, 8, 12]
    assert {"step", "epoch", "tokens", "split", "loss", "perplexity", "mlm_accuracy"} <= dev[-1].keys()
    assert dev[-1]["loss"] < dev[0]["loss"] and summary.values["loss"] == dev[-1]["loss"]
    # 40 documents are few: the bound that holds for real corpora is tested with the batches.
    assert 0 <= summary.values["padding"] < 0.2


def test_same_config_same_bytes(tmp_path, inputs):
    for name in ("a", "b"):
        trained(tmp_path / name, inputs)
    assert (tmp_path / "a/model.safetensors").read_bytes() == (tmp_path / "b/model.safetensors").read_bytes()


def test_pairs_and_both_accuracies(tmp_path, inputs):
    _, history = trained(tmp_path, inputs, stage(objective=ObjectiveConfig(mlm=MlmConfig(next_sentence=True))))
    assert {"mlm_accuracy", "nsp_accuracy", "mlm_loss", "nsp_loss"} <= history[-1].keys()
    assert isinstance(transformers.AutoModelForPreTraining.from_pretrained(tmp_path), transformers.BertForPreTraining)


def test_goes_on_from_a_start_that_keeps_its_own_architecture(tmp_path, inputs):
    trained(tmp_path / "lm", inputs)
    config = stage(max_steps=1, learning_rate=0.0)
    config.model = ModelConfig(bert=BertModelConfig(layers=3))
    trained(tmp_path / "adapted", {**inputs, "start": tmp_path / "lm"}, config)
    load = transformers.AutoModelForMaskedLM.from_pretrained
    before, after = (load(tmp_path / name).state_dict() for name in ("lm", "adapted"))
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)


def test_a_converted_model_knows_the_shared_units(tmp_path, inputs):
    trained(tmp_path / "lm", inputs)
    other = tmp_path / "other"
    units = TokenizerConfig(kind="character", vocab_size=VOCAB, min_frequency=1)
    train_tokenizer(units, [LETTERS[1:] + "新"]).save(other)
    config = stage(max_steps=1, learning_rate=0.0, vocabulary=VocabularyPolicy.migrate)
    summary, _ = trained(tmp_path / "adapted", {**inputs, "tokenizer": other, "start": tmp_path / "lm"}, config)
    old, new = (transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / name) for name in ("lm", "adapted"))
    units = [load_tokenizer(tmp_path / name) for name in ("lm", "adapted")]
    rows = [model.get_input_embeddings().weight for model in (old, new)]
    for letter in LETTERS[1:]:
        assert torch.equal(rows[0][units[0].id(letter)], rows[1][units[1].id(letter)])
    torch.testing.assert_close(rows[1][units[1].id("新")], rows[0].mean(0))
    facts = summary.values["vocabulary"]
    assert (facts["units"], facts["shared"], facts["missing"]) == (VOCAB, VOCAB - 1, 1)
    assert 0.9 < facts["tokens_covered"] < 1


def test_bf16_trains_to_nearly_the_same_loss(tmp_path, inputs):
    (single, _), (half, _) = (
        trained(tmp_path / precision.value, inputs, stage(precision=precision)) for precision in Precision)
    assert half.values["loss"] == pytest.approx(single.values["loss"], rel=0.02)
    assert half.values["loss"] != single.values["loss"]


def test_two_processes_same_curve(tmp_path, inputs):
    _, one = trained(tmp_path / "one", inputs)
    summary, two = trained(tmp_path / "two", inputs, runtime=cpu(processes=2))
    assert summary.values["processes"] == 2
    assert [r["loss"] for r in two] == pytest.approx([r["loss"] for r in one], rel=1e-4)


def test_without_a_development_split(tmp_path, inputs):
    encoded = write_encoded(tmp_path / "encoded", train=make_split(random_documents(5)), validation=make_split([]))
    summary, history = trained(tmp_path / "lm", {**inputs, "encoded": encoded})
    assert {record["split"] for record in history} == {"train"}
    assert summary.headline.startswith("12 steps")


def test_a_phase_of_longer_sequences(tmp_path, inputs):
    phases = {"short": LmPhaseConfig(max_steps=5), "long": LmPhaseConfig(max_steps=4, max_length=64, lr_multiplier=0.5)}
    summary, history = trained(tmp_path / "a", inputs,
                               stage(phases=phases, evaluations=1, micro_batches=1, max_steps=None))
    assert summary.values["steps"] == 9
    assert [record["step"] for record in history if record["split"] == "validation"] == [5, 9]
    assert max(record["lr"] for record in history if record.get("phase") == "long" and "lr" in record) <= 0.005
    # The first phase is what a run without the second one is.
    _, alone = trained(tmp_path / "b", inputs, stage(evaluations=1, micro_batches=1, max_steps=5))
    assert [record["loss"] for record in history][:len(alone)] == [record["loss"] for record in alone]
    seen = []

    class Watched(MaskedData):
        def collate(self, indices, epoch):
            seen.append(self.config.max_length)
            return super().collate(indices, epoch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jptransfer.objectives.mlm.MaskedData", Watched)
        trained(tmp_path / "c", inputs, stage(phases=phases, evaluations=0, micro_batches=1, max_steps=None))
    assert seen == [48] * 5 + [64] * 4


def test_phases_that_do_not_fit(tmp_path, inputs):
    longer = {"long": LmPhaseConfig(max_length=100)}
    with pytest.raises(ConfigError, match="max_length=100 is more than the model's 64 positions"):
        trained(tmp_path / "a", inputs, stage(phases=longer))


def test_mistakes_are_named(tmp_path, inputs):
    with pytest.raises(ConfigError, match="max_length=100 is more than the model's 64 positions"):
        trained(tmp_path / "a", inputs, stage(max_length=100))
    empty = write_encoded(tmp_path / "encoded", train=make_split([]))
    with pytest.raises(DataError, match="empty"):
        trained(tmp_path / "b", {**inputs, "encoded": empty})


BLOCKED = ("hydra", "omegaconf", "datasets", "fugashi", "pyarrow", "sklearn", "MeCab")
SCRIPT = """
import sys
sys.modules.update(dict.fromkeys({blocked}))
from pathlib import Path
from tests.stages.test_pretrain import stage, run, cpu
inputs = {inputs}
run(stage(max_steps=2), {{name: Path(p) for name, p in inputs.items()}}, Path({out!r}), cpu())
"""


def test_needs_none_of_the_heavy_packages_of_other_rooms(tmp_path, inputs):
    folders = {name: str(path) for name, path in inputs.items()}
    script = SCRIPT.format(blocked=BLOCKED, inputs=folders, out=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model.safetensors").exists()


def one_word(documents, seed=0):
    """A split in which every sentence is a single word."""
    split = make_split(documents, seed)
    split.word_starts[:] = 0
    split.word_starts[split.sentences[:-1]] = 1
    return split


def test_an_objective_that_predicts_nothing_is_an_error_before_the_first_update(tmp_path, inputs):
    encoded = write_encoded(tmp_path / "encoded", train=one_word([[30]] * 40))
    with pytest.raises(ConfigError, match=r"0.00% of the tokens would be predicted, the settings ask for 13.33%: .*"
                                          r"objective.mlm.whole_word=false hides tokens one by one") as caught:
        trained(tmp_path / "a", {**inputs, "encoded": encoded})
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "a" / ".work").glob("*"))
    summary, _ = trained(tmp_path / "b", {**inputs, "encoded": encoded},
                         stage(objective=ObjectiveConfig(mlm=MlmConfig(whole_word=False)), evaluations=0))
    assert summary.values["predicted_share"] == summary.values["asked_share"] == pytest.approx(4 / 30)
    assert "13.3% of tokens predicted" in summary.headline


def test_a_validation_split_without_predictions_is_not_evaluated(tmp_path, inputs):
    encoded = write_encoded(tmp_path / "encoded", train=make_split(random_documents(40)),
                            validation=one_word([[30]] * 3))
    summary, history = trained(tmp_path / "a", {**inputs, "encoded": encoded})
    assert {record["split"] for record in history} == {"train"} and "perplexity" not in summary.values


def test_no_sentence_follows_another(tmp_path, inputs):
    encoded = write_encoded(tmp_path / "encoded", train=make_split([[20]] * 30))
    with pytest.raises(ConfigError, match="objective.mlm.next_sentence: no document of the text has two sentences"):
        trained(tmp_path / "a", {**inputs, "encoded": encoded},
                stage(objective=ObjectiveConfig(mlm=MlmConfig(next_sentence=True))))


@pytest.mark.parametrize("evaluations", [0, 1])
@pytest.mark.parametrize(("model", "objective", "rate"), [
    (MODEL, "mlm", 1e38), (MODEL, "mlm", 1e25), (AWD_LSTM, "causal", 1e38)])
def test_a_language_model_of_nan_is_not_made(tmp_path, inputs, evaluations, model, objective, rate):
    config = stage(max_steps=1, learning_rate=rate, evaluations=evaluations, objective=ObjectiveConfig(objective),
                   schedule=ScheduleConfig("constant", warmup=0.0))
    config.model = model
    with pytest.raises(ConfigError, match="training diverged: .* after step 1") as caught:
        run(config, inputs, tmp_path, cpu())
    assert "\n" not in str(caught.value) and not (tmp_path / "model.safetensors").exists()


def test_the_test_split_is_evaluated_beside_the_validation_split(tmp_path, inputs):
    test = make_split(random_documents(7, 5))
    splits = {"train": make_split(random_documents(40)), "validation": make_split(random_documents(9, 1)), "test": test}
    encoded = inputs | {"encoded": write_encoded(tmp_path / "encoded", **splits)}
    summary, history = trained(tmp_path / "both", encoded, stage(evaluate_test=True))
    plain, before = trained(tmp_path / "plain", encoded)
    dev = [record for record in history if record["split"] == "validation"]
    assert all({"loss", "test_loss"} <= record.keys() for record in dev)
    assert summary.values["test_loss"] == dev[-1]["test_loss"] != summary.values["loss"]
    swapped = inputs | {"encoded": write_encoded(tmp_path / "swapped", **splits | {"validation": test})}
    assert trained(tmp_path / "swapped-out", swapped)[0].values["loss"] == summary.values["test_loss"]
    # Nothing else changes, and the time of evaluations is told where no two runs have to agree.
    kept = [{name: value for name, value in record.items() if not name.startswith("test_")} for record in history]
    assert kept == before
    steps, times = zip(*summary.values["seconds_at"], strict=True)
    assert steps == (4, 8, 12) and list(times) == sorted(times)
    assert times[0] > 0 and times[-1] <= summary.values["seconds"]
    assert "test_loss" not in trained(tmp_path / "without", inputs, stage(evaluate_test=True))[0].values
