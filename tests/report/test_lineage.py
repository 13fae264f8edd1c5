import re

from hypothesis import given
from hypothesis import strategies as st

from jptransfer.report.lineage import BOX_WIDTH, lineage, shorten
from jptransfer.report.sources import Sources
from tests.report import fabricate


def test_runs_of_a_row_share_a_box(polarity):
    graph = polarity.report.lineage
    stages = [box.key[0] for box in graph.boxes]
    assert stages.count("finetune") == stages.count("evaluate") == 3
    assert stages.count("prepare_corpus") == 2 and len(graph.boxes) == 14
    assert {len(box.sources) for box in graph.boxes if box.key[0] == "evaluate"} == {3}
    scored = next(box for box in graph.boxes if box.key == ("evaluate", "adapted"))
    assert scored.lines[1] == "adapted" and any(line.startswith("Accuracy") for line in scored.lines)


def test_boxes_do_not_overlap_and_lie_inside(polarity):
    graph = polarity.report.lineage
    boxes = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in graph.boxes]
    for i, (x1, y1, x2, y2) in enumerate(boxes):
        assert x1 >= 0 and x2 <= graph.width and y1 >= 0 and y2 <= graph.height
        for u1, v1, u2, v2 in boxes[i + 1:]:
            assert x2 <= u1 or u2 <= x1 or y2 <= v1 or v2 <= y1


def test_inputs_are_at_the_left(polarity):
    layer = {source.fingerprint: box.layer for box in polarity.report.lineage.boxes for source in box.sources}
    for source in polarity.sources.artifacts.values():
        for made_of in polarity.sources.inputs(source).values():
            assert layer[made_of.fingerprint] < layer[source.fingerprint]


def test_edges_run_from_border_to_border(polarity):
    for path in polarity.report.lineage.edges:
        x1, x2 = (int(re.match(pattern, path)[1]) for pattern in (r"M(\d+) ", r"M.* (\d+) \d+(?: H\d+)?$"))
        assert (x1 - 1 - BOX_WIDTH) % 168 == 0 and (x2 - 1) % 168 == 0 and x1 < x2


def test_the_same_picture_each_time(polarity):
    again = lineage(polarity.sources, {})
    assert [(box.x, box.y) for box in again.boxes] == [(box.x, box.y) for box in polarity.report.lineage.boxes]
    assert again.edges == polarity.report.lineage.edges


def test_a_model_that_others_took_layers_from_has_a_box_of_its_own(tmp_path):
    store = fabricate.Store(tmp_path)

    def add(stage, kind, seed, **inputs):
        return store.add(stage, kind, "tagger", {"seed": seed}, inputs, {"headline": stage})

    english = add("finetune", "task_model", 9)
    for seed in (0, 1):
        model = add("finetune", "task_model", seed, transfer=english)
        store.inputs[f"evaluation:row:{seed}"] = add("evaluate", "evaluation", seed, task_model=model)
    graph = lineage(Sources.read(store.inputs, ["row"]), {})
    boxes = {box.lines[1]: (box.key[0], len(box.sources), box.layer) for box in graph.boxes if box.key[0] == "finetune"}
    assert boxes == {"tagger": ("finetune", 1, 0), "row": ("finetune", 2, 1)} and len(graph.edges) == 2


@given(st.text(st.sampled_from("aあ日ｱé ")), st.integers(2, 30))
def test_shortened_text_fits(text, limit):
    def columns(text: str) -> int:
        return sum(2 if letter in "あ日" else 1 for letter in text)

    assert columns(shorten(text, limit)) <= limit
    assert shorten(text, limit) == text if columns(text) <= limit else shorten(text, limit).endswith("…")
