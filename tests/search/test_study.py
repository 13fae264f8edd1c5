"""A search that was interrupted, wherever it was, ends as one that was not: same trials, same values, same order."""

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from jptransfer.errors import ConfigError
from jptransfer.search.samplers import tpe
from jptransfer.search.settings import SearchSettings
from jptransfer.search.space import read_space
from jptransfer.search.study import Search, make_pruner, make_sampler

pytestmark = pytest.mark.slow

SPACE = ("x=interval(-1,1)", "n=tag(log,int(interval(1,64)))", "kind=good,bad,other")


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Leave records to the page cache: this process is not killed."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


class Launcher:
    """Answers jobs from a formula and remembers them."""

    def __init__(self, stop_at: int = -1) -> None:
        self.jobs: list[tuple[str, ...]] = []
        self.stop_at = stop_at

    def launch(self, jobs: list[list[str]]) -> list[float]:
        values = []
        for job in jobs:
            if len(self.jobs) == self.stop_at:
                raise KeyboardInterrupt
            self.jobs.append(tuple(job))
            got = dict(one.split("=") for one in job)
            value = -(float(got["x"]) - .3) ** 2 - float(got["n"]) / 50 - .1 * int(got.get("seed", 0))
            values.append(math.nan if float(got["x"]) > .8 else value)
        return values


def search(folder: Path, *arguments: str, launcher: Launcher | None = None, **settings) -> Launcher:
    launcher = launcher or Launcher()
    Search(SearchSettings(**{"n_trials": 16} | settings), *read_space(list(arguments or SPACE)), launcher.launch,
           folder / "studies").run()
    return launcher


def test_a_seed_named_twice_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"hydra\.sweeper\.seeds=\[0, 1, 0\] names a seed twice"):
        search(tmp_path, seeds=[0, 1, 0])


def journal(folder: Path) -> Path:
    (file,) = folder.glob("studies/*.journal")
    return file


def trials(folder: Path) -> list[tuple]:
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal(folder))))
    (study,) = optuna.get_all_study_summaries(storage)
    return [(one.number, one.state.name, one.value, one.params, one.intermediate_values)
            for one in optuna.load_study(study_name=study.study_name, storage=storage).trials]


@pytest.mark.parametrize("settings", [
    {}, {"sampler": "random", "seed": 3}, {"seeds": [0, 1], "pruner": "median", "warmup_trials": 2}, {"n_jobs": 3},
    {"n_jobs": 3, "seeds": [0, 1], "pruner": "median", "warmup_trials": 2},
], ids=["tpe", "random", "seeds", "parallel", "parallel-seeds"])
def test_a_search_killed_after_any_record_ends_the_same(tmp_path, settings):
    reference = search(tmp_path / "whole", **settings)
    expected = trials(tmp_path / "whole")
    assert {state for _, state, *_ in expected} >= {"COMPLETE", "FAIL"}
    lines = journal(tmp_path / "whole").read_bytes().splitlines(keepends=True)
    for kept in range(1, len(lines), 2 if not settings else 5):
        torn = lines[kept][:len(lines[kept]) * (kept % 4) // 4]
        folder = tmp_path / str(kept)
        (folder / "studies").mkdir(parents=True)
        (folder / "studies" / journal(tmp_path / "whole").name).write_bytes(b"".join(lines[:kept]) + torn)
        resumed = search(folder, **settings)
        assert trials(folder) == expected, f"killed after record {kept}"
        assert set(resumed.jobs) <= set(reference.jobs)


@pytest.mark.parametrize("stop_at", [0, 4, 11])
def test_an_interrupted_trial_is_run_again_and_no_other(tmp_path, stop_at):
    whole = search(tmp_path / "whole").jobs
    first = Launcher(stop_at)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "resumed", launcher=first)
    second = search(tmp_path / "resumed")
    assert first.jobs + second.jobs == whole
    assert trials(tmp_path / "resumed") == trials(tmp_path / "whole")


def test_seeds_that_were_scored_before_the_kill_are_not_run_again(tmp_path):
    first = Launcher(stop_at=5)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, launcher=first, seeds=[0, 1, 2])
    assert first.jobs + search(tmp_path, seeds=[0, 1, 2]).jobs == search(tmp_path / "whole", seeds=[0, 1, 2]).jobs


def test_an_interrupted_grid_repeats_and_loses_no_point(tmp_path):
    space = ("x=0.1,0.9,0.2,0.3", "n=1,2")
    whole = search(tmp_path / "whole", *space, sampler="grid").jobs
    for stop_at in (0, 3, 7):
        first = Launcher(stop_at)
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path / str(stop_at), *space, sampler="grid", launcher=first)
        assert first.jobs + search(tmp_path / str(stop_at), *space, sampler="grid").jobs == whole
    assert len(whole) == 8


@pytest.mark.parametrize("settings", [{}, {"n_jobs": 3}, {"seeds": [0, 1]}], ids=["alone", "parallel", "seeds"])
@pytest.mark.parametrize("stop_at", [0, 4, 11])
def test_a_trial_that_the_machine_cannot_finish_ends_the_call_and_is_resumed(tmp_path, stop_at, settings):
    whole = search(tmp_path / "whole", **settings).jobs

    class Full(Launcher):
        def launch(self, jobs):
            number = len(self.jobs)
            values = super().launch(jobs)
            return [None if number + place == stop_at else value for place, value in enumerate(values)]

    first = search(tmp_path / "resumed", launcher=Full(), **settings)
    states = [state for _, state, *_ in trials(tmp_path / "resumed")]
    assert states.count("RUNNING") == 1 and len(first.jobs) <= stop_at + 3
    failed = first.jobs[stop_at]
    second = search(tmp_path / "resumed", **settings)
    assert second.jobs[0] == failed
    if settings.get("n_jobs", 1) == 1:
        assert first.jobs + second.jobs[1:] == whole and trials(tmp_path / "resumed") == trials(tmp_path / "whole")
    else:
        assert not {"RUNNING", "WAITING"} & {state for _, state, *_ in trials(tmp_path / "resumed")}


def test_failed_trials_of_a_concluded_call_are_replaced(tmp_path):
    assert len(search(tmp_path).jobs) == 16
    failed = [state for _, state, *_ in trials(tmp_path)].count("FAIL")
    again = search(tmp_path)
    assert failed and len(again.jobs) == failed
    assert len(trials(tmp_path)) == 16 + failed


def test_more_trials_go_on_as_if_they_were_asked_for_at_once(tmp_path):
    space = ("x=interval(-1,0.5)", *SPACE[1:])
    whole = search(tmp_path / "whole", *space, n_trials=16, study_name="s").jobs
    fewer = search(tmp_path / "more", *space, n_trials=12, study_name="s").jobs
    assert len(fewer) == 12 and fewer + search(tmp_path / "more", *space, study_name="s").jobs == whole


def test_tpe_is_multivariate_whatever_the_version_of_optuna_prefers():
    assert tpe(0, parallel=False)._is_multivariate(optuna.create_study())
    assert not tpe(0, parallel=False)._constant_liar and tpe(0, parallel=True)._constant_liar


@pytest.mark.parametrize(("changed", "said"), [
    ({"arguments": ("x=interval(-2,1)", *SPACE[1:])}, "begun with other values of x"),
    ({"arguments": (*SPACE[:2], "kind=good,bad")}, "begun with other values of kind"),
    ({"arguments": SPACE[:2]}, "begun with other values of kind"),
    ({"arguments": (*SPACE, "y=interval(0,1)")}, "begun with other settings, without y"),
    ({"arguments": (*SPACE, "z=1")}, "begun with other fixed settings: none"),
    ({"seeds": [0, 1]}, "begun with other seeds: none"),
    ({"direction": "minimize"}, "begun with other direction: maximize"),
])
def test_a_study_of_another_search_is_refused_in_one_line(tmp_path, changed, said):
    search(tmp_path, study_name="s")
    with pytest.raises(ConfigError, match=f"study 's' was {said}.*; give another hydra.sweeper.study_name"):
        search(tmp_path, *changed.pop("arguments", ()), study_name="s", **changed)


def test_another_space_or_seed_is_another_study_unless_named(tmp_path):
    for arguments, settings in (((), {}), (("x=interval(-2,1)", "n=1,2"), {}), ((), {"seed": 1})):
        assert len(search(tmp_path, *arguments, **settings).jobs) == 16
    assert len(list(tmp_path.glob("studies/*"))) == 3


def test_settings_of_the_machine_do_not_change_the_study(tmp_path):
    search(tmp_path, study_name="s")
    search(tmp_path, *SPACE, "runtime.threads=2", "data_root=/data", study_name="s")


@pytest.mark.parametrize("damage", [
    lambda data: b"\0" * len(data), lambda data: b"nonsense", lambda data: b"\xff\xfe\n" + data,
    lambda data: data[:200] + b"#" + data[201:], lambda data: data[data.index(b"\n") + 1:], lambda data: b"[1]\n",
    lambda data: b'{"op_code":4,"worker_id":"a"}\n',
])
def test_a_damaged_study_is_set_aside(tmp_path, damage, caplog):
    first = search(tmp_path, study_name="s").jobs
    file = tmp_path / "studies" / "s.journal"
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged)
    assert search(tmp_path, study_name="s").jobs == first
    assert (tmp_path / "studies" / "s.journal.damaged").read_bytes() == damaged
    assert [one for one in caplog.messages if "damaged" in one and "set aside" in one and "\n" not in one]


def test_an_empty_study_file_begins_a_study(tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "s.journal").touch()
    assert len(search(tmp_path, study_name="s").jobs) == 16


@pytest.mark.parametrize("content", ["notes\n", "notes"])
def test_a_file_that_is_not_a_journal_is_left_alone(tmp_path, content):
    (tmp_path / "notes.txt").write_text(content)
    with pytest.raises(ConfigError, match="not a journal of Optuna"):
        search(tmp_path, storage=str(tmp_path / "notes.txt"))
    assert (tmp_path / "notes.txt").read_text() == content and len(list(tmp_path.iterdir())) == 1


def test_a_database_that_cannot_be_used_is_one_line(tmp_path):
    (tmp_path / "s.db").write_text("not a database, but a text that is long enough to be looked at\n" * 40)
    with pytest.raises(ConfigError, match=r"hydra.sweeper.storage=sqlite:///.*s\.db: "):
        search(tmp_path, storage=f"sqlite:///{tmp_path / 's.db'}")


def test_a_database_resumes_too(tmp_path):
    url = f"sqlite:///{tmp_path / 's.db'}"
    first = Launcher(stop_at=12)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, storage=url, launcher=first)
    assert first.jobs + search(tmp_path, storage=url).jobs == search(tmp_path / "whole").jobs


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "..", ".hidden", "a" * 201, "日" * 67, "a/b", "a\nb"])
def test_a_study_stays_in_its_folder(tmp_path, name):
    with pytest.raises(ConfigError, match=r"hydra\.sweeper\.study_name: .* name a file or folder"):
        search(tmp_path, study_name=name)
    assert not list(tmp_path.iterdir())


def test_only_the_study_is_left_in_its_folder(tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "s.journal.lock").symlink_to("s.journal")  # as Optuna leaves it when it is killed
    search(tmp_path, study_name="s")
    assert [path.name for path in (tmp_path / "studies").iterdir()] == ["s.journal"]


APP = """
import os, time
from dataclasses import dataclass
import hydra
from hydra.core.config_store import ConfigStore

@dataclass
class C:
    x: float = 0.0
    n: int = 1
    kind: str = ""

ConfigStore.instance().store(name="config", node=C)

@hydra.main(version_base="1.3", config_path=None, config_name="config")
def main(c):
    with open("calls", "a") as calls:
        calls.write(f"{c.x} {c.n} {c.kind}\\n")
    time.sleep(float(os.environ.get("PAUSE", 0)))
    if os.environ.get("KILL_AT") == str(sum(1 for _ in open("calls"))):
        os.kill(os.getpid(), int(os.environ["SIGNAL"]))
        time.sleep(60)
    return -(c.x - 0.3) ** 2 - c.n / 50
main()
"""


def command(folder: Path, **environment: str) -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    (folder / "app.py").write_text(APP)
    words = [sys.executable, "app.py", "-m", "hydra/sweeper=optuna", "hydra.sweep.dir=sweep", *SPACE,
             "hydra.sweeper.n_trials=13", "hydra.sweeper.storage=studies/s.journal", "hydra.sweeper.study_name=s"]
    return subprocess.Popen(words, cwd=folder, env=os.environ | environment, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    done = command(folder)
    assert done.wait(60) == 0, done.stderr.read()
    return folder


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_process_is_resumed(tmp_path, whole, number):
    assert command(tmp_path, KILL_AT="12", SIGNAL=str(int(number))).wait(150) != 0
    assert command(tmp_path).wait(150) == 0
    assert trials(tmp_path) == trials(whole)
    calls = [(folder / "calls").read_text().splitlines() for folder in (tmp_path, whole)]
    assert calls[0] == [*calls[1][:12], *calls[1][11:]]


def test_two_searches_of_one_study_at_once_share_its_trials(tmp_path):
    both = [command(tmp_path, PAUSE="0.05") for _ in range(2)]
    errors = [one.communicate(timeout=60)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], errors
    assert len((tmp_path / "calls").read_text().splitlines()) == 13
    assert [path.name for path in (tmp_path / "studies").iterdir()] == ["s.journal"]


@pytest.mark.parametrize("wrong", [{"sampler": "tpee"}, {"pruner": "medain"}])
def test_names_are_checked(wrong):
    settings = SearchSettings(**wrong)
    with pytest.raises(ConfigError, match="did you mean"):
        (make_sampler(settings), make_pruner(settings))
