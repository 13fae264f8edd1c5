"""Every setting of jptransfer as typed dataclasses, in pipeline order. No logic lives here but checking."""

from jptransfer.config.learning import (
    ClassWeights,
    ConcatPoolingHeadConfig,
    EncoderFinetuningConfig,
    FasttextConfig,
    FinetuningConfig,
    HeadConfig,
    Keep,
    LmTrainingConfig,
    Masking,
    ObjectiveConfig,
    OptimizerConfig,
    PhaseConfig,
    PooledHeadConfig,
    Pooling,
    Precision,
    ScheduleConfig,
    SubsetConfig,
    TaskConfig,
    TfidfConfig,
    Units,
)
from jptransfer.config.models import BertModelConfig, ModelConfig
from jptransfer.config.run import (
    ArtifactsConfig,
    CompareConfig,
    Config,
    Device,
    DoctorConfig,
    EvaluationConfig,
    ExportConfig,
    LsConfig,
    PredictConfig,
    ReportConfig,
    ReproduceConfig,
    RuntimeConfig,
    Tracker,
    Upstream,
)
from jptransfer.config.suite import ColumnConfig, PartConfig, RowConfig, ScaleConfig, SuiteConfig
from jptransfer.config.text import (
    CharacterView,
    CleaningConfig,
    CorpusConfig,
    CorpusRole,
    DeduplicationConfig,
    EncodingConfig,
    OnError,
    OriginConfig,
    Segmentation,
    SegmenterConfig,
    SourceConfig,
    TokenizerConfig,
    ViewsConfig,
)

__all__ = [
    "ArtifactsConfig", "BertModelConfig", "CharacterView", "ClassWeights", "CleaningConfig", "ColumnConfig",
    "CompareConfig", "ConcatPoolingHeadConfig", "Config", "CorpusConfig", "CorpusRole", "DeduplicationConfig", "Device",
    "DoctorConfig", "EncoderFinetuningConfig", "EncodingConfig", "EvaluationConfig", "ExportConfig", "FasttextConfig",
    "FinetuningConfig", "HeadConfig", "Keep", "LmTrainingConfig", "LsConfig", "Masking", "ModelConfig",
    "ObjectiveConfig", "OnError", "OptimizerConfig", "OriginConfig", "PartConfig", "PhaseConfig", "PooledHeadConfig",
    "Pooling", "Precision", "PredictConfig", "ReportConfig", "ReproduceConfig", "RowConfig", "RuntimeConfig",
    "ScaleConfig", "ScheduleConfig", "Segmentation", "SegmenterConfig", "SourceConfig", "SubsetConfig", "SuiteConfig",
    "TaskConfig", "TfidfConfig", "TokenizerConfig", "Tracker", "Units", "Upstream", "ViewsConfig",
]
