"""Every setting of jptransfer as typed dataclasses, in pipeline order. No logic lives here but checking."""

from jptransfer.config.learning import (
    ClassWeights,
    EncoderFinetuningConfig,
    FasttextConfig,
    FinetuningConfig,
    HeadConfig,
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
    RuntimeConfig,
    Tracker,
    Upstream,
)
from jptransfer.config.text import (
    CharacterView,
    CleaningConfig,
    CorpusConfig,
    CorpusRole,
    DeduplicationConfig,
    EncodingConfig,
    OnError,
    Segmentation,
    SegmenterConfig,
    SourceConfig,
    TokenizerConfig,
    ViewsConfig,
)

__all__ = [
    "ArtifactsConfig", "BertModelConfig", "CharacterView", "ClassWeights", "CleaningConfig", "CompareConfig", "Config",
    "CorpusConfig", "CorpusRole", "DeduplicationConfig", "Device", "DoctorConfig", "EncoderFinetuningConfig",
    "EncodingConfig", "EvaluationConfig", "ExportConfig", "FasttextConfig", "FinetuningConfig", "HeadConfig",
    "LmTrainingConfig", "LsConfig", "Masking", "ModelConfig", "ObjectiveConfig", "OnError", "OptimizerConfig",
    "PhaseConfig", "PooledHeadConfig", "Pooling", "Precision", "PredictConfig", "ReportConfig", "RuntimeConfig",
    "ScheduleConfig", "Segmentation", "SegmenterConfig", "SourceConfig", "SubsetConfig", "TaskConfig", "TfidfConfig",
    "TokenizerConfig", "Tracker", "Units", "Upstream", "ViewsConfig",
]
