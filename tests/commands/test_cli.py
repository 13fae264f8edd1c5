"""What every user meets first: help, one-line errors, exit codes, the last line on standard output."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool

import pytest

from jptransfer import pipeline
from jptransfer.commands import VERBS
from jptransfer.errors import ArtifactError, DataError

pytestmark = pytest.mark.slow

MISTAKES = [
    (["rnu"], "unknown verb 'rnu' (did you mean 'run'?)"),
    (["run", "corpus=tooy"], "unknown corpus 'tooy' (did you mean 'toy'?)"),
    (["run", "corpuss=toy"], "did you mean 'corpus'?"),
    (["run", "+experiment=quikstart"], "unknown experiment 'quikstart' (did you mean 'quickstart'?)"),
    (["run", "finetuning.encoder.learning_ratee=1"], "did you mean 'finetuning.encoder.learning_rate'?"),
    (["run", "vocab_size=9"], "did you mean 'tokenizer.vocab_size'?"),
    (["run", "+tokenizer.size=9"], "unknown setting 'tokenizer.size'"),
    (["run", "~sede"], "did you mean 'seed'?"),
    (["run", "pretraining.learning_rate=fast"], "pretraining.learning_rate: Value 'fast'"),
    (["run", "pretraining.precision=fp8"], "pretraining.precision: Invalid value 'fp8', expected one of [fp32, bf16]"),
    (["run", "tokenizer.kind=wordpeice"], "tokenizer.kind: unknown tokenizer 'wordpeice' (did you mean 'wordpiece'?)"),
    (["run", "corpus.cleaning.steps=[nfkc,nfd]"], "corpus.cleaning.steps: unknown cleaning step 'nfd'"),
    (["run", "seed=-1"], "seed: -1 is out of range; it must be at least 0"),
    (["run", "model.bert.dropout=1.5"], "model.bert.dropout: 1.5 is out of range; it must be at least 0 and at most 1"),
    (["run", "seed=1,2"], "sweep over them with -m"),
    (["run", "seed=["], "cannot read 'seed=['"),
    (["run", "seed=;"], "quote twice, as in 'seed=\"a;b\"'"),
    (["run", "task.label_map={良い:good"], "cannot read 'task.label_map={良い:good'"),
    (["run", "name=${nme}"], "name: Interpolation key 'nme' not found"),
    (["run", "quickstart"], "'quickstart' is not a setting"),
    (["run", "--mutlirun"], "unknown option '--mutlirun' (did you mean '--multirun'?)"),
    (["run"], "try +experiment=quickstart"),
    (["run", "rows.a=['sede=1']"], "rows.a: unknown setting 'sede' (did you mean 'seed'?)"),
    (["run", "rows.a=['corpus=tooy']"], "rows.a: unknown corpus 'tooy'"),
    (["run", "evaluation.bootstrap=1"], "evaluation.bootstrap: 1 is out of range; it must be 0 or at least 20"),
    (["compare", "a", "b", "bootstrap=1"], "bootstrap: 1 is out of range; it must be 0 or at least 20"),
    (["run", "seeds=[1,1]"], "seeds=[1, 1] names a seed twice"),
    (["run", "rows.a=['seed=-3']"], "rows.a: seed: -3 is out of range"),
    (["run", "rows.lm=[]", "only=[lmm]"], "only: unknown row 'lmm' (did you mean 'lm'?)"),
    (["prepare", "corpus.sources.mine.pth=x"], "did you mean 'corpus.sources.mine.path'?"),
    (["prepare", "corpus.sources.mine.path=nowhere.txt"], "no such file or folder: 'nowhere.txt'"),
    (["predict"], "artifact is required: task model"),
    (["predict", "3fa9c1", "format=bratt"], "format: Invalid value 'bratt', expected one of [tsv, jsonl, conll, brat]"),
    (["predict", "3fa9c1"], "no artifact '3fa9c1'"),
    (["ls", "modls"], "unknown list 'modls' (did you mean 'models'?)"),
    (["artifacts", "lss"], "unknown action 'lss' (did you mean 'ls'?)"),
    (["artifacts", "ls", "kind=corpora"], "unknown kind 'corpora'"),
    (["artifacts", "ls", "--jsn"], "unknown option '--jsn' (did you mean '--json'?)"),
    (["run", "-m", "corpus=toy,tooy"], "unknown corpus 'tooy' (did you mean 'toy'?)"),
    (["run", "--config-dir", "nowhere"], "nowhere' not found"),
    (["run", "--cfg", "jobs"], "unknown value of --cfg 'jobs' (did you mean 'job'?); there are: all, hydra, job"),
    (["run", "--resolve"], "--resolve goes with --cfg"),
    (["run", "evaluation.splits=test"], "evaluation.splits: it takes a list, as in evaluation.splits=[a,b]"),
    (["run", "pretraining.objective=clm"], "it is a section, not a value; give its entries, as in "
                                           "pretraining.objective.name=…"),
    (["run", "seeds=[1,null]"], "seeds[1]: null is no value here"),
    (["run", "rows.main=1"], "rows.main: it takes a list, as in rows.main=[a,b]"),
    (["run", "rows=x"], "rows: it is a section, not a value; give its entries, as in rows.<name>=…"),
    (["run", "evaluation.splits=[tset]"], "evaluation.splits: unknown split 'tset' (did you mean 'test'?)"),
    (["run", "finetuning.subset.fraction=0"], "finetuning.subset.fraction: 0 leaves nothing to learn from"),
    (["run", "finetuning.subset.n=9", "finetuning.subset.fraction=0.5"], "finetuning.subset: give n or fraction, not"),
    (["run", "pretraining.objective.mlm.mask_rate=0"], "pretraining.objective.mlm.mask_rate: 0 predicts nothing"),
    (["run", "pretraining.objective.mlm.replace_mask=0.95"],
     "pretraining.objective.mlm: replace_mask + replace_random is 1.0"),
    (["run", "adaptation.optimizer.adamw.betas=[0.9]"],
     "adaptation.optimizer.adamw.betas: two numbers from 0 to below 1"),
    (["run", "finetuning.encoder.bptt=9", "finetuning.encoder.truncation_side=left",
      "finetuning.encoder.head.scalar_mix=true"],
     "finetuning.encoder.head.scalar_mix: windows (bptt) keep the top layer only"),
    (["run", "tokenizer.kind=bpe", "tokenizer.segmenter.join_auxiliaries=true"],
     "tokenizer.segmenter.join_auxiliaries: kind bpe knows no words"),
    (["run", "pretraining.name=a/b"], "pretraining.name: 'a/b' cannot name a file or folder"),
    (["run", "corpus=toy", "task=toy_sentiment", "report.baseline=lm"], "report.baseline: unknown row 'lm'"),
    (["run", "hydra.sweeper.trials=3"], "unknown setting 'hydra.sweeper.trials'; `--cfg hydra` lists those of Hydra"),
    (["run", "-m", "seed=interval(1,2)"], "are for a search: add hydra/sweeper=optuna"),
]


@pytest.mark.parametrize(("arguments", "expected"), MISTAKES, ids=[" ".join(one)[:40] for one, _ in MISTAKES])
def test_a_mistake_is_one_line_and_exit_code_2(jpt, arguments, expected):
    result = jpt(*arguments)
    assert result.code == 2
    assert expected in result.err
    assert result.err.count("\n") == 1 and result.err.startswith("error: ")
    assert result.out == ""


def test_debug_shows_the_traceback_of_a_mistake(jpt, monkeypatch):
    monkeypatch.setenv("JPT_DEBUG", "1")
    result = jpt("run", "seed=-1")
    assert result.code == 2 and "Traceback" in result.err


def test_overview_names_every_verb(jpt):
    result = jpt("--help")
    assert result.code == 0
    assert all(f"  {verb.name} " in result.out and verb.help in result.out for verb in VERBS.values())
    assert len(result.out.splitlines()) < 36 and max(map(len, result.out.splitlines())) <= 80


def test_cfg_job_shows_the_configuration(jpt):
    result = jpt("run", "--cfg", "job", "-p", "tokenizer", "tokenizer.vocab_size=77")
    assert result.code == 0 and "vocab_size: 77" in result.out


def test_last_line_is_the_artifact_and_the_second_run_finds_it(jpt, text):
    command = ("prepare", f"corpus.sources.mine.path={text}", "corpus.validation_fraction=0.3")
    first, second = jpt(*command), jpt(*command)
    assert first.code == second.code == 0
    assert first.out.splitlines()[-1].startswith("artifact: outputs/artifacts/corpus/")
    assert first.out == second.out
    assert "prepare_corpus" in first.err and second.err == ""


def test_dry_run_prints_the_plan_and_makes_nothing(jpt, text, tmp_path):
    result = jpt("encode", f"corpus.sources.mine.path={text}", "dry_run=true")
    stages = [line.split()[0] for line in result.out.splitlines()]
    assert result.code == 0 and stages == ["prepare_corpus", "tokenize", "encode"]
    assert "missing" in result.out and "no artifact of stage encode yet" in result.out
    assert not (tmp_path / "outputs" / "artifacts").exists()


def test_upstream_require_names_the_commands(jpt, text):
    result = jpt("encode", f"corpus.sources.mine.path={text}", "upstream=require")
    assert result.code == 2 and "jpt prepare" in result.err and "jpt tokenize" in result.err


def test_a_bug_keeps_its_traceback_in_the_terminal_and_in_the_log(jpt, text, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("jptransfer.pipeline.make_plan", broken)
    result = jpt("prepare", f"corpus.sources.mine.path={text}")
    assert result.code == 1 and "Traceback" in result.err and "ZeroDivisionError: a bug" in result.err
    (log,) = (tmp_path / "outputs" / "runs" / "prepare").glob("*/prepare.log")
    assert "ZeroDivisionError: a bug" in log.read_text()


@pytest.mark.parametrize(("trouble", "code", "line"), [
    (OSError(28, "No space left on device"), 1, "the disk is full"),
    (RuntimeError("I/O error: No space left on device (os error 28)"), 1, "the disk is full"),
    (PermissionError(13, "Permission denied", "outputs/x"), 2, "Permission denied: 'outputs/x'"),
    (FileExistsError(17, "File exists", "a.tsv"), 2, "File exists: 'a.tsv'"),
    (IsADirectoryError(21, "Is a directory", "a"), 2, "Is a directory: 'a'"),
    (OSError(27, "File too large"), 1, "a file became larger than"),
    (ArtifactError("weights: I/O error: File too large (os error 27)"), 2, "weights: I/O"),
    (MemoryError(), 1, "out of memory"), (OSError(12, "Cannot allocate memory"), 1, "out of memory"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), 1, "out of memory"),
    (BrokenProcessPool("A process in the process pool was terminated abruptly"), 1, "a worker process was ended"),
    (RuntimeError("PytorchStreamWriter failed writing file data/1: file write failed"), 1, "the disk is full"),
    (OSError(24, "Too many open files"), 1, "too many files are open"),
    (OSError(5, "Input/output error"), 1, "a disk or network drive failed"),
    (RecursionError("maximum recursion depth exceeded while decoding a JSON array"), 1, "a JSON file is nested"),
    (BrokenPipeError(32, "Broken pipe"), 1, "Broken pipe"),
])
def test_a_full_disk_and_a_closed_place_are_one_line(jpt, text, monkeypatch, trouble, code, line):
    def stopped(*_):
        raise trouble

    monkeypatch.setattr("jptransfer.pipeline.build", stopped)
    result = jpt("prepare", f"corpus.sources.mine.path={text}")
    assert result.code == code and f"error: {line}" in result.err.splitlines()[-1] and "Traceback" not in result.err


def test_a_full_disk_is_named_even_where_a_library_calls_its_file_damaged(jpt, text, monkeypatch):
    def stopped(*_):
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise DataError("a.tsv: damaged") from error

    monkeypatch.setattr("jptransfer.pipeline.build", stopped)
    result = jpt("prepare", f"corpus.sources.mine.path={text}")
    assert (result.code, "the disk is full" in result.err) == (1, True)


def in_process(folder, *words, before="", **settings):
    code = f"{before}\nfrom jptransfer.cli import main; main()"
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=folder, text=True, stderr=subprocess.PIPE, **settings)


def test_a_limit_on_the_size_of_files_is_one_line(text, tmp_path):
    text.write_text("朝の市場は魚の匂いがする。\n\n" * 3000, encoding="utf-8")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"
    done = in_process(tmp_path, "prepare", f"corpus.sources.mine.path={text}", before=limit, stdout=subprocess.DEVNULL)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: a file became larger than")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_standard_output_on_a_full_disk_is_one_line(tmp_path):
    try:
        os.mknod(tmp_path / "full", 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        full = (tmp_path / "full").open("w")
    except OSError:
        pytest.skip("device nodes do not work here")
    with full:
        done = in_process(tmp_path, "ls", "tasks", stdout=full)
    assert done.returncode == 1 and done.stderr.startswith("error: the disk is full") and done.stderr.count("\n") == 1


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="only root mounts a small disk")
def test_a_full_disk_is_one_line_although_the_log_lies_on_it(text, tmp_path):
    (tmp_path / "disk").mkdir()
    mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=80k none disk && shift 0 && exec "$0" "$@"']
    if subprocess.run([*mount, "true"], cwd=tmp_path, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    text.write_text("\n\n".join(f"朝の市場は{n}匹の魚の匂いがする。" for n in range(3000)), encoding="utf-8")
    done = subprocess.run(
        [*mount, sys.executable, "-c", "from jptransfer.cli import main; main()", "prepare", "outputs_root=disk",
         f"corpus.sources.mine.path={text}"], cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "Logging error" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: the disk is full")


def test_input_in_messages_is_cut_and_escaped(jpt):
    result = jpt("ls", "a\x1b[2Jb" + "長" * 500)
    assert result.code == 2 and "\x1b" not in result.err and "a\\x1b[2Jb" in result.err
    assert "長" * 150 in result.err and "長" * 200 not in result.err
    assert result.err.count("\n") == 1


def test_lists_do_not_control_the_terminal(jpt, tmp_path):
    (tmp_path / "own" / "task").mkdir(parents=True)
    (tmp_path / "own" / "task" / "mine.yaml").write_text("# A \x1b]0;title\x07 task.\nname: mine\n", encoding="utf-8")
    result = jpt("ls", "tasks", "--config-dir=own")
    assert "\x1b" not in result.out and "\x07" not in result.out


def test_outputs_below_a_file_are_one_line(jpt, text):
    result = jpt("prepare", f"corpus.sources.mine.path={text}", f"outputs_root={text}")
    assert result.code == 2 and result.err.startswith("error: Not a directory") and result.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help", "all"], ["ls", "metrics"]])
def test_a_reader_that_leaves_early_is_no_error(arguments, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", "from jptransfer.cli import main; main()", *arguments]
    done = subprocess.run(command, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert done.returncode == 141 and done.stderr == b""


def test_interrupted(jpt, text, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("jptransfer.pipeline.build", interrupted)
    result = jpt("prepare", f"corpus.sources.mine.path={text}")
    assert result.code == 130
    assert result.err.splitlines()[-1].startswith("interrupted") and "Traceback" not in result.err


def test_terminated(jpt, text, monkeypatch):
    monkeypatch.setattr("jptransfer.pipeline.build", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    result = jpt("prepare", f"corpus.sources.mine.path={text}")
    assert result.code == 143
    assert result.err.splitlines()[-1].startswith("terminated") and "Traceback" not in result.err


def modules_after(arguments: list[str], folder) -> set[str]:
    """Names of top-level modules that a fresh process has loaded when a command line ends."""
    code = ("import sys\nfrom jptransfer.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n"
            "    print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n    raise")
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


HEAVY = {"torch", "transformers", "sklearn", "datasets", "pyarrow", "matplotlib", "optuna", "joblib", "submitit"}


def test_help_imports_nothing_heavy(tmp_path):
    assert not modules_after(["--help"], tmp_path) & (HEAVY | {"hydra", "omegaconf", "numpy", "rich", "yaml"})


def test_a_full_hit_imports_nothing_heavy(jpt, text, tmp_path):
    command = ["prepare", f"corpus.sources.mine.path={text}"]
    assert jpt(*command).code == 0
    assert not modules_after(command, tmp_path) & (HEAVY | {"rich"})


def test_what_libraries_print_while_stages_run_is_no_result(jpt, text, monkeypatch):
    build = pipeline.build
    monkeypatch.setattr(pipeline, "build", lambda *arguments: print("* Run finished") or build(*arguments))
    result = jpt("prepare", f"corpus.sources.text.path={text}")
    assert result.code == 0 and "* Run finished" in result.err
    assert result.out.startswith("artifact: ") and result.out.count("\n") == 1


def test_what_is_typed_in_vain_beside_a_model_that_is_there_is_said(jpt, tmp_path):
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert/config.json").write_text('{"architectures": ["BertForMaskedLM"], "model_type": "bert"}')
    take = ["lm=bert", "corpus=none", "dry_run=true"]
    done = jpt("adapt", *take, "domain=toy", "model=bert_mini", "tokenizer=toy", "pretraining.max_steps=3")
    assert done.code == 0 and "adapt " in done.out and "pretrain " not in done.out
    assert done.err.strip() == ("note: lm=bert brings its own weights, architecture and tokenizer; without effect: "
                                "model=bert_mini, tokenizer=toy, pretraining.max_steps=3")
    assert not jpt("adapt", *take, "domain=toy", "adaptation.max_steps=3").err
    unread = jpt("finetune", *take[::2], "task=toy_sentiment", "corpus=toy", "adaptation.max_steps=3")
    assert "is not trained further; without effect: corpus=toy, adaptation.max_steps=3" in unread.err
