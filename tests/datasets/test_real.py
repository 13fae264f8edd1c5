"""Official files: the sizes that their authors (or ../shared/data/README.md) give."""

import pytest

from jptransfer.datasets.preparation import prepare

pytestmark = pytest.mark.real

EXAMPLES = {
    "jrte_entailment": (5437, 1537, 776), "jrte_entailment_surf": (6315, 1793, 897),
    "jrte_entailment_mlm": (1819, 534, 256),
    "jrte_entailment_sem_long": (10299, 2918, 1490), "jrte_entailment_append": (6017, 1711, 869),
    "jrte_polarity3": (3888, 1112, 553), "jrte_polarity2": (2959, 851, 414), "wnut17": (3394, 1009, 1287),
    "livedoor_titles": 7367, "livedoor_bodies": 7367, "knbc_polarity": 1740, "knbc_ner": 4186, "crfpp_ner": 716,
    "stockmark_ner": 5343, "crf_knbc": 4902, "crf_knbc_four": 4902, "wnut17_four": (3394, 1009, 1287),
    "stockmark_four": 5343, "mr_lines": 10662, "subj_lines": 10000, "jsts": (12451, 1457, 1589),
}
ENTITIES = {"wnut17": 3890, "knbc_ner": 2066, "stockmark_ner": 13185, "crfpp_ner": 1076}
"""CRF++: 1,074 B- tags and two I- after O, each of which begins a chunk."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_sizes(name, shared_data, task_config):
    prepared = prepare(task_config(name, f"data_root={shared_data}"))
    sizes = tuple(len(examples) for examples in prepared.splits.values())
    assert EXAMPLES[name] in (sizes, sum(sizes))
    for examples in prepared.splits.values():
        for example in examples:
            assert example.text.strip()
            assert getattr(example, "tokens", None) is None or all(
                example.text[start:end] for start, end in example.tokens)
    if name in ENTITIES:
        assert sum(split["entities"] for split in prepared.statistics["splits"].values()) == ENTITIES[name]


def test_knbc_articles_are_not_divided(shared_data, task_config):
    prepared = prepare(task_config("knbc_ner", f"data_root={shared_data}"))
    articles = [{example.id.partition("-")[0] for example in examples} for examples in prepared.splits.values()]
    assert sum(map(len, articles)) == len(set.union(*articles)) == 249
    assert prepared.statistics["left_out"] == {"stray entity marks": 6}


def test_optional_entities_can_be_left_out(shared_data, task_config):
    prepared = prepare(task_config("knbc_ner", f"data_root={shared_data}", "++task.label_map.OPTIONAL=''"))
    assert "OPTIONAL" not in prepared.task.labels
    assert sum(split["entities"] for split in prepared.statistics["splits"].values()) == 1900
