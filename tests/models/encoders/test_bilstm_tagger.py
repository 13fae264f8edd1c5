import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

from jptransfer.config import HeadConfig
from jptransfer.learners.scores import score
from jptransfer.models.encoders.bilstm_tagger_settings import BilstmTaggerModelConfig
from jptransfer.models.encoders.embedding_settings import Vectors
from jptransfer.models.task_models import load_task_model, save_task_model, task_output
from jptransfer.tasks.base import Level
from jptransfer.tasks.ner import EntityRecognition
from jptransfer.text.views import MARK, bigrams
from jptransfer.text.views_settings import CharacterView
from jptransfer.transfer.groups import freeze, layer_groups, select
from tests.models.tagger import SIZE, TEXTS, features, inputs, tagger, words_tokenizer
from tests.models.vectors import check_groups

pytestmark = pytest.mark.slow


def packed(layer, vectors):
    """What torch's own bidirectional net makes of one sequence (length, width) with a layer's weights."""
    net = torch.nn.LSTM(vectors.shape[1], layer.ahead.hidden_size, bidirectional=True, batch_first=True)
    weights = dict(layer.ahead.state_dict())
    net.load_state_dict(weights | {f"{name}_reverse": value for name, value in layer.back.state_dict().items()})
    states, (last, _) = net(pack_sequence([vectors]))
    return pad_packed_sequence(states, batch_first=True)[0][0], torch.cat((last[0, 0], last[1, 0]))


def by_hand(encoder, tokenizer, text):
    """The paper's section 2 of one text, a word at a time: its bigrams, its word, then all words in context."""
    joined = []
    for word in text.split():
        units = [tokenizer.id(MARK + unit) for unit in bigrams(word)]
        rows = [index if index != tokenizer.unk_id else tokenizer.first_character for index in units]
        vectors = encoder.characters.table.learning[torch.tensor(rows) - tokenizer.first_character]
        _, read = packed(encoder.characters.layer, vectors)
        joined.append(torch.cat((read, encoder.table.learning[tokenizer.id(word.lower())])))
    return packed(encoder.layer, torch.stack(joined))[0]


@pytest.mark.parametrize("texts", [TEXTS, ["Rome"], ["x Anna Zzz"], ["a " * 9, "Anna lives in Rome Tower " * 3]])
def test_states_are_the_papers(texts):
    tokenizer = words_tokenizer()
    model = tagger(tokenizer).eval()
    made = features(tokenizer, texts)
    with torch.no_grad():
        states = model.encoder(**inputs(tokenizer, texts)).last_hidden_state
        for text, feature, row in zip(texts, made, states, strict=True):
            torch.testing.assert_close(row[feature.positions], by_hand(model.encoder, tokenizer, text))
            others = [place for place in range(len(row)) if place not in feature.positions]
            assert not row[others].any()


def test_every_spelling_is_read_once():
    tokenizer = words_tokenizer()
    reader = tagger(tokenizer).eval().encoder.characters
    read = []
    reader.layer.register_forward_pre_hook(lambda module, arguments: read.append(len(arguments[0])))
    reader(torch.tensor([[[1, 2], [1, 2], [3, -1]], [[3, -1], [1, 2], [-1, -1]]]))
    assert sum(read) == 3


@pytest.mark.parametrize("head", ["", "token"])
def test_a_text_has_the_same_logits_alone_and_in_any_batch(head):
    tokenizer = words_tokenizer()
    model, texts = tagger(tokenizer, head).eval(), [*TEXTS, "", "unknown only", "z", "あ Anna", "Anna " * 30]
    made = features(tokenizer, texts)
    with torch.no_grad():
        together = task_output(model, inputs(tokenizer, texts)).logits
        for row, (text, feature) in enumerate(zip(texts, made, strict=True)):
            alone = task_output(model, inputs(tokenizer, [text])).logits[0]
            torch.testing.assert_close(together[row][feature.positions], alone[feature.positions])


@pytest.mark.parametrize("view", CharacterView)
def test_overfits_32_texts(view):
    torch.manual_seed(0)
    texts = [f"{first} {second}" for first in ("Anna", "Bob", "old", "a") for second in
             ("Rome", "Tower", "cat", "in", "lives", "saw", "is", "b")]
    tokenizer = words_tokenizer([*TEXTS, *texts], view)
    model = tagger(tokenizer, size=BilstmTaggerModelConfig(8, hidden=8, char_width=8, char_hidden=8)).train()
    batch, positions = inputs(tokenizer, texts), torch.tensor([one.positions for one in features(tokenizer, texts)])
    labels = torch.arange(64).view(32, 2) % 5
    optimizer = torch.optim.Adam(model.parameters(), 0.03)
    for _ in range(150):
        logits = task_output(model, batch).logits.gather(1, positions.unsqueeze(-1).expand(-1, -1, 5))
        loss = cross_entropy(logits.flatten(0, 1), labels.flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss < 0.1:
            return
    pytest.fail(f"loss {loss:.3f} after 150 updates")


def test_padding_costs_little_so_that_texts_are_tagged_together():
    tokenizer = words_tokenizer()
    model, made = tagger(tokenizer).eval(), features(tokenizer, ["Anna " * 40, *["Rome"] * 5])
    batches = []
    model.register_forward_pre_hook(lambda _, __, batch: batches.append(len(batch["input_ids"])), with_kwargs=True)
    with torch.inference_mode():
        rows = score(model, made, Level.token, tokenizer.pad_id, 16).rows
    assert batches == [6] and [len(row) for row in rows] == [len(one.input_ids) for one in made]


def test_gradients_reach_all_groups_and_nothing_frozen():
    tokenizer = words_tokenizer()
    model = tagger(tokenizer).train()
    check_groups("bilstm_tagger", model)
    groups = layer_groups(model)
    assert list(groups) == ["char", "word", "head"]
    assert select(groups, ["dense", "char"]) == ["char", "head"]
    freeze(groups, ["word"])
    task_output(model, inputs(tokenizer, TEXTS)).logits.square().sum().backward()
    reached = {group: [bool(p.grad is not None and p.grad.any()) for p in members.values()]
               for group, members in groups.items()}
    assert not any(reached.pop("word"))
    assert all(all(one) for one in reached.values())


def test_dropout_is_before_the_net_over_words_alone():
    tokenizer = words_tokenizer()
    model, batch = tagger(tokenizer), inputs(tokenizer, TEXTS)
    seen = []
    model.encoder.dropout.register_forward_hook(lambda module, arguments, output: seen.append((arguments[0], output)))
    task_output(model.train(), batch)
    before, after = seen[0]
    kept = after != 0
    torch.testing.assert_close(after[kept], 2 * before[kept])
    model.encoder.dropout.p = 0.0
    assert torch.equal(task_output(model, batch).logits, task_output(model.eval(), batch).logits)


def test_saved_and_loaded_gives_the_same_logits(tmp_path):
    tokenizer = words_tokenizer()
    model = tagger(tokenizer).eval()
    save_task_model(model, tmp_path)
    again = load_task_model(tmp_path, EntityRecognition.output, HeadConfig(dropout=0.0)).eval()
    batch = inputs(tokenizer, TEXTS)
    assert torch.equal(task_output(again, batch).logits, task_output(model, batch).logits)


def test_word_vectors_fill_the_table_of_words(tmp_path):
    tokenizer = words_tokenizer()
    encoder = tagger(tokenizer, size=BilstmTaggerModelConfig(2, mode=Vectors.non_static, vectors="x")).encoder
    (tmp_path / "v.txt").write_text(f"anna 1 2\nrome 3 4\nelsewhere 5 6\n{bigrams('Anna')[0]} 7 8\n", encoding="utf-8")
    told = encoder.table.fill(tmp_path / "v.txt", tokenizer)
    assert told["units"] == tokenizer.first_character - 5 and told["found"] == 2
    assert encoder.table.learning[tokenizer.id("rome")].tolist() == [3, 4]


def test_ten_thousand_characters_are_tagged_whole():
    tokenizer = words_tokenizer()
    text = "Anna lives in Rome and " * 450
    made = features(tokenizer, [text], max_length=512)
    assert sum(len(one.units) for one in made) == len(text.split()) and len(text) > 10_000
    model = tagger(tokenizer, size=SIZE).eval()
    with torch.inference_mode():
        scores = score(model, made, Level.token, tokenizer.pad_id, 16).rows
    assert [len(one) for one in scores] == [len(part.input_ids) for part in made]
    assert all(np.isfinite(one).all() for one in scores)
