import numpy as np
import pytest
import torch
import transformers as tf

from jptransfer.config import ModelConfig, ObjectiveConfig
from jptransfer.errors import ConfigError, DataError
from jptransfer.models import pretrained
from jptransfer.models.encoder import (
    check_heads,
    check_predictions,
    compile_layers,
    encode,
    encoder_of,
    longest_input,
    predict_at,
    top_layer_at,
    without_unread_types,
)
from jptransfer.models.encoders import bert
from jptransfer.models.encoders.bert_settings import BertModelConfig
from jptransfer.objectives.mlm_settings import MlmConfig

SIZE = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
        "max_position_embeddings": 40, "pad_token_id": 0}
FAMILIES = {
    "bert": lambda: tf.BertForMaskedLM(tf.BertConfig(**SIZE)),
    "bert with pairs": lambda: tf.BertForPreTraining(tf.BertConfig(**SIZE)),
    "roberta": lambda: tf.RobertaForMaskedLM(tf.RobertaConfig(**SIZE)),
    "xlm-roberta": lambda: tf.XLMRobertaForMaskedLM(tf.XLMRobertaConfig(**{**SIZE, "pad_token_id": 1})),
    "distilbert": lambda: tf.DistilBertForMaskedLM(tf.DistilBertConfig(
        vocab_size=50, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=40, pad_token_id=0)),
    "deberta-v2": lambda: tf.DebertaV2ForMaskedLM(tf.DebertaV2Config(**SIZE)),
    "electra": lambda: tf.ElectraForMaskedLM(tf.ElectraConfig(embedding_size=16, **SIZE)),
    "albert": lambda: tf.AlbertForMaskedLM(tf.AlbertConfig(embedding_size=16, **SIZE)),
    "modernbert": lambda: tf.ModernBertForMaskedLM(tf.ModernBertConfig(
        **SIZE, reference_compile=False, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3)),
}
IDS = torch.from_numpy(np.random.default_rng(0).integers(5, 50, (3, 12)))
MASK = torch.tensor([[1] * 12, [1] * 7 + [0] * 5, [1] * 10 + [0] * 2])
INPUTS = {"input_ids": torch.where(MASK == 1, IDS, 0), "attention_mask": MASK}


@pytest.fixture(scope="module", params=FAMILIES)
def model(request):
    torch.manual_seed(0)
    return FAMILIES[request.param]().eval()


def logits_of(output):
    return output.prediction_logits if "prediction_logits" in output else output.logits


def test_predictions_at_positions_are_those_of_the_whole_head(model):
    positions = torch.tensor([1, 5, 12, 17, 30])
    with torch.no_grad():
        whole = logits_of(model(**INPUTS)).reshape(-1, 50)[positions]
        found = predict_at(model, INPUTS, positions)
        again = logits_of(model(**INPUTS)).reshape(-1, 50)[positions]
    torch.testing.assert_close(found.tokens, whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(again, whole)  # nothing stays behind in the model


def test_every_family_passes_the_check_and_keeps_its_random_numbers(model):
    state = torch.random.get_rng_state()
    check_predictions(model, 12)
    assert torch.equal(torch.random.get_rng_state(), state) and not model.training


@pytest.mark.parametrize("make", [
    lambda: tf.PerceiverForMaskedLM(tf.PerceiverConfig(
        vocab_size=50, d_model=16, d_latents=16, num_latents=4, num_blocks=1, num_self_attends_per_block=1,
        num_self_attention_heads=2, num_cross_attention_heads=2, max_position_embeddings=12, qk_channels=16,
        v_channels=16)),
    lambda: tf.ReformerForMaskedLM(tf.ReformerConfig(
        vocab_size=50, is_decoder=False, hidden_size=16, axial_pos_shape=[8, 8], axial_pos_embds_dim=[8, 8],
        attn_layers=["local"], num_attention_heads=2, attention_head_size=8, feed_forward_size=32,
        max_position_embeddings=64, local_attn_chunk_length=4, hash_seed=0)),
])
def test_models_that_cannot_be_trained_at_positions_are_one_line(make):
    with pytest.raises(ConfigError, match="(Perceiver|Reformer)ForMaskedLM cannot be trained further") as caught:
        check_predictions(make(), 12)
    assert "\n" not in str(caught.value)


def rows_seen(module: torch.nn.Module) -> list[int]:
    """Return a list that gets the number of positions of every pass through `module`."""
    seen: list[int] = []
    module.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].shape[:-1].numel()))
    return seen


@pytest.mark.parametrize("family", ["bert", "bert with pairs", "roberta", "xlm-roberta", "electra"])
def test_the_top_layer_works_at_the_positions_alone(family):
    """Losses and gradients are those of the whole computation, and no more is computed than is read."""
    torch.manual_seed(0)
    model = FAMILIES[family]().eval()
    layers = encoder_of(model).encoder.layer
    below, top = rows_seen(layers[0].intermediate), rows_seen(layers[-1].intermediate)
    positions = torch.tensor([1, 5, 12, 17, 30])
    found = predict_at(model, INPUTS, positions)
    paired = found.next_sentence is not None
    assert (below, top) == ([36], [5 + (3 if paired else 0)])
    (found.tokens.logsumexp(-1).sum() + (found.next_sentence.square().sum() if paired else 0)).backward()
    narrow = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}
    model.zero_grad()
    whole = model(**INPUTS)
    assert top[-1] == 36
    loss = logits_of(whole).reshape(-1, 50)[positions].logsumexp(-1).sum()
    if paired:
        torch.testing.assert_close(found.next_sentence, whole.seq_relationship_logits)
        loss = loss + whole.seq_relationship_logits.square().sum()
    loss.backward()
    for name, gradient in narrow.items():
        torch.testing.assert_close(gradient, dict(model.named_parameters())[name].grad, atol=1e-5, rtol=1e-4)


def test_compiled_layers_compute_every_position():
    model = FAMILIES["bert"]().eval()
    compile_layers(model)
    with top_layer_at(model, torch.tensor([[1]])) as narrowed:
        assert not narrowed


def test_states_of_all_layers(model):
    with torch.no_grad():
        encoded = encode(model, INPUTS)
        last = encoder_of(model)(**INPUTS).last_hidden_state
    assert len(encoded.states) == 3
    torch.testing.assert_close(encoded.last, last)
    assert encoded.mask.tolist() == MASK.bool().tolist()


def test_saved_and_loaded_it_is_the_same_model(model, tmp_path):
    pretrained.save_language_model(model, tmp_path)
    assert (tmp_path / "model.safetensors").exists()
    loaded = pretrained.load_language_model(tmp_path).eval()
    assert type(loaded) is type(model)
    with torch.no_grad():
        torch.testing.assert_close(logits_of(loaded(**INPUTS)), logits_of(model(**INPUTS)))


def test_longest_input_runs_and_one_more_does_not():
    for family in ("bert", "roberta", "distilbert"):
        model = FAMILIES[family]()
        longest = longest_input(model)
        assert longest == (39 if family == "roberta" else 40)
        model(input_ids=torch.full((1, longest), 7))
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=torch.full((1, longest + 1), 7))


STATED_ELSEWHERE = {
    "quantised table, after that of padding": lambda: tf.IBertModel(tf.IBertConfig(
        **{**SIZE, "pad_token_id": 1, "max_position_embeddings": 42})),
    "max_encoder_position_embeddings": lambda: tf.LEDModel(tf.LEDConfig(
        vocab_size=50, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_encoder_position_embeddings=40,
        attention_window=8)).get_encoder(),
    "max_seq_len": lambda: tf.MptModel(tf.MptConfig(vocab_size=50, d_model=16, n_heads=2, n_layers=1, max_seq_len=40)),
}


@pytest.mark.parametrize("name", STATED_ELSEWHERE)
def test_the_longest_input_where_a_family_says_it_in_its_own_way(name):
    model = STATED_ELSEWHERE[name]().eval()
    assert longest_input(model) == 40
    model(input_ids=torch.full((1, 40), 7))


def test_next_sentence_needs_its_head():
    check_heads(FAMILIES["bert with pairs"](), next_sentence=True)
    check_heads(FAMILIES["roberta"](), next_sentence=False)
    with pytest.raises(ConfigError, match="RobertaForMaskedLM has no next-sentence head"):
        check_heads(FAMILIES["roberta"](), next_sentence=True)


PUBLISHED = [((2, 128, 2), 4.4), ((4, 256, 4), 11.2), ((4, 512, 8), 28.8), ((8, 512, 8), 41.4), ((12, 768, 12), 110.0)]


@pytest.mark.parametrize(("size", "millions"), PUBLISHED)
def test_the_published_sizes(size, millions):
    """Parameters of the encoder with pooler, as google-research/bert lists them for the 30,522-unit vocabulary."""
    layers, hidden, heads = size
    config = ModelConfig(bert=BertModelConfig(layers=layers, hidden=hidden, heads=heads, intermediate=4 * hidden))
    with torch.device("meta"):
        objective = ObjectiveConfig("mlm", mlm=MlmConfig(next_sentence=True))
        model = pretrained.fresh_language_model(bert.configuration(config, 30_522, 0), objective)
    assert sum(p.numel() for p in encoder_of(model).parameters()) / 1e6 == pytest.approx(millions, rel=0.01)


def test_a_folder_is_fetched_as_it_is(tmp_path):
    assert pretrained.fetch(str(tmp_path)) == (tmp_path, str(tmp_path))
    with pytest.raises(ConfigError, match="no folder"):
        pretrained.fetch(str(tmp_path / "missing"))


def test_a_hub_model_comes_without_pickles_and_with_its_commit(tmp_path, monkeypatch):
    asked = {}

    def download(name, revision, allow_patterns):
        asked.update(name=name, revision=revision, patterns=allow_patterns)
        return str(tmp_path / ("c" * 40))

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    folder, exact = pretrained.fetch("hf:org/name@v1")
    assert (exact, folder.name) == ("hf:org/name@" + "c" * 40, "c" * 40)
    assert (asked["name"], asked["revision"]) == ("org/name", "v1")
    assert not any(pattern.endswith((".bin", ".pt", ".py", ".h5", "*")) for pattern in asked["patterns"])


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(DataError, match="no config.json"):
        pretrained.load_language_model(tmp_path)
    FAMILIES["bert"]().config.save_pretrained(tmp_path)
    with pytest.raises(DataError, match="transformers loads no AutoModelForMaskedLM"):
        pretrained.load_language_model(tmp_path)


TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


@pytest.mark.parametrize(("model", "reads"), [
    (lambda: tf.BertModel(tf.BertConfig(vocab_size=20, **TINY)), True),
    (lambda: tf.RobertaModel(tf.RobertaConfig(vocab_size=20, type_vocab_size=1, **TINY)), False),
    (lambda: tf.ModernBertModel(tf.ModernBertConfig(vocab_size=20, pad_token_id=0, **TINY)), False),
])
def test_token_type_ids_are_given_to_encoders_that_have_embeddings_for_them(model, reads):
    inputs = {"input_ids": torch.tensor([[5, 6, 7]]), "token_type_ids": torch.tensor([[0, 1, 1]])}
    encoder = model().eval()
    kept = without_unread_types(encoder, inputs)
    assert set(kept) == (set(inputs) if reads else {"input_ids"})
    with torch.no_grad():
        encoder(**kept)
    assert without_unread_types(encoder, {"input_ids": inputs["input_ids"]}).keys() == {"input_ids"}
