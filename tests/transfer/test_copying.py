"""What is copied equals the source's, all else the fresh model: found here by the names of units and tags alone."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from transformers import AutoModelForTokenClassification, BertConfig, RobertaConfig

from jptransfer.config import HeadConfig, TokenizerConfig
from jptransfer.errors import ConfigError
from jptransfer.models.encoders.bilstm_tagger_settings import BilstmTaggerModelConfig
from jptransfer.models.encoders.embedding_settings import Vectors
from jptransfer.models.task_models import fresh_head, task_output
from jptransfer.registry import MODELS
from jptransfer.tasks.classification import Classification
from jptransfer.tasks.ner import EntityRecognition
from jptransfer.text.tokenizers import train_tokenizer
from jptransfer.transfer.copying import TaskNet, copy_groups
from tests.models.encoders.test_vector_models import small_head
from tests.models.tagger import SIZE, TEXTS, features, tagger, words_tokenizer
from tests.models.vectors import HEADS, model_config

OTHERS = ["Anna took a train to Kyoto", "Bob saw Osaka", "an old tower in Rome", "Zoe Tokyo"]
LEARNT = OTHERS[:3]
"""The target's vocabulary is made from all of OTHERS, but it learns from these."""
THEIRS, OURS = ["ORG", "PER", "LOC"], ["LOC", "MISC", "PER"]
GROUPS = ("char", "word", "dense")


def tags(labels):
    return EntityRecognition(labels).outputs


def counted(tokenizer, made):
    return np.bincount(np.concatenate([one.input_ids for one in made]), minlength=tokenizer.vocab_size)


def pair(head="", width=SIZE.width, mode=Vectors.rand):
    size = BilstmTaggerModelConfig(width=width, hidden=7, char_width=4, char_hidden=3, mode=mode)
    old, new = words_tokenizer(TEXTS), words_tokenizer(OTHERS)
    source = TaskNet(tagger(old, head, THEIRS, 1, size), old, EntityRecognition(THEIRS))
    target = TaskNet(tagger(new, head, OURS, 2, size), new, EntityRecognition(OURS))
    if head == "crf":
        chain = source.model.head
        for part in (chain.transitions, chain.starts, chain.ends):
            torch.nn.init.normal_(part)
    return source, target


def transfer(source, target, groups, head="", counts=None):
    """Copy, and return the report and the target's weights before."""
    before = {name: value.clone() for name, value in target.model.state_dict().items()}
    counts = counted(target.tokenizer, features(target.tokenizer, LEARNT, OURS)) if counts is None else counts
    kind = HeadConfig(head, dropout=0.0)
    told = copy_groups(source, target, groups, counts, lambda config, outputs: fresh_head(
        config, EntityRecognition.output, outputs, kind, 0))
    return told, before


def group_of(name):
    return "dense" if name.startswith("head.") else "char" if "characters." in name else "word"


def named(net, name, row):
    """What a row of a tagger's weight stands for; None: for a place."""
    if name.startswith("head."):
        return net.outputs[row]
    if "table." in name:
        return net.tokenizer.token(row + (net.tokenizer.first_character if "characters." in name else 0))
    return None


@pytest.mark.parametrize("groups", [part for size in (1, 2, 3) for part in combinations(GROUPS, size)], ids="+".join)
def test_every_subset_of_a_taggers_groups(groups):
    source, target = pair()
    told, before = transfer(source, target, groups)
    token = target.tokenizer.token
    seen = {token(index) for one in features(target.tokenizer, LEARNT, OURS) for index in one.input_ids}
    special = {token(index) for index in range(5)}
    theirs = source.model.state_dict()
    for name, value in target.model.state_dict().items():
        rows = {named(source, name, row): row for row in range(len(theirs[name]))}
        copied = 0
        for row, found in enumerate(value):
            what = named(target, name, row)
            known = what is None or what in rows and (group_of(name) == "dense" or what in seen | special)
            known &= group_of(name) in groups
            assert torch.equal(found, theirs[name][row if what is None else rows[what]] if known else before[name][row])
            copied += known
        of_group = told["groups"].get({"dense": "head"}.get(group_of(name), group_of(name)), {})
        if group_of(name) in groups:
            entry = of_group[name.removeprefix("encoder.")]
            assert (entry["copied"], entry["fresh"]) == (copied, len(value) - copied)
            assert copied and (copied < len(value)) == (what is not None)
        else:
            assert not of_group
    assert told["outputs"] == {"shared": ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"], "fresh": ["B-MISC", "I-MISC"]}


def test_a_unit_that_only_the_source_learnt_from_stays_fresh():
    source, target = pair()
    _, before = transfer(source, target, ["word"])
    row = target.tokenizer.id("tokyo")
    assert row != target.tokenizer.unk_id != source.tokenizer.id("tokyo") != source.tokenizer.unk_id
    assert torch.equal(target.encoder.table.learning[row], before["encoder.table.learning"][row])


def test_the_share_of_tokens_by_hand():
    source, target = pair()
    told, _ = transfer(source, target, ["char", "word"])
    words = " ".join(LEARNT).lower().split()
    theirs = set(" ".join(TEXTS).lower().split())
    share = sum(word in theirs for word in words) / len(words)
    assert told["groups"]["word"]["table.learning"]["tokens_covered"] == pytest.approx(share)
    units, known = ([word[i:i + 2] for text in texts for word in text.split() for i in range(max(1, len(word) - 1))]
                    for texts in (LEARNT, TEXTS))
    share = sum(unit in known for unit in units) / len(units)
    assert told["groups"]["char"]["characters.table.learning"]["tokens_covered"] == pytest.approx(share)


def test_transitions_by_the_names_of_both_tags():
    source, target = pair("crf")
    _, before = transfer(source, target, ["head"], "crf")
    old, new, kept = source.model.head, target.model.head, before["head.transitions"]
    place = {tag: number for number, tag in enumerate(source.outputs)}
    for row, first in enumerate(target.outputs):
        known = first in place
        assert new.starts[row] == (old.starts[place[first]] if known else before["head.starts"][row])
        for column, second in enumerate(target.outputs):
            both = known and second in place
            assert new.transitions[row, column] == (
                old.transitions[place[first], place[second]] if both else kept[row, column])


def test_vectors_that_never_learn_are_copied_too():
    source, target = pair(mode=Vectors.static)
    told, before = transfer(source, target, ["word"])
    entry, row = told["groups"]["word"]["table.frozen"], target.tokenizer.id("anna")
    assert 0 < entry["copied"] < entry["rows"]
    assert torch.equal(target.encoder.table.frozen[row], source.encoder.table.frozen[source.tokenizer.id("anna")])


def bert(text, labels, seed, family=BertConfig, **sizes):
    units = train_tokenizer(TokenizerConfig(kind="character", vocab_size=40, min_frequency=1), [text])
    config = family(**{"vocab_size": units.vocab_size + seed, "hidden_size": 8, "num_hidden_layers": 2,
                       "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 13, **sizes})
    torch.manual_seed(seed)
    config.id2label = dict(enumerate(tags(labels)))
    return TaskNet(AutoModelForTokenClassification.from_config(config), units, EntityRecognition(labels))


def test_between_encoders_of_transformers_with_other_vocabularies():
    source, target = bert("あいうえおかき", ["A", "B"], 1), bert("うかきくあけこ", ["B", "C"], 2)
    counts = np.zeros(target.tokenizer.vocab_size, int)
    seen = [target.tokenizer.id(unit) for unit in "うくあ"]
    counts[seen] = 3, 4, 5
    told, before = transfer(source, target, ["embeddings", "layer.*", "head"], counts=counts)
    old, new = source.model.state_dict(), target.model.state_dict()
    words = "bert.embeddings.word_embeddings.weight"
    copied = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, **{target.tokenizer.id(u): source.tokenizer.id(u) for u in "うあ"}}
    for row, found in enumerate(new[words]):
        assert torch.equal(found, old[words][copied[row]] if row in copied else before[words][row])
    by_tag = {0: 0, 1: 3, 2: 4}
    for name in ("classifier.weight", "classifier.bias"):
        for row, found in enumerate(new[name]):
            assert torch.equal(found, old[name][by_tag[row]] if row in by_tag else before[name][row])
    assert all(torch.equal(value, old[name]) for name, value in new.items()
               if name != words and not name.startswith("classifier"))
    report = told["groups"]["embeddings"]["embeddings.word_embeddings.weight"]
    assert report == {"rows": len(new[words]), "copied": 7, "fresh": len(new[words]) - 7, "tokens_covered": 8 / 12}
    assert list(told["groups"]) == ["embeddings", "layer.0", "layer.1", "head"]


def test_an_encoder_under_another_head_and_name():
    source = bert("あいう", ["A"], 1, RobertaConfig)
    units = train_tokenizer(TokenizerConfig(kind="character", vocab_size=40, min_frequency=1), ["いうえ"])
    config = BertConfig(vocab_size=units.vocab_size, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=16)
    task = EntityRecognition(["A"])
    target = TaskNet(fresh_head(config, task.output, task.outputs, HeadConfig("token"), 0), units, task)
    told, _ = transfer(source, target, ["layer.1"], "token", np.ones(units.vocab_size, int))
    assert set(told["groups"]) == {"layer.1"}
    one, other = (net.encoder.encoder.layer[1].state_dict() for net in (source, target))
    assert one and all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize(("groups", "said"), [
    (["chars"], "transfer.groups: unknown layer group 'chars' .did you mean 'char'"),
    (["word"], r"table.learning in group word has shape \[21, 9\], in the source \[\d+, 5\]"),
])
def test_what_does_not_fit(groups, said):
    source, target = pair()[0], pair(width=9)[1]
    with pytest.raises(ConfigError, match=said):
        transfer(source, target, groups)


def test_groups_and_weights_that_the_source_lacks():
    tag, base = pair(), bert("あいう", ["A"], 1)
    with pytest.raises(ConfigError, match="of the source: unknown layer group 'char'"):
        transfer(base, tag[1], ["char"])
    with pytest.raises(ConfigError, match="the source was made for classification, and this task is ner"):
        copy_groups(classifier("bert", HeadConfig(), "あいう", ["a", "b"], 1), base, ["head"], np.ones(99, int), None)


@pytest.mark.parametrize(("old", "new"), [("", "crf"), ("crf", "")])
@pytest.mark.parametrize("plain", [False, True])
def test_a_dense_layer_is_the_same_under_a_crf(old, new, plain):
    if plain:
        source, target = (bert("あいう", labels, seed) if not head else with_head(labels, seed, head)
                          for labels, seed, head in ((THEIRS, 1, old), (OURS, 2, new)))
    else:
        source, target = pair(old)[0], pair(new)[1]
    told, before = transfer(source, target, ["dense"], new)
    names = {name.rpartition("head.")[2]: name for name in before if "classifier" in name or ".head." in f".{name}"}
    theirs = {name.rpartition("head.")[2]: value for name, value in source.model.state_dict().items()}
    for part, name in names.items():
        entry, value = told["groups"]["head"][name], target.model.state_dict()[name]
        for row, tag in enumerate(target.outputs):
            taken = part.startswith("classifier") and tag in source.outputs
            assert torch.equal(value[row], theirs[part][source.outputs.index(tag)] if taken else before[name][row])
        assert (entry["copied"], entry["fresh"]) == ((5, 2) if part.startswith("classifier") else (0, 7))
    chain = {"transitions", "starts", "ends"} if new else set()
    assert set(names) == {"classifier.weight", "classifier.bias"} | chain
    assert set(told.get("left", [])) == ({"head.transitions", "head.starts", "head.ends"} if old else set())


def with_head(labels, seed, head):
    one = bert("あいう", labels, seed)
    return replace(one, model=fresh_head(one.model.config, one.task.output, one.outputs, HeadConfig(head), seed))


def test_an_encoder_of_another_kind_of_task():
    source = classifier("bert", HeadConfig(), "あいう", ["good", "bad"], 1)
    one = bert("いうえ", ["A"], 2, num_hidden_layers=1, max_position_embeddings=512)
    told, _ = transfer(source, one, ["encoder"], counts=np.ones(one.tokenizer.vocab_size, int))
    assert list(told["groups"]) == ["embeddings", "layer.0"]
    for name, value in one.encoder.encoder.state_dict().items():
        assert torch.equal(value, source.encoder.encoder.state_dict()[name])


@pytest.mark.parametrize("head", HEADS["onehot"])
def test_columns_of_units_are_those_of_the_same_tokenizer(head):
    source, target, other = (classifier("onehot", small_head(head), text, ["a", "b"], seed)
                             for text, seed in (("あいう", 1), ("あいう", 2), ("うえお", 3)))
    counts = np.zeros(source.tokenizer.vocab_size, int)
    for one in (target, other):
        def make(config, outputs):
            return fresh_head(config, Classification.output, outputs, small_head(head), 0)
        if one is other:
            with pytest.raises(ConfigError, match="has a column for each unit.*take its tokenizer"):
                copy_groups(source, one, ["head"], counts, make)
            continue
        told = copy_groups(source, one, ["head"], counts, make)
        theirs = source.model.state_dict()
        assert all(torch.equal(value, theirs[name]) for name, value in one.model.state_dict().items())
        assert all(entry["fresh"] == 0 for entry in told["groups"]["head"].values())


def classifier(architecture, head, text, labels, seed):
    units = train_tokenizer(TokenizerConfig(kind="character", vocab_size=40, min_frequency=1), [text])
    if architecture == "bert":
        config = BertConfig(vocab_size=units.vocab_size, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                            intermediate_size=16)
    else:
        mode = {"mode": Vectors.multichannel} if architecture == "embedding" else {}
        config = MODELS.load(architecture)(model_config(architecture, **mode), units.vocab_size, units.pad_id)
    return TaskNet(fresh_head(config, Classification.output, labels, head, seed).eval(), units, Classification(labels))


@pytest.mark.parametrize(("architecture", "head"), [
    *((architecture, head) for architecture in ("embedding", "rnn", "lstm") for head in HEADS[architecture]),
    ("bert", ""), ("bert", "pooled")])
def test_a_classifier_of_which_all_is_copied_says_what_the_source_says(architecture, head):
    head = small_head(head) if head else HeadConfig(dropout=0.0)
    source = classifier(architecture, head, "あいうえおかき", ["a", "b", "c"], 1)
    target = classifier(architecture, head, "きうかくあ", ["c", "d", "a"], 2)
    copy_groups(source, target, ["encoder", "dense"], np.ones(target.tokenizer.vocab_size, int),
                lambda config, outputs: fresh_head(config, Classification.output, outputs, head, 0))
    ids = [[net.tokenizer.id(unit) for unit in "きうかあうう"] for net in (source, target)]
    assert ids[0] != ids[1]
    mask = torch.ones(1, 6, dtype=torch.int64)
    with torch.no_grad():
        old, new = (task_output(net.model, {"input_ids": torch.tensor([row]), "attention_mask": mask}).logits
                    for net, row in zip((source, target), ids, strict=True))
    torch.testing.assert_close(new[:, [2, 0]], old[:, [0, 2]])
