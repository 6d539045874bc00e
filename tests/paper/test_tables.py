from pipeline.paper.published import published_rows
from pipeline.paper.settings import ACTOR_COUNT, SEGMENT_COUNT
from pipeline.paper.tables import PAPER_TABLES


def test_tables_2_to_10_in_order_each_with_its_own_number_and_title():
    assert list(PAPER_TABLES) == [f"table{number}" for number in range(2, 11)]
    assert all(table.title.startswith(f"Table {table.number}: ") for table in PAPER_TABLES.values())


def test_counts_of_the_paper_are_the_totals_of_table_3():
    total = published_rows("table3")[-1]
    assert int(total["actors"]) == ACTOR_COUNT
    assert sum(int(total[name]) for name in ("joy", "anger", "sadness", "fear")) == SEGMENT_COUNT


def test_the_provenance_of_published_figures_in_one_sentence():
    assert PAPER_TABLES["table8"].provenance == (
        "Published: Table 8 of Huang & Narayanan, arXiv 1808.00876: 6803 segments of 96 actors, 4 folds × 3 seeds = "
        "12 runs a model, 1000 epochs; which epoch it reports is not said."
    )
