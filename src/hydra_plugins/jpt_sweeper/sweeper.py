"""The sweeper of ``-m``: every combination of the values given, checked before the first job and quickly so."""

# No postponed annotations here: Hydra's scan runs this module before it is in sys.modules, where dataclasses look.
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf


@dataclass
class ProductSweeperConfig:
    """Settings of ``hydra/sweeper=product``: those of Hydra's basic sweeper."""

    _target_: str = "hydra_plugins.jpt_sweeper.sweeper.ProductSweeper"
    max_batch_size: Optional[int] = None  # noqa: UP045 - Hydra reads it
    """jobs handed to the launcher at a time; empty: all"""
    params: Optional[dict[str, Any]] = None  # noqa: UP045
    """sweep beside the command line's: setting -> values"""


ConfigStore.instance().store(group="hydra/sweeper", name="product", node=ProductSweeperConfig, provider="jptransfer")


class ProductSweeper(BasicSweeper):
    """Hydra's sweeper, which composes the configuration of every job twice: before the first job, and at its start.

    Here the jobs of one choice of groups are composed once before the first job; their values are tried on that one.
    """

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Try every override of a batch of jobs; a wrong one raises as it does in a job."""
        assert self.config is not None and self.hydra_context is not None
        loader = self.hydra_context.config_loader
        parser = OverridesParser.create(config_loader=loader)
        parsed = {one: parser.parse_override(one) for one in {one for job in batch for one in job}}
        if self.batch_index == 1:
            self._refuse_unread()
        composed: dict[tuple[str, ...], DictConfig] = {}
        tried: set[tuple[tuple[str, ...], str]] = set()
        for job in batch:
            choices = tuple(one for one in job if not _is_value(parsed[one], loader))
            if choices not in composed:
                composed[choices] = loader.load_sweep_config(self.config, list(job))
                tried |= {(choices, one) for one in job}
            values = [parsed[one] for one in job if (choices, one) not in tried]
            ConfigLoaderImpl._apply_overrides_to_config(values, composed[choices])
            tried |= {(choices, one) for one in job}


    def _refuse_unread(self) -> None:
        """Raise for a setting that no job of the sweep reads; only configurations of jptransfer tell."""
        assert self.config is not None and self.hydra_context is not None
        if str(getattr(OmegaConf.get_type(self.config), "__module__", "")).startswith("jptransfer."):
            from jptransfer.commands.given import refuse_unread_in_sweep  # not when Hydra scans this module

            jobs = [job for batch in self.overrides or [] for job in batch]
            refuse_unread_in_sweep(jobs, self.config, self.hydra_context.config_loader)


def _is_value(override: Override, loader: Any) -> bool:
    """Whether an override sets a value, and neither chooses of a group nor deletes."""
    group = override.package is not None or loader.repository.group_exists(override.key_or_group)
    return not group and not override.is_delete()
