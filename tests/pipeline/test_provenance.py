"""What a manifest says of how an artifact came to be."""

import pytest

from jptransfer.config import RuntimeConfig
from jptransfer.pipeline.provenance import provenance


@pytest.mark.parametrize(("override", "recorded"), [
    ("outputs_root=/home/someone/out", "outputs_root=…/out"),
    ("task.files.train='~/reviews 2/a.tsv'", "task.files.train='…/a.tsv'"),
    ("++corpus.sources={mine:{path:/srv/x/y.txt}}", "++corpus.sources={mine:{path:…/y.txt}}"),
    ("a=[/x/y,/z,b/c]", "a=[…/y,…/z,b/c]"),
    ("task.files.train=~someone/reviews/a.tsv", "task.files.train=…/a.tsv"),
    ("+where=a /home/someone/b", "+where=a …/b"), ("x='a  ~someone/b (/srv/x/c)'", "x='a  …/c)'"),
    ("x={a: /srv/x/y, b: ~/z/w}", "x={a: …/y, b: …/w}"),
    ("hydra.sweeper.storage=sqlite:///srv/s.db", "hydra.sweeper.storage=sqlite:…/s.db"),
    ("x=@/home/a/b", "x=@…/b"), ("x=「/home/a/b」", "x=「…/b」"), ("x='-I/home/a/b'", "x='-I…/b'"),
    ("task.files.train='/home/al,ice/b,c/d.tsv'", "task.files.train='…/d.tsv'"),
    (r"task.files.train=/home/al\,ice/d.tsv", "task.files.train=…/d.tsv"),
    ("task.files.train=../../home/a/b.tsv", "task.files.train=…/b.tsv"),
    ("data_root=/home/alice", "data_root=…"), ("data_root=~alice", "data_root=…"), ("data_root=~", "data_root=…"),
    ("x=[/home/alice,/srv/b]", "x=[…,…/b]"), ("data_root='/Users/alice'", "data_root='…'"),
    ("task.files.train=data/../x.tsv", "task.files.train=data/../x.tsv"), ("~key", "~key"),
    ("lm=https://host/x", "lm=https:…/x"), ("x=読/書", "x=読/書"),
    ("~hydra/launcher", "~hydra/launcher"), ("task.where.date=1/2 3/4", "task.where.date=1/2 3/4"),
    ("lm=hf:org/name@main", "lm=hf:org/name@main"), ("data_root=data/official", "data_root=data/official"),
])
def test_overrides_are_recorded_without_places_of_this_machine(override, recorded):
    assert provenance([override], RuntimeConfig())["overrides"] == [recorded]
