"""Presets named after papers hold the values of those papers' code, as their authors published it."""

from functools import reduce

import pytest
import yaml

from jptransfer.resources import resource

ADAM = {"name": "adam", "adam": {"betas": [0.8, 0.99]}, "eps": 1e-8, "weight_decay": 1e-7, "decay_biases": True}
FASTAI1 = {"adamw": {"betas": [0.8, 0.99]}, "eps": 1e-8, "weight_decay": 0.1, "decay_biases": True}
EIGHTH = {"name": "slanted_triangular", "slanted_triangular": {"cut": 1 / 3, "ratio": 8.0}}
QRNN = {"output_dropout": 0.25, "hidden_dropout": 0.1, "input_dropout": 0.2, "embedding_dropout": 0.02,
        "weight_dropout": 0.15}
VALUES = {
    # fastai 1: examples/train_wt103.py and examples/ULMFit.ipynb
    "pretraining/ulmfit_fastai1": {
        "max_length": 80, "batch_tokens": 256 * 80, "epochs": 12, "learning_rate": 1e-2,
        "objective.causal.dropout": 0.1, "optimizer": FASTAI1 | {"clip": 0.1}, "schedule.one_cycle.div": 10.0,
        "schedule.one_cycle.final_div": 1e5,
        "schedule.one_cycle.momentum": [0.8, 0.7]},
    "adaptation/ulmfit_fastai1": {
        "max_length": 80, "batch_tokens": 256 * 80, "epochs": 10, "learning_rate": 2e-2, "vocabulary": "migrate",
        "optimizer": FASTAI1 | {"name": "adamw", "clip": 0.1}, "phases.ends.epochs": 1,
        "phases.all": {"lr_multiplier": 0.1}},
    "finetuning/ulmfit_fastai1": {
        "encoder.batch_size": 128, "encoder.learning_rate": 0.1, "encoder.ar": 2.0, "encoder.tar": 1.0,
        "encoder.optimizer": FASTAI1 | {"name": "adamw", "clip": 0.0}, "encoder.dropout_factor": 0.5,
        "encoder.phases.top.lr_multiplier": 1 / 2, "encoder.phases.upper.lr_multiplier": 1 / 4, 
        "encoder.phases.all.lr_multiplier": 1 / 20},
    # fastai of 2018: courses/dl2/imdb_scripts, finetune_lm.py and train_clas.py
    "adaptation/ulmfit_2018": {
        "batch_tokens": 64 * 70, "epochs": 25, "learning_rate": 4e-3, "optimizer": ADAM | {"clip": 0.3},
        "schedule.slanted_triangular": {"cut": 0.1, "ratio": 32.0}},
    "finetuning/ulmfit_2018": {
        "encoder.batch_size": 64, "encoder.learning_rate": 1e-2, "encoder.ar": 2.0, "encoder.tar": 1.0,
        "encoder.optimizer": ADAM | {"weight_decay": 1e-6, "clip": 25.0},
        "encoder.phases.head.schedule": EIGHTH, "encoder.phases.top.schedule": EIGHTH,
        "encoder.schedule.slanted_triangular": {"cut": 1 / 8, "ratio": 8.0}},
    # multifit: configurations.py, multifit_paper_version
    "model/qrnn": {"awd_lstm": {"cell": "qrnn", "layers": 4, "hidden": 1550, **QRNN}},
    "pretraining/multifit": {
        "batch_tokens": 50 * 70, "epochs": 10, "learning_rate": 5e-3, "objective.causal.dropout": 0.0,
        "optimizer": ADAM | {"clip": 0.12}},
    "adaptation/multifit": {
        "batch_tokens": 20 * 70, "epochs": 20, "learning_rate": 1e-3, "objective.causal.dropout": 0.3,
        "optimizer": ADAM | {"clip": 0.12}, "phases.all": {},
        "phases.ends": {"epochs": 1, "unfreeze": ["embeddings", "head"], "lr_multiplier": 10.0}},
    "finetuning/multifit": {
        "encoder.batch_size": 18, "encoder.epochs": 8, "encoder.learning_rate": 2e-2, "encoder.ar": 2.0,
        "encoder.tar": 1.0, "encoder.label_smoothing": 0.1, "encoder.label_smoothing_by_classes": True,
        "encoder.optimizer": FASTAI1 | {"name": "adamw", "weight_decay": 0.01, "clip": 0.12}, "encoder.dropouts": QRNN,
        "encoder.dropout_factor": 0.5, "encoder.head.concat_pooling.input_dropout": 0.25 * 0.5},
    # google-research/bert and Kikuta's bert-japanese
    "pretraining/bert_paper": {"schedule": {"name": "bert_linear", "warmup": 10000},
                               "objective.mlm.max_predictions": 20},
    "pretraining/bert_paper_512": {"phases.long": {"max_steps": 400000, "max_length": 512, "max_predictions": 20}},
    "adaptation/bert_paper": {"schedule": {"name": "bert_linear", "warmup": 0.1}},
    "finetuning/bert_paper": {"encoder.schedule": {"name": "bert_linear", "warmup": 0.1}},
    # glyph: config.lua and model.lua of embednet
    **{f"model/embednet_{units}": {"model.embedding": {"width": 256, "initial": "normal"}}
       for units in ("char", "byte", "word", "roman")},
    "finetuning/zhang_lecun": {"encoder.optimizer.weight_decay": 1e-5, "encoder.optimizer.decay_biases": True},
    "model/fasttext_char": {"finetuning.fasttext.analyzer": "char"},
}


@pytest.mark.parametrize(("preset", "path"), [(preset, path) for preset, paths in VALUES.items() for path in paths])
def test_values_of_published_code(preset, path):
    values = yaml.safe_load((resource("configs") / f"{preset}.yaml").read_text(encoding="utf-8"))
    assert reduce(lambda section, key: section[key], path.split("."), values) == VALUES[preset][path]


@pytest.mark.parametrize(("preset", "groups"), [("ulmfit_2018", 5), ("ulmfit_fastai1", 5), ("multifit", 6)])
def test_the_lowest_layer_group_of_a_classifier_learns_at_the_rate_over_2_6_to_the_fourth(preset, groups):
    values = yaml.safe_load((resource("configs") / "finetuning" / f"{preset}.yaml").read_text(encoding="utf-8"))
    assert values["encoder"]["lr_decay_from_head"]
    assert values["encoder"]["layerwise_lr_decay"] ** (groups - 1) == pytest.approx(2.6 ** -4, rel=1e-6)
