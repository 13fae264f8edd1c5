"""Search spaces: Hydra's sweep syntax as distributions of Optuna."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from jptransfer.errors import ConfigError
from jptransfer.search.space import distribution, grid, read_space

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("override", "expected"), [
    ("a=1,2", CategoricalDistribution([1, 2])),
    ("a=choice(x,y)", CategoricalDistribution(["x", "y"])),
    ("a=range(1,8,2)", IntDistribution(1, 7, step=2)),
    ("a=range(0.0,1.0,0.25)", FloatDistribution(0.0, 0.75, step=0.25)),
    ("a=interval(-1,2)", FloatDistribution(-1.0, 2.0)),
    ("a=tag(log,interval(1e-5,1e-2))", FloatDistribution(1e-5, 1e-2, log=True)),
    ("a=tag(int,log,interval(1,64))", IntDistribution(1, 64, log=True)),
    ("a=int(interval(1,64))", IntDistribution(1, 64)),
    ("a=tag(log,int(interval(1,64)))", IntDistribution(1, 64, log=True)),
])
def test_search_spaces(override, expected):
    assert distribution(OverridesParser.create().parse_override(override)) == expected


def test_a_logarithm_of_zero_is_refused():
    with pytest.raises(ConfigError, match=r"a=tag\(log"):
        distribution(OverridesParser.create().parse_override("a=tag(log,interval(0,1))"))


def test_grid_lists_every_value():
    space = {"a": CategoricalDistribution(["x", "y"]), "b": IntDistribution(1, 3, step=2)}
    assert grid(space) == [{"a": "x", "b": 1}, {"a": "x", "b": 3}, {"a": "y", "b": 1}, {"a": "y", "b": 3}]
    assert grid({"c": FloatDistribution(0.0, 0.5, step=0.25)}) == [{"c": 0.0}, {"c": 0.25}, {"c": 0.5}]
    with pytest.raises(ConfigError, match="continuous"):
        grid({"d": FloatDistribution(0.0, 1.0)})


def test_the_later_of_two_overrides_counts():
    assert read_space(["a=1,2", "b=3", "a=interval(0,1)", "b=4"]) == (["b=4"], {"a": FloatDistribution(0.0, 1.0)})
    with pytest.raises(ConfigError, match="nothing to search"):
        read_space(["a=1,2", "a=3"])
