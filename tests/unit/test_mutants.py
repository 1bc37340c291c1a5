"""The table of mutations."""

import pytest

from tools.mutants import MUTATIONS, ROOT, SUITES, Mutation, check_texts


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_changes_one_place(mutation: Mutation) -> None:
    """The code contains the text of each mutation exactly once, and the mutation changes it."""
    assert check_texts([mutation], ROOT) == []
    assert mutation.new != mutation.old


def test_names_are_unique() -> None:
    """A name tells one mutation from all others."""
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)


def test_the_suites_exist() -> None:
    """Every suite that is to find the mutations is there."""
    assert all((ROOT / suite).exists() for suite in SUITES)
