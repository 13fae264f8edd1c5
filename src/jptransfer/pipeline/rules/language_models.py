"""Rules for language models: pre-training and adaptation."""

from __future__ import annotations

from jptransfer.config.objectives import chosen
from jptransfer.config.run import Config
from jptransfer.config.training import LmTrainingConfig, VocabularyPolicy
from jptransfer.pipeline.rules.base import rule
from jptransfer.pipeline.rules.facts import (
    FROM_SCRATCH,
    architecture_of,
    check_groups,
    has_language_model,
    is_given,
    names_model,
    needs_text,
    objectives_of,
    positions,
)


@rule("language_model")
def corpus_is_read(config: Config) -> str | None:
    """A model that `lm` names is not trained on the corpus."""
    if names_model(config) and config.corpus.sources:
        return (f"corpus: lm={config.lm} names a model that is trained already, so the corpus would not be read; give "
                "corpus=none to adapt that model to the domain, or to train it on the corpus first "
                f"pretraining.init_from={config.lm} with lm=adapted")
    return None


@rule("language_model")
def only_adaptation_migrates(config: Config) -> str | None:
    """Pre-training keeps the vocabulary."""
    if config.corpus.sources and config.pretraining.vocabulary is not VocabularyPolicy.keep:
        return "pretraining.vocabulary: only adaptation converts a vocabulary"
    return None


@rule("adapted")
def adaptation_starts_from_the_model_before(config: Config) -> str | None:
    """Adaptation has no start of its own."""
    start = config.adaptation.init_from
    if start in FROM_SCRATCH:
        return None
    return ("adaptation.init_from: adaptation starts from the language model before it; for another one give "
            f"pretraining.init_from={start}")


@rule("adapted")
def there_is_a_model_to_adapt(config: Config) -> str | None:
    """The language model that is adapted is trained here or given."""
    if config.domain.sources and has_language_model(config) and not config.corpus.sources and not is_given(config):
        return needs_text("corpus", "there is no language model to adapt", "give pretraining.init_from or lm=FOLDER")
    return None


@rule("language_model")
def pretraining_fits_the_model(config: Config) -> str | None:
    """Objective, lengths and phases of pre-training are those of the architecture."""
    return _training_problem("pretraining", config.pretraining, config) if config.corpus.sources else None


@rule("adapted")
def adaptation_fits_the_model(config: Config) -> str | None:
    """Objective, lengths and phases of adaptation are those of the architecture."""
    return _training_problem("adaptation", config.adaptation, config) if config.domain.sources else None


def _training_problem(section: str, training: LmTrainingConfig, config: Config) -> str | None:
    if not chosen(training.objective).phases_set_lengths and (name := next(
            (name for name, one in training.phases.items() if one.max_length or one.max_predictions), None)):
        return (f"{section}.phases.{name}: max_length and max_predictions are not for objective "
                f"{training.objective.name}, whose sequences have one length")
    if is_given(config):
        return None
    takes = objectives_of(config)
    if takes and training.objective.name not in takes:
        return objective_problem(section, training.objective.name, config.model.architecture, takes)
    lengths = {f"phases.{name}.max_length": phase.max_length or training.max_length
               for name, phase in training.phases.items()} or {"max_length": training.max_length}
    most = positions(config)
    for name, length in lengths.items():
        if most and length > most:
            return f"{section}.{name}={length} is more than the model's {most} positions"
    for name, phase in training.phases.items():
        check_groups(phase.lr_multipliers, config, f"phase '{name}': lr_multipliers")
        check_groups(phase.unfreeze, config, f"phase '{name}': unfreeze")
    return None


def objective_problem(section: str, objective: str, trained: str, takes: tuple[str, ...]) -> str:
    """Return the message for an objective that does not train the model `trained`, which takes others."""
    return (f"{section}.objective.name: '{objective}' does not train {trained}, which takes: {', '.join(takes)}")


@rule("language_model", "task_model")
def tokenizer_fits_the_architecture(config: Config) -> str | None:
    """An architecture that reads certain tokenizers only gets one of them."""
    kind, takes = config.tokenizer.kind, architecture_of(config).tokenizers
    if is_given(config) or not takes or kind in takes:
        return None
    return (f"model.architecture={config.model.architecture} reads tokenizers of kind {' or '.join(takes)}, not "
            f"'{kind}'; choose one, for example tokenizer={takes[0]}")


@rule("language_model", "task_model")
def heads_divide_the_width(config: Config) -> str | None:
    """A fresh BERT's width is divided among its attention heads."""
    size = config.model.bert
    if is_given(config) or config.model.architecture != "bert" or size.hidden % size.heads == 0:
        return None
    return f"model.bert.hidden={size.hidden} is not a multiple of model.bert.heads={size.heads}"
