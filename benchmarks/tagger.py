"""The BiLSTM tagger's training and tagging against a plain loop in torch, in turns.

python benchmarks/tagger.py TEXT [--sentences 320] [--rounds 3] [--threads 1]

TEXT has a paragraph a line (.xz and .gz are opened); its sentences are cut by MeCab, their tags are drawn (nine, IOB2
over four types), since what they are costs nothing. The peer has the same sizes and weights and is what one writes in
torch first: ten sentences a batch in the order of an epoch drawn anew, the characters of all its words and its words as
packed sequences, Adam. Ours trains with the settings of finetuning=tagger (batches of 32) through the one loop, and
tags as `jpt predict` does (64 sentences at a time), ids to scores. Scores must be equal to 1e-5 first. Sentences per
CPU second.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import yaml
from harness import CONFIGS, compare, cpu_runtime, heading, in_turns, lines_of, model_config, parser
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from jptransfer.config import TokenizerConfig
from jptransfer.config.plain import from_plain
from jptransfer.corpora.sentences import split_sentences
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.learners.losses import CrossEntropy
from jptransfer.learners.scores import score
from jptransfer.learners.task_data import TaskData
from jptransfer.learners.task_loss import TaskLoss
from jptransfer.models.encoders.bilstm_tagger import configuration
from jptransfer.models.layers.word_rows import set_char_vocab
from jptransfer.models.task_models import fresh_head
from jptransfer.tasks.base import Feature, Level, Limits, make_task
from jptransfer.tasks.ner import EntityExample, EntityRecognition
from jptransfer.text.tokenizers import train_tokenizer
from jptransfer.text.views_settings import CharacterView, ViewsConfig
from jptransfer.training.context import TrainingContext
from jptransfer.training.loop import train
from jptransfer.training.types import LoopSettings

Row = TypeVar("Row")
TYPES = ["LOC", "MISC", "ORG", "PER"]
PEER_BATCH, TAGGING_BATCH = 10, 64
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Sentence:
    """What the peer reads: word ids, each word's characters, tags."""

    words: Tensor
    characters: list[Tensor]
    tags: Tensor


class Tagger(nn.Module):
    """The same net, written for packed sequences; it begins with the weights of ours."""

    def __init__(self, ours: Any) -> None:
        super().__init__()
        encoder, settings = ours.encoder, ours.config
        self.character_table = nn.Embedding.from_pretrained(_copy(encoder.characters.table.learning), freeze=False)
        self.word_table = nn.Embedding.from_pretrained(_copy(encoder.table.learning), freeze=False)
        self.characters, self.words = (both_directions(part) for part in (encoder.characters.layer, encoder.layer))
        self.dropout = nn.Dropout(settings.dropout)
        self.dense = nn.Linear(settings.hidden_size, settings.num_labels)
        self.dense.load_state_dict(ours.head.classifier.state_dict())

    def forward(self, batch: Sequence[Sentence]) -> Tensor:
        """Return scores (sentences, longest, tags)."""
        spelled = list(chain.from_iterable(one.characters for one in batch))
        packed = _packed(self.character_table(pad_sequence(spelled, batch_first=True)), list(map(len, spelled)))
        ahead, back = self.characters(packed)[1][0]
        lengths = [len(one.words) for one in batch]
        read = pad_sequence(list(torch.cat((ahead, back), -1).split(lengths)), batch_first=True)
        words = self.word_table(pad_sequence([one.words for one in batch], batch_first=True))
        states = self.words(_packed(self.dropout(torch.cat((read, words), -1)), lengths))[0]
        return self.dense(pad_packed_sequence(states, batch_first=True)[0])


def _copy(table: Tensor) -> Tensor:
    return table.detach().clone()


def both_directions(layer: Any) -> nn.LSTM:
    """Return torch's own bidirectional net with the weights of ours."""
    made = nn.LSTM(layer.ahead.input_size, layer.ahead.hidden_size, batch_first=True, bidirectional=True)
    made.load_state_dict({**layer.ahead.state_dict(),
                          **{f"{name}_reverse": value for name, value in layer.back.state_dict().items()}})
    return made


def _packed(states: Tensor, lengths: list[int]) -> Any:
    return pack_padded_sequence(states, torch.tensor(lengths), batch_first=True, enforce_sorted=False)


def main() -> None:
    arguments = options(__doc__).parse_args()
    torch.set_num_threads(arguments.threads)
    task = make_task("ner", TYPES)
    settings = from_plain(EncoderFinetuningConfig, finetuning())
    texts = sentences(arguments.text, arguments.sentences)
    units = train_tokenizer(TokenizerConfig(kind="views", lowercase=True, min_frequency=1,
                                            views=ViewsConfig(CharacterView.bigrams)), texts)
    features = task.encode([EntityExample(str(number), text, ()) for number, text in enumerate(texts)], units,
                           Limits(settings.max_length))
    features = tagged([one for one in features if is_plain(one, units.first_character)], len(task.outputs))
    rows = [sentence(feature, units.first_character) for feature in features]

    def fresh() -> Any:
        config = set_char_vocab(configuration(model_config("bilstm_tagger"), units.vocab_size, units.pad_id), units)
        return fresh_head(config, EntityRecognition.output, task.outputs, settings.head, seed=0)

    error = gate(fresh().eval(), features, rows, units.pad_id)
    words = torch.cat([row.words for row in rows])
    heading(f"{len(rows):,} sentences of {len(words) / len(rows):.1f} words, {len(words.unique()):,} different, CPU "
            f"time, {arguments.threads} thread(s); scores differ by at most {error:.1e}")
    data = TaskData(features, Level.token, settings.batch_size, units.pad_id, seed=0)
    rates = in_turns({"ours": lambda: our_training(fresh(), data, settings, len(task.outputs)),
                      "peer": lambda: their_training(Tagger(fresh()), rows, settings)}, arguments.rounds)
    compare("training, an epoch", "sentences/s", rates["ours"], "packed, batches of 10", rates["peer"])
    model = fresh().eval()
    rates = in_turns({"ours": lambda: our_tagging(model, features, units.pad_id),
                      "peer": lambda: their_tagging(Tagger(model).eval(), rows)}, arguments.rounds)
    compare("tagging", "sentences/s", rates["ours"], "packed, batches of 10", rates["peer"])


def options(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of what the tagger's benchmarks share."""
    made = parser(description, rounds=3)
    made.add_argument("text", type=Path)
    made.add_argument("--sentences", type=int, default=320)
    made.add_argument("--threads", type=int, default=1)
    return made


def finetuning() -> dict[str, Any]:
    """Return the settings of finetuning=tagger."""
    return yaml.safe_load((CONFIGS / "finetuning" / "tagger.yaml").read_text(encoding="utf-8"))["encoder"]


def sentences(path: Path, count: int) -> list[str]:
    """Return the first sentences that hold anything."""
    found = (one for line in lines_of(path) for one in split_sentences(line) if one.strip())
    return list(islice(found, count))


def is_plain(feature: Feature, first_character: int) -> bool:
    """Whether every word is a unit of its own; words that share a character of the text are one unit."""
    return 0 < len(feature.positions) == sum(index < first_character for index in feature.input_ids) - 2


def tagged(features: Sequence[Feature], tags: int) -> Sequence[Feature]:
    """Give every unit a tag."""
    rng = np.random.default_rng(0)
    for feature in features:
        for position in feature.positions:
            feature.targets[position] = int(rng.integers(tags))
    return features


def sentence(feature: Feature, first_character: int) -> Sentence:
    """Return what a feature holds as the peer reads it."""
    ids = np.array(feature.input_ids)
    borders = [*feature.positions, len(ids) - 1]  # [SEP] ends the last word
    characters = [torch.from_numpy(ids[start + 1:end] - first_character)
                  for start, end in zip(borders, borders[1:], strict=False)]
    return Sentence(torch.from_numpy(ids[feature.positions]), characters,
                    torch.tensor([feature.targets[position] for position in feature.positions]))


def gate(model: Any, features: Sequence[Feature], rows: Sequence[Sentence], pad: int, count: int = 50) -> float:
    """Return the greatest difference of scores."""
    peer, worst = Tagger(model).eval(), 0.0
    with torch.inference_mode():
        ours = score(model, features[:count], Level.token, pad, TAGGING_BATCH).rows
        for feature, mine, row in zip(features, ours, rows, strict=False):
            worst = max(worst, float(np.abs(mine[feature.positions] - peer([row])[0].numpy()).max()))
    assert worst < TOLERANCE, worst
    return worst


def our_training(model: Any, data: TaskData, config: EncoderFinetuningConfig, outputs: int) -> float:
    """Sentences per CPU second of an epoch."""
    steps = len(data.batches(0))
    settings = LoopSettings(steps, config.learning_rate, config.optimizer, config.schedule, record_every=steps)
    with tempfile.TemporaryDirectory() as work:
        context = TrainingContext(cpu_runtime(threads=torch.get_num_threads(), checkpoint_seconds=1e9))
        start = time.process_time()
        train(model, TaskLoss(CrossEntropy(torch.ones(outputs))), data, settings, context, Path(work))
        return len(data.features) / (time.process_time() - start)


def their_training(model: Tagger, rows: Sequence[Sentence], config: EncoderFinetuningConfig) -> float:
    """Sentences per CPU second of an epoch."""
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate)
    start = time.process_time()
    for batch in batches(rows, np.random.default_rng(0).permutation(len(rows)), PEER_BATCH):
        tags = pad_sequence([one.tags for one in batch], batch_first=True, padding_value=-100)
        loss = cross_entropy(model(batch).flatten(0, 1), tags.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.clip)
        optimizer.step()
    return len(rows) / (time.process_time() - start)


def batches(rows: Sequence[Row], order: Sequence[int], size: int) -> Iterator[list[Row]]:
    """Yield `rows` in this order, `size` at a time."""
    for start in range(0, len(order), size):
        yield [rows[number] for number in order[start:start + size]]


def our_tagging(model: Any, features: Sequence[Feature], pad: int) -> float:
    """Sentences per CPU second."""
    start = time.process_time()
    with torch.inference_mode():
        for feature, row in zip(features, score(model, features, Level.token, pad, TAGGING_BATCH).rows, strict=True):
            row[feature.positions].argmax(1)
    return len(features) / (time.process_time() - start)


def their_tagging(model: Tagger, rows: Sequence[Sentence]) -> float:
    """Sentences per CPU second."""
    start = time.process_time()
    with torch.inference_mode():
        for batch in batches(rows, range(len(rows)), PEER_BATCH):
            model(batch).argmax(-1)
    return len(rows) / (time.process_time() - start)


if __name__ == "__main__":
    main()
