"""What is said of machines that ran out of something, and of names that are unknown."""

from __future__ import annotations

import errno

import pytest

from jptransfer.errors import ArtifactError, exhausted, raising_as, unknown


@pytest.mark.parametrize("error", [
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ImportError("libc10.so: cannot map zero-fill pages"),
    RuntimeError("can't start new thread"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
])
def test_memory_that_ran_out_is_one_line_wherever_it_happens(error):
    assert exhausted(error).startswith("out of memory: ")
    with pytest.raises(ArtifactError) as caught, raising_as("model: cannot be loaded", ArtifactError):
        raise error
    assert exhausted(caught.value).startswith("out of memory: ")


def test_other_errors_are_not_a_machine_that_ran_out():
    assert not exhausted(ImportError("libtorch_cpu.so: cannot open shared object file"))
    assert not exhausted(ArtifactError("x: can't start new thread"))


def test_names_that_come_from_a_file_are_cut():
    said = unknown("column", "nope", ["x" * 10_000, *(f"c{number}" for number in range(5000))])
    assert len(said) < 3000 and "and 4801 more" in said
    assert unknown("column", "lable", ["text", "label"]) == (
        "unknown column 'lable' (did you mean 'label'?); there are: label, text")
