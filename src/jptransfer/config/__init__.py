"""Every setting of jptransfer as typed dataclasses, in pipeline order. No logic lives here but checking.

Settings of a registered member of a family (a head, encoder, tokenizer, reader, ...) are in the file that registers it.
"""

from jptransfer.config.features import FeaturesConfig, Pairs, Pooling, States
from jptransfer.config.finetuning import (
    BUILD,
    Analyzer,
    ClassWeights,
    FinetuningConfig,
    SubsetConfig,
    TransferConfig,
    TruncationSide,
)
from jptransfer.config.generation import ClampConfig, ClampOf, GenerateConfig, GenerationConfig
from jptransfer.config.heads import HeadConfig
from jptransfer.config.models import GlyphsConfig, MissingGlyph, ModelConfig
from jptransfer.config.probe import ProbeConfig
from jptransfer.config.run import (
    CommandConfig,
    Config,
    Device,
    EvaluationConfig,
    ReportConfig,
    RuntimeConfig,
    Tracker,
    Upstream,
)
from jptransfer.config.suite import ColumnConfig, FragmentConfig, RowConfig, ScaleConfig, SuiteConfig
from jptransfer.config.task import DroppedEntities, RolesConfig, TaskConfig, WordSource
from jptransfer.config.text import (
    CleaningConfig,
    CorpusConfig,
    CorpusRole,
    DeduplicationConfig,
    EncodingConfig,
    OnError,
    Quotes,
    Segmentation,
    SegmenterConfig,
    SourceConfig,
    TokenizerConfig,
    TokenizerSettings,
)
from jptransfer.config.training import (
    LmPhaseConfig,
    LmTrainingConfig,
    NewTokenInit,
    ObjectiveConfig,
    OptimizerConfig,
    PhaseConfig,
    Precision,
    ScheduleConfig,
    VocabularyPolicy,
)
from jptransfer.config.verbs import (
    ArtifactsConfig,
    AttentionConfig,
    CompareConfig,
    DoctorConfig,
    ExportConfig,
    HeatmapConfig,
    ImportConfig,
    LsConfig,
    OutputFormat,
    PredictConfig,
    ReproduceConfig,
    TextsConfig,
)
