"""Settings and registry row of learner `encoder`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.config.finetuning import ClassWeights, TruncationSide
from jptransfer.config.heads import HeadConfig
from jptransfer.config.training import OptimizerConfig, PhaseConfig, Precision, ScheduleConfig
from jptransfer.registry import LEARNERS


@LEARNERS.register("encoder", target="jptransfer.learners.encoder:EncoderLearner",
                   needs=("tokenizer", "language_model"))
@dataclass
class EncoderFinetuningConfig:
    """A pre-trained or fresh encoder with a head, trained end to end."""

    epochs: int = setting(3, low=1)
    """passes over the training split"""
    batch_size: int = setting(32, low=1)
    """examples per update, over all processes and micro-batches"""
    max_length: int = setting(128, low=8)
    """longest sequence in tokens; longer texts are cut (classification) or split (ner)"""
    truncation_side: TruncationSide = setting(TruncationSide.right, omit_when=TruncationSide.right)
    """the first or the last tokens of a longer text (classification)"""
    bptt: int | None = setting(None, low=1, omit_when=None)
    """awd_lstm: whole texts are read, in windows of so many tokens, the state carried on, gradients within a window
    (BPT3C); the head sees the last `max_length` tokens; null: the encoder too sees only what `max_length` leaves"""
    head: HeadConfig = setting(factory=HeadConfig)
    """what stands on the encoder"""
    learning_rate: float = setting(1e-4, low=0.0)
    """peak learning rate"""
    optimizer: OptimizerConfig = setting(factory=OptimizerConfig)
    """update rule"""
    schedule: ScheduleConfig = setting(factory=ScheduleConfig)
    """learning rate over time"""
    precision: Precision = Precision.fp32
    """number format"""
    class_weights: ClassWeights = ClassWeights.none
    """none, or balanced: inverse to the classes' frequency"""
    label_smoothing: float = setting(0.0, low=0.0, high=1.0, omit_when=0.0)
    """share of a label's weight in the loss that all labels have in equal parts"""
    label_smoothing_by_classes: bool = setting(False, omit_when=False)
    """divide `label_smoothing` by the number of labels, as MultiFiT does"""
    ar: float = setting(0.0, low=0.0, omit_when=0.0)
    """awd_lstm: activation regularisation, the weight of the mean square of the top layer's states (ULMFiT: 2)"""
    tar: float = setting(0.0, low=0.0, omit_when=0.0)
    """awd_lstm: temporal activation regularisation, the weight of the mean square of their steps (ULMFiT: 1)"""
    dropouts: dict[str, float] = setting(factory=dict, omit_when={})
    """dropouts of the encoder by their names in its config.json, in place of its own; a wrong name lists them"""
    dropout_factor: float = setting(1.0, low=0.0, omit_when=1.0)
    """every dropout of the encoder is multiplied by this, and is at most 1"""
    freeze: list[str] = setting(factory=list)
    """layer groups that stay as they are (embeddings, layer.0, ..., pooler), or `encoder` for all of them"""
    layerwise_lr_decay: float = setting(1.0, low=0.0)
    """discriminative rates: each lower layer group learns at this times the rate of the one above"""
    head_lr_multiplier: float = setting(1.0, low=0.0)
    """the head learns at this times the rate"""
    lr_decay_from_head: bool = setting(False, omit_when=False)
    """count `layerwise_lr_decay` from the head, so that the topmost encoder group already has a lower learning rate"""
    phases: dict[str, PhaseConfig] = setting(factory=dict, ordered=True, omit_when={})
    """name -> part of the run, one after the other, each with the whole schedule (gradual unfreezing); the next goes on
    from the best weights of the one before; groups of `freeze` never learn; empty: a single one of `epochs`"""
    patience: int | None = setting(None, low=1)
    """epochs without improvement before training (or its phase) stops; null: all epochs"""
    metric_for_best_model: str = setting("", registry="metrics")
    """validation metric that chooses the best checkpoint; empty: the task's own (accuracy, entity_f1)"""
    save_every_epoch: bool = setting(False, omit_when=False)
    """keep the task model of every epoch beside the best one, for `evaluation.oracle_epoch`"""

    def validate(self) -> str:
        """Return what is wrong with the reading of long texts, if anything."""
        if self.bptt and self.truncation_side is TruncationSide.right:
            return ".bptt: what is read last is kept, so it needs truncation_side=left"
        if self.bptt and self.head.scalar_mix:
            return ".head.scalar_mix: windows (bptt) keep the top layer only; leave one of the two out"
        return ""
