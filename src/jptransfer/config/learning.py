"""Settings of everything that is trained: models, objectives, optimisation, fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import prod

from jptransfer.config.fields import setting


class Precision(Enum):
    """Number format of matrix products; it changes the outcome, so it is part of the identity."""

    fp32 = "fp32"
    bf16 = "bf16"


class Masking(Enum):
    """Whether masks are drawn anew in every epoch or come from a fixed number of copies."""

    dynamic = "dynamic"
    static = "static"


@dataclass
class OptimizerConfig:
    """How gradients become updates."""

    name: str = setting("adamw", registry="optimizers")
    """see `jpt ls optimizers`"""
    betas: list[float] = setting(factory=lambda: [0.9, 0.999])
    """decay rates of the moments (adamw, adam, bert_adam)"""
    rho: float = setting(0.95, low=0.0, high=1.0, omit_when=0.95)
    """decay rate of the averages (adadelta)"""
    momentum: float = setting(0.0, low=0.0, high=1.0, omit_when=0.0)
    """share of the last update in the next (sgd)"""
    accumulator: float = setting(1.0, low=0.0, omit_when=1.0)
    """what the sum of squared gradients begins with (adagrad)"""
    eps: float = setting(1e-6, low=0.0)
    """term added to the denominator"""
    weight_decay: float = setting(0.01, low=0.0)
    """decoupled in adamw and bert_adam, else added to the gradient"""
    decay_biases: bool = setting(False, omit_when=False)
    """biases and normalisation decay too, as in fastai 1; otherwise only matrices do"""
    clip: float = setting(1.0, low=0.0)
    """limit of the gradient's global norm; 0: none"""

    def validate(self) -> str:
        """Return what is wrong with the decay rates, if anything."""
        if len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas):
            return ""
        return f".betas: two numbers from 0 to below 1 are needed, not {self.betas}"


@dataclass
class SlantedTriangularConfig:
    """The slanted triangle of ULMFiT (Howard and Ruder 2018, section 3.2, equation 3)."""

    cut: float = setting(0.1, low=0.0, high=1.0)
    """share of the updates in which the rate rises"""
    ratio: float = setting(32.0, low=1.0)
    """the lowest rate is the peak divided by this"""


@dataclass
class OneCycleConfig:
    """One cycle of rate and momentum (Smith 2018), both phases along half a cosine."""

    rise: float = setting(0.3, low=0.0, high=1.0)
    """share of the updates in which the rate rises"""
    div: float = setting(25.0, low=1.0)
    """the first rate is the peak divided by this"""
    final_div: float = setting(250000.0, low=1.0)
    """the last rate is the peak divided by this"""
    momentum: list[float] = setting(factory=lambda: [0.95, 0.85])
    """the optimiser's first decay rate at the ends and at the peak; empty: it stays as it is"""

    def validate(self) -> str:
        """Return what is wrong with the momentum, if anything."""
        if len(self.momentum) in (0, 2) and all(0 <= value < 1 for value in self.momentum):
            return ""
        return f".momentum: two numbers from 0 to below 1 are needed, or none, not {self.momentum}"


@dataclass
class HalvingConfig:
    """A rate that is halved again and again (Zhang and LeCun 2017)."""

    every: float = setting(0.08, low=0.0)
    """between two halvings: below 1: share of all steps; from 1 on: steps"""
    times: int = setting(10, low=0)
    """halvings, after which the rate stays"""

    def validate(self) -> str:
        """Return what is wrong with the distance of halvings, if anything."""
        return "" if self.every else ".every: 0 is no distance; give a share of all steps, or steps"


@dataclass
class ScheduleConfig:
    """How the learning rate moves; only the section of the schedule's own name counts."""

    name: str = setting("linear", registry="schedules")
    """see `jpt ls schedules`"""
    warmup: float = setting(0.1, low=0.0)
    """linear, bert_linear, cosine, constant: below 1: share of all steps; from 1 on: steps"""
    slanted_triangular: SlantedTriangularConfig = setting(factory=SlantedTriangularConfig, omit_when=None)
    """settings of slanted_triangular"""
    one_cycle: OneCycleConfig = setting(factory=OneCycleConfig, omit_when=None)
    """settings of one_cycle"""
    halving: HalvingConfig = setting(factory=HalvingConfig, omit_when=None)
    """settings of halving"""


@dataclass
class CausalConfig:
    """Prediction of the next unit by a recurrent model, in parallel streams."""

    ar: float = setting(2.0, low=0.0)
    """activation regularisation: weight of the mean square of the states that are decoded"""
    tar: float = setting(1.0, low=0.0)
    """temporal activation regularisation: weight of the mean square of the steps between states"""
    dropout: float = setting(1.0, low=0.0)
    """multiplies all dropouts of the model"""


@dataclass
class BilmConfig:
    """Prediction of the next and of the previous word by the two directions of one model, in parallel streams."""

    samples: int = setting(8192, low=0)
    """words drawn by a log-uniform law, by which, with those of the batch, the normaliser of the softmax is estimated
    in training; 0: over all words"""


@dataclass
class ObjectiveConfig:
    """What a language model predicts; `causal` and `bilm` read their own sections, other settings are of mlm."""

    name: str = setting("mlm", registry="objectives")
    """see `jpt ls objectives`"""
    mask_rate: float = setting(0.15, low=0.0, high=1.0)
    """share of tokens to predict"""
    replace_mask: float = setting(0.8, low=0.0, high=1.0)
    """share of those shown as [MASK]"""
    replace_random: float = setting(0.1, low=0.0, high=1.0)
    """share of those shown as a random token; the rest stays as it is"""
    max_predictions: int | None = setting(None, low=1)
    """limit of predictions a sequence (the original BERT: 20 in 128)"""
    whole_word: bool = True
    """mask all pieces of a word together"""
    masking: Masking = Masking.dynamic
    """dynamic: new masks each epoch; static: `copies` sets of masks in turn"""
    copies: int = setting(5, low=1)
    """sets of masks for static masking"""
    next_sentence: bool = False
    """predict whether the second segment follows the first (NSP)"""
    short_sequences: float = setting(0.1, low=0.0, high=1.0)
    """share of sequences that aim at a random shorter length (only with `next_sentence`)"""
    causal: CausalConfig = setting(factory=CausalConfig, omit_when=None)
    """settings of causal"""
    bilm: BilmConfig = setting(factory=BilmConfig, omit_when=None)
    """settings of bilm"""

    def validate(self) -> str:
        """Return what is wrong with the shares of tokens that are predicted or shown as others, if anything."""
        if self.name == "mlm" and not self.mask_rate:
            return ".mask_rate: 0 predicts nothing"
        total = self.replace_mask + self.replace_random
        return f": replace_mask + replace_random is {total:g}; it must be at most 1" if total > 1 + 1e-9 else ""


@dataclass
class PhaseConfig:
    """A part of a training run: how long, how fast, and which layer groups learn; the optimiser starts anew in each."""

    epochs: float | None = setting(None, low=0.0)
    """passes over the training split; none: as many (or as many steps) as the section above says"""
    lr_multiplier: float = setting(1.0, low=0.0)
    """the phase learns at this times the section's learning rate"""
    unfreeze: list[str] = setting(factory=lambda: ["*"])
    """layer groups that learn: names, wildcards, `encoder`, or `last 2` for the topmost two (the head is the last)"""
    layerwise_lr_decay: float | None = setting(None, low=0.0)
    """each lower layer group learns at this times the rate of the one above; none: as the section above says"""
    schedule: ScheduleConfig | None = setting(None, omit_when=None)
    """learning rate over the phase; none: as the section above says"""
    lr_multipliers: dict[str, float] = setting(factory=dict)
    """layer groups (as in `unfreeze`) -> factor of their learning rate, in place of `layerwise_lr_decay`"""


@dataclass
class LmPhaseConfig(PhaseConfig):
    """A phase of a language model's training, which may read sequences of another length (BERT: the last ones longer).
    """

    max_steps: int | None = setting(None, low=1, omit_when=None)
    """updates, in place of `epochs`"""
    max_length: int | None = setting(None, low=8, omit_when=None)
    """mlm: longest sequence in tokens; none: as the section above says"""
    max_predictions: int | None = setting(None, low=1, omit_when=None)
    """mlm: limit of predictions a sequence; none: as the objective says"""


class VocabularyPolicy(Enum):
    """Whose units a language model has after adaptation."""

    keep = "keep"
    migrate = "migrate"


class NewTokenInit(Enum):
    """What a unit begins with that the vocabulary before did not have."""

    mean = "mean"
    fresh = "fresh"


@dataclass
class LmTrainingConfig:
    """Training of a language model, from scratch or from a start."""

    name: str = setting("lm", label=True)
    """label of the artifact"""
    init_from: str = setting("scratch", external=True)
    """scratch, an artifact id, a folder, or `hf:org/name@revision`; adaptation has none: it starts from the LM"""
    vocabulary: VocabularyPolicy = setting(VocabularyPolicy.keep, omit_when=VocabularyPolicy.keep)
    """adaptation: keep the units of the model, or convert it to those of a tokenizer trained on the domain"""
    new_token_init: NewTokenInit = setting(NewTokenInit.mean, omit_when=NewTokenInit.mean)
    """with `vocabulary: migrate`: units the model did not have begin as the mean of its embeddings, or afresh"""
    objective: ObjectiveConfig = setting(factory=ObjectiveConfig)
    """what is predicted"""
    max_length: int = setting(128, low=8)
    """longest sequence in tokens, special tokens included; causal, bilm (words): window of truncated backpropagation"""
    pack: bool = True
    """fill a sequence with consecutive sentences of a document; otherwise one sentence each (mlm)"""
    state_reset_prob: float = setting(0.0, low=0.0, high=1.0, omit_when=0.0)
    """causal, bilm: chance that a stream's state begins anew at a window of training, as at every text of a task; 0: it
    is carried throughout, as in the papers"""
    batch_tokens: int = setting(4096, low=8)
    """global batch: tokens (padding included) an update; causal, bilm (words): `batch_tokens / max_length` streams"""
    micro_batches: int = setting(4, low=1)
    """parts of a batch, each of one length and with its own random numbers; processes and forward passes share parts"""
    max_steps: int | None = setting(None, low=1)
    """updates; none: from `epochs`"""
    epochs: float = setting(1.0, low=0.0)
    """passes over the training split, if `max_steps` is not given"""
    learning_rate: float = setting(1e-4, low=0.0)
    """peak learning rate"""
    optimizer: OptimizerConfig = setting(factory=OptimizerConfig)
    """update rule"""
    schedule: ScheduleConfig = setting(factory=ScheduleConfig)
    """learning rate over time"""
    phases: dict[str, LmPhaseConfig] = setting(factory=dict, ordered=True, omit_when={})
    """name -> part of the run, one after the other, each with the whole schedule; empty: a single one"""
    precision: Precision = Precision.fp32
    """number format"""
    evaluations: int = setting(10, low=0)
    """evaluations on the validation split (of each phase), evenly spaced, the last one at the end"""
    evaluation_sequences: int = setting(2000, low=1)
    """sequences (causal, bilm: windows of a stream) of the validation split each evaluation reads"""
    seed: int = setting(0, low=0)
    """seed of initial weights, order, masks and dropout"""
    checkpoint_every: int | None = setting(None, low=1, label=True)
    """updates between resumable checkpoints; none: every `runtime.checkpoint_seconds`; changes no outcome"""


@dataclass
class SubsetConfig:
    """Low-shot training: a seeded, nested part of the training split."""

    n: int | None = setting(None, low=1)
    """number of examples; a larger n with the same seed contains a smaller one"""
    fraction: float | None = setting(None, low=0.0, high=1.0)
    """share of examples, instead of `n`"""
    stratify: bool = True
    """keep the labels' shares (classification)"""
    seed: int = setting(0, low=0)
    """seed of the order examples are taken in"""

    def validate(self) -> str:
        """Return what is wrong with the size, if anything."""
        if self.fraction == 0:
            return ".fraction: 0 leaves nothing to learn from"
        return ": give n or fraction, not both" if self.n is not None and self.fraction is not None else ""


class ClassWeights(Enum):
    """Weight of each class in the loss."""

    none = "none"
    balanced = "balanced"


class Pooling(Enum):
    """What a text's vector is."""

    first = "first"
    last = "last"
    mean = "mean"
    max = "max"
    concat = "concat"


@dataclass
class PooledHeadConfig:
    """One linear layer on a text's vector."""

    pooling: Pooling = Pooling.first
    """first: of the first token; last: after reading all; mean, max: over all states; concat: last, max, mean joined"""


@dataclass
class ConcatPoolingHeadConfig:
    """Two layers with batch normalisation on the last, strongest and mean state (Howard and Ruder 2018)."""

    width: int = setting(50, low=1)
    """width of the hidden layer"""
    input_dropout: float = setting(0.4, low=0.0, high=1.0)
    """dropout of the pooled states"""


class TruncationSide(Enum):
    """Which tokens of a text stay where it is longer than `max_length`."""

    right = "right"
    left = "left"


@dataclass
class KimCnnHeadConfig:
    """Convolutions over the states, the strongest answer of each (Kim 2014)."""

    widths: list[int] = setting(factory=lambda: [3, 4, 5], low=1)
    """tokens that the filters see at a time"""
    filters: int = setting(100, low=1)
    """filters of each width"""
    max_norm: float = setting(3.0, low=0.0)
    """limit of the norm of an output's weights, restored after every update; 0: none"""


@dataclass
class SelfAttentionHeadConfig:
    """Several weighted sums of the states, with learnt weights (Lin et al. 2017)."""

    hidden: int = setting(350, low=1)
    """width of the layer that scores a state (d_a)"""
    hops: int = setting(30, low=1)
    """weighted sums (r)"""
    penalty: float = setting(1.0, low=0.0)
    """coefficient of what keeps the sums different"""
    dense: int = setting(512, low=1)
    """width of the layer between sums and outputs"""


@dataclass
class RcnnHeadConfig:
    """Each unit between its contexts, the strongest answer over the text (Lai et al. 2015)."""

    hidden: int = setting(256, low=1)
    """width of a unit's meaning in context"""


@dataclass
class TemporalCnnHeadConfig:
    """Pairs of convolutions with max pooling after each, then two linear layers (Zhang and LeCun 2017)."""

    length: int = setting(512, low=1)
    """tokens that the first linear layer has weights for, special tokens included; shorter texts leave zeros"""
    pools: list[int] = setting(factory=lambda: [2, 2, 2, 2, 2], low=1)
    """states that become one after each pair of convolutions; their product must divide `length`"""
    width: int = setting(256, low=1)
    """filters of a convolution"""
    kernel: int = setting(3, low=1)
    """states that a filter sees at a time; an odd number"""
    hidden: int = setting(1024, low=1)
    """width of the linear layer before the outputs"""

    def validate(self) -> str:
        """Return what is wrong with the sizes, if anything."""
        if self.kernel % 2 == 0:
            return f".kernel={self.kernel}: filters are centred on a state, so it must be odd"
        if self.length % prod(self.pools):
            return f".length={self.length} is no multiple of {prod(self.pools)}, the product of pools={self.pools}"
        return ""


@dataclass
class BcnHeadConfig:
    """The biattentive classification network (McCann et al. 2017) over a text's states."""

    vectors: str = setting("", external=True)
    """file of word vectors (as model.embedding.vectors) that stand, as they are, beside the states; empty: none"""
    vector_width: int = setting(300, low=1)
    """their width"""
    input_dropout: float = setting(0.5, low=0.0, high=1.0)
    """dropout of states and word vectors"""
    hidden: int = setting(300, low=1)
    """width of the feed-forward layer, and of one direction of both recurrent layers"""
    feedforward_dropout: float = setting(0.25, low=0.0, high=1.0)
    """dropout of the feed-forward layer"""
    maxout: list[int] = setting(factory=lambda: [1200, 600], low=1)
    """widths of the maxout layers before that of the outputs"""
    maxout_dropouts: list[float] = setting(factory=lambda: [0.2, 0.3], low=0.0, high=1.0)
    """dropout of each of them"""
    pool: int = setting(4, low=1)
    """linear pieces of a maxout unit"""

    def validate(self) -> str:
        """Return what is wrong with the dropouts, if anything."""
        if len(self.maxout) == len(self.maxout_dropouts):
            return ""
        return f".maxout_dropouts: one for each layer of maxout={self.maxout} is needed, not {self.maxout_dropouts}"


@dataclass
class CrfHeadConfig:
    """Tags decided over a whole text by a conditional random field."""

    constraints: bool = True
    """sequences that the tag scheme does not know (I- after nothing of its type) have no probability"""


@dataclass
class HeadConfig:
    """What stands on an encoder; only the section of the head's own name counts."""

    name: str = setting("", registry="heads")
    """see `jpt ls heads`; empty: the architecture's own (BERT: first token through dense and tanh)"""
    dropout: float = setting(0.1, low=0.0, high=1.0)
    """dropout before the last linear layer (bcn: of the pooled states)"""
    scalar_mix: bool | None = setting(None, omit_when=None)
    """read a learnt weighted sum of all layers in place of the top one; none: as the encoder has it (elmo: yes)"""
    pooled: PooledHeadConfig = setting(factory=PooledHeadConfig, omit_when=None)
    """settings of pooled"""
    concat_pooling: ConcatPoolingHeadConfig = setting(factory=ConcatPoolingHeadConfig, omit_when=None)
    """settings of concat_pooling"""
    kim_cnn: KimCnnHeadConfig = setting(factory=KimCnnHeadConfig, omit_when=None)
    """settings of kim_cnn"""
    self_attention: SelfAttentionHeadConfig = setting(factory=SelfAttentionHeadConfig, omit_when=None)
    """settings of self_attention"""
    rcnn: RcnnHeadConfig = setting(factory=RcnnHeadConfig, omit_when=None)
    """settings of rcnn"""
    bcn: BcnHeadConfig = setting(factory=BcnHeadConfig, omit_when=None)
    """settings of bcn"""
    crf: CrfHeadConfig = setting(factory=CrfHeadConfig, omit_when=None)
    """settings of crf"""
    temporal_cnn: TemporalCnnHeadConfig = setting(factory=TemporalCnnHeadConfig, omit_when=None)
    """settings of temporal_cnn"""


@dataclass
class EncoderFinetuningConfig:
    """Fine-tuning of an encoder with a head."""

    epochs: int = setting(3, low=1)
    """passes over the training split"""
    batch_size: int = setting(32, low=1)
    """global batch: examples an update"""
    max_length: int = setting(128, low=8)
    """longest sequence in tokens; longer texts are cut (classification) or split (ner)"""
    truncation_side: TruncationSide = setting(TruncationSide.right, omit_when=TruncationSide.right)
    """the first or the last tokens of a longer text (classification)"""
    bptt: int | None = setting(None, low=1, omit_when=None)
    """awd_lstm: whole texts are read, in windows of so many tokens, the state carried on, gradients within a window
    (BPT3C); the head sees the last `max_length` tokens; none: the encoder too sees only what `max_length` leaves"""
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
    """epochs without improvement before training (or its phase) stops; none: all epochs"""
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


class Analyzer(Enum):
    """What n-grams are made of."""

    char = "char"
    word = "word"


@dataclass
class TfidfConfig:
    """Linear model on counts or TF-IDF of character or word n-grams."""

    analyzer: Analyzer = setting(Analyzer.char, omit_when=Analyzer.char)
    """char: characters; word: words of MeCab with `dictionary`"""
    dictionary: str = setting("", external="dictionary")
    """analyzer word: unidic-lite, ipadic, unidic (by package), or the path of a compiled MeCab dictionary"""
    ngram_min: int = setting(1, low=1)
    """shortest n-gram (units)"""
    ngram_max: int = setting(4, low=1)
    """longest n-gram (units)"""
    min_df: int = setting(1, low=1)
    """n-grams in fewer texts are left out"""
    max_features: int | None = setting(None, low=1, omit_when=None)
    """only so many n-grams, the most frequent ones; none: all (all are counted, in memory, before they are chosen)"""
    idf: bool = setting(True, omit_when=True)
    """weigh n-grams by their rarity; otherwise a bag of counts; either way a text's vector has norm 1"""
    sublinear: bool = True
    """1 + log(tf) in place of tf"""
    c: list[float] = setting(factory=lambda: [0.3, 1.0, 3.0, 10.0, 30.0])
    """inverse strengths of L2 regularisation, chosen on the validation split"""
    class_weights: ClassWeights = ClassWeights.none
    """none, or balanced"""
    metric_for_best_model: str = setting("", registry="metrics")
    """validation metric that chooses C; empty: the task's own"""

    def validate(self) -> str:
        """Return what is wrong with units and n-grams, if anything."""
        if self.ngram_min > self.ngram_max:
            return f".ngram_min={self.ngram_min} is more than ngram_max={self.ngram_max}"
        if (self.analyzer is Analyzer.word) is not bool(self.dictionary):
            return ": units=word needs a dictionary (unidic-lite), and units=char none"
        return ""


@dataclass
class FasttextConfig:
    """fastText's classifier (Joulin et al. 2017): the mean of vectors of words and n-grams, and a softmax."""

    analyzer: Analyzer = Analyzer.word
    """word: words of MeCab; char: characters, so that n-grams are character n-grams"""
    dictionary: str = setting("unidic-lite", external="dictionary")
    """analyzer word: unidic-lite, ipadic, unidic (by package), or the path of a compiled MeCab dictionary"""
    dim: int = setting(10, low=1)
    """width of the vectors"""
    ngrams: list[int] = setting(factory=lambda: [1, 2, 5], low=1)
    """longest n-gram of units; of several the best on the validation split"""
    epochs: list[int] = setting(factory=lambda: [2, 5, 10], low=1)
    """passes over the training split; of several the best on the validation split"""
    subword_min: int = setting(0, low=0)
    """shortest character n-gram inside words (fastText's minn); 0: none"""
    subword_max: int = setting(0, low=0)
    """longest character n-gram inside words (fastText's maxn)"""
    buckets: int = setting(10_000_000, low=1)
    """hash values that n-grams share; only those seen in training take memory"""
    min_count: int = setting(1, low=1)
    """rarer words have no vector of their own"""
    learning_rate: float = setting(0.1, low=0.0)
    """rate of an example's update at the start; it falls linearly to zero"""
    batch_size: int = setting(16, low=1)
    """examples whose updates are made together (summed)"""
    metric_for_best_model: str = setting("", registry="metrics")
    """validation metric that chooses among n-grams and epochs; empty: the task's own"""

    def validate(self) -> str:
        """Return what is wrong with the lists or subwords, if anything."""
        if not self.ngrams or not self.epochs:
            return ": ngrams and epochs need one number or more each"
        if bool(self.subword_min) is not bool(self.subword_max) or self.subword_min > self.subword_max:
            return f": subword_min={self.subword_min}, subword_max={self.subword_max} are no range"
        return ""


@dataclass
class FinetuningConfig:
    """How a task model is made."""

    name: str = setting("finetuned", label=True)
    """label of the artifact"""
    subset: SubsetConfig = setting(factory=SubsetConfig)
    """low-shot training"""
    encoder: EncoderFinetuningConfig = setting(factory=EncoderFinetuningConfig, omit_when=None)
    """settings for models that encode text (bert)"""
    tfidf: TfidfConfig = setting(factory=TfidfConfig, omit_when=None)
    """settings for linear models (linear_tfidf, linear_bag_word, ...)"""
    fasttext: FasttextConfig = setting(factory=FasttextConfig, omit_when=None)
    """settings for model fasttext"""


BUILD = "build"
"""What `TransferConfig.source` may be besides a reference."""


@dataclass
class TransferConfig:
    """What a task model takes from another one before it is trained (Johnson et al. 2019, section 3.3)."""

    source: str = setting("", external=True)
    """task model to take from: an artifact id, a folder, or `build`, what `transfer.build` makes; empty: that too"""
    build: list[str] = setting(factory=list)
    """overrides that turn this configuration into that of the source, as on the command line (task=conll2003); where
    they do not say otherwise, the source has seed 0, learns from its whole training split with no group frozen, and
    takes from no other; a task that they choose is as its preset says, whatever this run sets of its own task"""
    groups: list[str] = setting(factory=list)
    """layer groups to take, named as in `finetuning.encoder.freeze` (char, word, dense; embeddings, layer.0-3, head;
    encoder); units and tags are matched by name, and only units of the training texts count; empty: nothing is taken"""

    def validate(self) -> str:
        """Return what is wrong with the source, if anything."""
        if self.source not in ("", BUILD) and self.build:
            return ": give source or build, not both"
        if self.source == BUILD and not self.build:
            return ".source=build, but transfer.build is empty; give overrides, as in transfer.build=[task=conll2003]"
        if self.groups and not self.source and not self.build:
            return (".groups names what to take, but there is no model to take it from; give transfer.source=ID or "
                    "transfer.build=[task=...]")
        return ""
