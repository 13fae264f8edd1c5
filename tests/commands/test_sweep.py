"""Sweeps: no job hides another, parallel jobs share what they need, the table tells what came of each."""

import json
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.slow

SWEEP = ("prepare", "-m", "corpus.validation_fraction=0.3")


@pytest.fixture
def texts(tmp_path, text):
    (tmp_path / "other.txt").write_text("別の文書の文です。\n\n二つ目の文書です。\n", encoding="utf-8")
    return tmp_path


def test_a_failing_job_does_not_hide_the_others(jpt, texts):
    result = jpt(*SWEEP, "corpus.sources.mine.path=text.txt,nowhere.txt,other.txt")
    assert result.code == 2
    assert result.out.count("artifact: ") == 2
    table = result.out[result.out.index("| job"):]
    assert "nowhere.txt" in table and "failed" in table and "2 jobs done, 1 failed" in table
    (csv,) = texts.glob("outputs/runs/prepare/*/sweep.csv")
    assert len(csv.read_text(encoding="utf-8").splitlines()) == 4


def test_a_bug_in_one_job_is_exit_code_1_and_is_logged(jpt, texts, monkeypatch):
    from jptransfer.artifacts import Store

    publish = Store.publish

    def broken(self, work, manifest):
        if "港" not in (work / "train.txt").read_text() + (work / "validation.txt").read_text():
            raise ZeroDivisionError("a bug")
        return publish(self, work, manifest)

    monkeypatch.setattr(Store, "publish", broken)
    result = jpt(*SWEEP, "corpus.sources.mine.path=other.txt,text.txt")
    assert result.code == 1 and "Traceback" in result.err
    jobs = [json.loads(path.read_text()) for path in sorted(texts.glob("outputs/runs/prepare/*/*/job.json"))]
    assert [job.get("error") for job in jobs] == ["a bug", None]
    (log,) = texts.glob("outputs/runs/prepare/*/0/prepare.log")
    assert "ZeroDivisionError" in log.read_text()


def test_parallel_jobs_share_one_artifact(jpt, texts):
    result = jpt(*SWEEP, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "corpus.sources.mine.path=text.txt",
                 "evaluation.seed=1,2,3")
    assert result.code == 0, result.err
    assert len(list(texts.glob("outputs/artifacts/corpus/*/manifest.json"))) == 1
    jobs = [json.loads(path.read_text()) for path in texts.glob("outputs/runs/prepare/*/*/job.json")]
    assert len(jobs) == 3 and len({job["artifact"] for job in jobs}) == 1
    assert "3 jobs done" in result.out


def test_a_row_is_composed_in_a_worker_too(jpt, texts):
    result = jpt("prepare", "-m", "corpus.sources.mine.path=text.txt", "hydra/launcher=joblib",
                 "hydra.launcher.n_jobs=2", "rows.a=['corpus.validation_fraction=0.3']",
                 "rows.b=['task=toy_sentiment']", "corpus.seed=1,2", "dry_run=true")
    assert result.code == 0, result.err


def test_a_launcher_whose_package_is_missing_says_how_to_get_it(jpt):
    if find_spec("hydra_plugins.hydra_ray_launcher"):
        pytest.skip("the package is here")
    result = jpt("prepare", "-m", "hydra/launcher=ray_local", "corpus=toy")
    assert result.code == 2 and "pip install 'jptransfer[ray]'" in result.err


def test_slurm_is_configured(jpt):
    pytest.importorskip("submitit")
    result = jpt("prepare", "--cfg", "hydra", "-p", "hydra.launcher", "hydra/launcher=slurm")
    assert result.code == 0 and "SlurmLauncher" in result.out and "timeout_min: 720" in result.out


def test_submitit_runs_jobs_in_processes_of_their_own(jpt, texts):
    pytest.importorskip("submitit")
    result = jpt(*SWEEP, "hydra/launcher=submitit_local", "corpus.sources.mine.path=text.txt,other.txt")
    assert result.code == 0, result.err
    assert "2 jobs done" in result.out


@pytest.mark.parametrize(("arguments", "said"), [
    (["finetune", "finetuning.tfidf.metric_for_best_model=error_rate"],
     "of error_rate the better value is the lower one; give min"),
    (["finetune", "hydra.sweeper.direction=minimize"], "of the task metric the better value is the higher one"),
    (["prepare"], "a search goes by the validation score of task models"),
])
def test_a_search_knows_what_is_better(jpt, arguments, said):
    result = jpt(*arguments, "task=toy_sentiment", "model=linear_tfidf", "seed=1,2", "-m", "hydra/sweeper=optuna",
                 "hydra.sweeper.n_trials=1")
    assert result.code == 2 and said in result.err


@pytest.mark.parametrize("words", [
    'eval +experiment=quickstart only=[tfidf] -m seed=5,77',
    'eval +experiment=quickstart only=[lm] -m finetuning.encoder.learning_rate=1e-4,3e-4 seed=5,77',
    'eval +experiment=quickstart -m seed=5,77',
])
def test_every_job_has_the_seed_that_the_sweep_gives_it(jpt, words):
    """Lines as the README has them; jobs that scored the seeds of the file would have the same plans."""
    result = jpt(*words.split(), "dry_run=true")
    assert result.code == 0, result.err
    evaluations = {line.split()[1] for line in result.out.splitlines() if line.startswith("evaluate ")}
    jobs = 2 * (2 if "learning_rate" in words else 1)
    assert len(evaluations) == jobs * (1 if "only" in words else 4)


def test_a_search_goes_on_after_a_full_disk(jpt, tmp_path, monkeypatch):
    import errno

    from jptransfer.artifacts import Store

    words = ("prepare", "-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "task=toy_sentiment",
             "task.seed=range(1,9)")
    publish = Store.publish

    def full(self, work, manifest):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Store, "publish", full)
    monkeypatch.setattr("jptransfer.commands.experiment._check_search", lambda runs, plan: None)
    monkeypatch.setattr("jptransfer.commands.experiment.validation_score", lambda plan, store: {"score": 0.5})
    stopped = jpt(*words)
    assert stopped.code == 1 and "1 failed" in stopped.out and "the disk is full" in stopped.err
    (journal,) = tmp_path.glob("outputs/studies/*.journal")
    assert len([line for line in journal.read_text().splitlines() if '"op_code":4' in line.replace(" ", "")]) == 1
    monkeypatch.setattr(Store, "publish", publish)
    resumed = jpt(*words)
    assert resumed.code == 0 and "2 jobs done" in resumed.out, resumed.err
    assert len([line for line in journal.read_text().splitlines() if '"op_code":4' in line.replace(" ", "")]) == 2
