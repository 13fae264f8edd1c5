"""The BiLSTM tagger's training and tagging against flair's SequenceTagger of the same sizes, in turns.

python benchmarks/tagger_flair.py TEXT [--crf] [--sentences 320] [--rounds 3] [--threads 1]

Needs the extra `flair` in an environment of its own (see pyproject.toml). TEXT and its drawn tags are those of
tagger.py; words are spelled in characters, which is all that flair can. flair gets one table of words
(OneHotEmbeddings) beside CharacterEmbeddings, no reprojection, as many parameters and the same weights; it trains by
its `forward_loss` with Adam (its ModelTrainer does more) in batches of 32, from Sentence objects that are there, as our
features are. It tags by `predict`, ours as `jpt predict` does; both from words that are cut to entities. With
--crf both have a conditional random field, flair's with two more tags (begin and end).

Two things flair does otherwise cannot be copied: its character net reads a word backward no further than its last
character, and words that stand twice in a sentence get vectors of other words. In sentences of different words of one
character both nets are the same function: there scores and losses must be equal to 1e-5 first. flair's second dropout,
on states, costs it what one product of a state does. Sentences per CPU second.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import transformers
from harness import compare, cpu_runtime, heading, in_turns, model_config
from tagger import (
    TAGGING_BATCH,
    TOLERANCE,
    TYPES,
    batches,
    both_directions,
    finetuning,
    is_plain,
    options,
    our_training,
    sentences,
    tagged,
)
from torch import Tensor, nn

from jptransfer.config import HeadConfig, TokenizerConfig
from jptransfer.config.plain import from_plain
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.learners.losses import CrossEntropy
from jptransfer.learners.scores import EncoderPredictor
from jptransfer.learners.task_data import TaskData, collate
from jptransfer.learners.task_loss import TaskLoss
from jptransfer.models.encoders.bilstm_tagger import configuration
from jptransfer.models.heads.crf_settings import CrfHeadConfig
from jptransfer.models.layers.word_rows import set_char_vocab
from jptransfer.models.task_models import fresh_head, task_output
from jptransfer.tasks.base import IGNORED, Feature, Level, Limits, make_task
from jptransfer.tasks.ner import EntityExample, EntityRecognition
from jptransfer.text.tokenizers import train_tokenizer
from jptransfer.text.types import SPECIAL_TOKENS
from jptransfer.text.views import MARK
from jptransfer.text.views_settings import CharacterView, ViewsConfig

# flair asks transformers for it by name, and transformers 5 has it no longer; taggers do not need it.
transformers.LayoutLMv2FeatureExtractor = None
from flair.data import Dictionary, Sentence  # noqa: E402
from flair.embeddings import CharacterEmbeddings, OneHotEmbeddings, StackedEmbeddings  # noqa: E402
from flair.models import SequenceTagger  # noqa: E402
from flair.training_utils import store_embeddings  # noqa: E402

logging.getLogger("flair").setLevel(logging.ERROR)
GOLD, PREDICTED = "gold", "predicted"


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    task, texts = make_task("ner", TYPES), sentences(arguments.text, arguments.sentences)
    settings = from_plain(EncoderFinetuningConfig, finetuning())
    head = HeadConfig("crf", 0.0, crf=CrfHeadConfig(constraints=False)) if arguments.crf else settings.head
    units = train_tokenizer(TokenizerConfig(kind="views", min_frequency=1,
                                            views=ViewsConfig(CharacterView.characters)), texts)
    examples = [EntityExample(str(number), text, ()) for number, text in enumerate(texts)]
    features = task.encode(examples, units, Limits(settings.max_length))
    assert len(features) == len(examples), "a sentence is too long for one feature"
    features = tagged([one for one in features if is_plain(one, units.first_character)], len(task.outputs))
    examples = [replace(examples[feature.example], tokens=tuple(feature.units)) for feature in features]

    def fresh() -> Any:
        config = set_char_vocab(configuration(model_config("bilstm_tagger"), units.vocab_size, units.pad_id), units)
        return drawn(fresh_head(config, EntityRecognition.output, task.outputs, head, seed=0))

    error = gate(fresh().eval(), units)
    words = sum(len(feature.positions) for feature in features)
    kind = "with" if arguments.crf else "no"
    heading(f"{len(features):,} sentences of {words / len(features):.1f} words, {kind} CRF, CPU time, "
            f"{arguments.threads} thread(s); scores differ by at most {error:.1e}")
    data = TaskData(features, Level.token, settings.batch_size, units.pad_id, seed=0)
    rates = in_turns({"ours": lambda: our_training(fresh(), data, settings, len(task.outputs)),
                      "peer": lambda: their_training(peer_of(fresh(), units), cut(features, units), settings)},
                     arguments.rounds)
    compare("training, an epoch", "sentences/s", rates["ours"], "flair", rates["peer"])
    model = fresh()
    ours = EncoderPredictor(task, model, units, settings.max_length, torch.device("cpu"), cpu_runtime())
    peer = peer_of(model, units)
    rates = in_turns({"ours": lambda: our_tagging(ours, examples),
                      "peer": lambda: their_tagging(peer, cut(features, units), settings.batch_size)}, arguments.rounds)
    compare("tagging", "sentences/s", rates["ours"], "flair", rates["peer"])


def parse() -> argparse.Namespace:
    made = options(__doc__)
    made.add_argument("--crf", action="store_true")
    return made.parse_args()


def drawn(model: nn.Module) -> nn.Module:
    """Draw what a CRF begins with as zeros, so that it counts in the comparison."""
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name in ("transitions", "starts", "ends"):
            if hasattr(model.head, name):
                getattr(model.head, name).uniform_(-1, 1, generator=random)
    return model


def peer_of(model: Any, units: Any) -> SequenceTagger:
    """Return flair's tagger with the sizes and weights of ours; it has as many parameters."""
    config, outputs = model.config, model.config.num_labels
    names = [units.token(index) for index in range(units.vocab_size)]
    spelled = CharacterEmbeddings(dictionary([name.removeprefix(MARK) for name in names[units.first_character:]]),
                                  config.char_width, config.char_hidden)
    table = OneHotEmbeddings(dictionary(names[:units.first_character]), embedding_length=config.word_width)
    crf = hasattr(model.head, "transitions")
    peer = SequenceTagger(
        StackedEmbeddings([spelled, table]), dictionary(list(map(str, range(outputs)))), GOLD, use_crf=crf,
        hidden_size=config.hidden_size // 2, rnn_layers=1, reproject_embeddings=False, dropout=config.dropout,
        word_dropout=0.0, locked_dropout=0.0)
    more = 2 * (config.hidden_size + 1) + 2 * outputs + 4 if crf else 0  # rows and pairs of tags begin and end
    assert size_of(peer) == size_of(model) + more, (size_of(peer), size_of(model), more)
    copy_weights(model, peer)
    return peer


def dictionary(items: Sequence[str]) -> Dictionary:
    """Return flair's numbering of names, in this order."""
    made = Dictionary(add_unk=False)
    for item in items:
        made.add_item(item)
    assert len(made) == len(items)
    return made


def size_of(model: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


@torch.no_grad()
def copy_weights(ours: Any, theirs: SequenceTagger) -> None:
    """Give flair's tagger the weights of ours; its pairs of tags are (to, from)."""
    encoder, head = ours.encoder, ours.head
    spelled, table = theirs.embeddings.embeddings
    spelled.char_embedding.weight.copy_(encoder.characters.table.learning)
    spelled.char_rnn.load_state_dict(both_directions(encoder.characters.layer).state_dict())
    table.embedding_layer.weight.copy_(encoder.table.learning)
    theirs.rnn.load_state_dict(both_directions(encoder.layer).state_dict())
    outputs = head.classifier.out_features
    theirs.linear.weight[:outputs].copy_(head.classifier.weight)
    theirs.linear.bias[:outputs].copy_(head.classifier.bias)
    if theirs.use_crf:
        begin, end = outputs, outputs + 1
        pairs = theirs.crf.transitions
        pairs[:outputs, :outputs] = head.transitions.T
        pairs[:outputs, begin], pairs[end, :outputs] = head.starts, head.ends


def cut(features: Sequence[Feature], units: Any) -> list[Sentence]:
    """Return the sentences as flair reads them: words, each with its tag."""
    made = []
    for feature in features:
        sentence = Sentence([units.token(feature.input_ids[position]) for position in feature.positions])
        assert len(sentence) == len(feature.positions)
        for token, position in zip(sentence, feature.positions, strict=True):
            token.add_label(GOLD, str(feature.targets[position]))
        made.append(sentence)
    return made


def gate(model: Any, units: Any, count: int = 50) -> float:
    """Return the greatest difference of scores, where both nets are the same function; losses must be equal as well."""
    features = same_function(units, model.config.num_labels, count)
    peer = peer_of(model, units).eval()
    batch = collate(features, Level.token, units.pad_id)
    with torch.inference_mode():
        mine = task_output(model, {name: tensor for name, tensor in batch.items() if name != "labels"}).logits
        loss = TaskLoss(CrossEntropy(torch.ones(model.config.num_labels)))(model, batch).terms["label"]
        theirs, rows = peer.forward_loss(cut(features, units))[0], scores(peer, cut(features, units))
    assert abs(loss / theirs - 1) < TOLERANCE, (loss, theirs)
    worst = max(float((one[feature.positions] - other).abs().max())
                for one, feature, other in zip(mine, features, rows, strict=True))
    assert worst < TOLERANCE, worst
    return worst


def same_function(units: Any, outputs: int, count: int) -> list[Feature]:
    """Return sentences of different words of one character, the longest first."""
    ids = {units.token(index).removeprefix(MARK): index for index in range(units.first_character, units.vocab_size)}
    words = range(len(SPECIAL_TOKENS), units.first_character)
    short = [(index, ids[units.token(index)]) for index in words if units.token(index) in ids]
    rng, made = np.random.default_rng(0), []
    for length in sorted(rng.integers(1, min(40, len(short)), count), reverse=True):
        pairs = [short[number] for number in rng.permutation(len(short))[:length]]
        flat = [units.cls_id, *(index for pair in pairs for index in pair), units.sep_id]
        positions = list(range(1, len(flat) - 1, 2))
        made.append(Feature(len(made), flat, np.full(len(flat), IGNORED), positions))
    return list(tagged(made, outputs))


def scores(peer: SequenceTagger, rows: list[Sentence]) -> list[Tensor]:
    """Return flair's scores of the words' tags."""
    lengths = list(map(len, rows))
    found = peer(*peer._prepare_tensors(rows))
    if not peer.use_crf:
        return list(found.split(lengths))
    pairs, _, transitions = found
    return [row[:length, :-2] for row, length in zip((pairs - transitions)[..., 0], lengths, strict=True)]


def their_training(peer: SequenceTagger, rows: list[Sentence], config: EncoderFinetuningConfig) -> float:
    """Sentences per CPU second of an epoch."""
    optimizer = torch.optim.Adam(peer.parameters(), config.learning_rate)
    peer.train()
    start = time.process_time()
    for batch in batches(rows, np.random.default_rng(0).permutation(len(rows)), config.batch_size):
        loss, words = peer.forward_loss(batch)
        optimizer.zero_grad()
        (loss / words).backward()
        nn.utils.clip_grad_norm_(peer.parameters(), config.optimizer.clip)
        optimizer.step()
        store_embeddings(batch, "none")
    return len(rows) / (time.process_time() - start)


def our_tagging(predictor: EncoderPredictor, examples: Sequence[EntityExample]) -> float:
    """Sentences per CPU second."""
    start = time.process_time()
    predictor.predict(examples, TAGGING_BATCH)
    return len(examples) / (time.process_time() - start)


def their_tagging(peer: SequenceTagger, rows: list[Sentence], size: int) -> float:
    """Sentences per CPU second."""
    peer.eval()
    start = time.process_time()
    peer.predict(rows, mini_batch_size=size, label_name=PREDICTED)
    return len(rows) / (time.process_time() - start)


if __name__ == "__main__":
    main()
