"""Promises about what the edge has taken: the repository's word, and blobs adopted under it."""

from __future__ import annotations

import secrets

import pytest

from chalicelib.domain.names import RepositoryName
from chalicelib.ports import Conflict, MetadataStore, Missing
from tests.contracts.values import APP, at_once, blob, repository, unknown_digest

OTHER = RepositoryName("acme/other")
BLOBS = [blob(b"%d" % number, f"team/edge/word/{number}") for number in range(120)]


def adopted(store: MetadataStore, team: str, word: str) -> list[bool]:
    return [store.find_link(team, APP, each.digest) == each for each in BLOBS]


class EdgePromises:
    def test_a_repository_keeps_the_first_word_that_it_is_given(
        self, store: MetadataStore, team: str
    ) -> None:
        assert store.find_edge_word(team, APP) is None
        assert store.give_edge_word(team, APP, "first") == "first"
        assert store.give_edge_word(team, APP, "second") == "first"
        assert store.find_edge_word(team, APP) == "first"
        assert store.find_edge_word(team, OTHER) is None
        assert store.find_edge_word(f"{team}-b", APP) is None

    def test_a_word_makes_no_repository(self, store: MetadataStore, team: str) -> None:
        store.give_edge_word(team, APP, "word")
        assert store.find_repository(team, APP) is None

    def test_all_who_give_a_word_at_once_are_given_the_same(
        self, store: MetadataStore, team: str
    ) -> None:
        words = [secrets.token_hex(4) for _ in range(6)]
        given = at_once(6, lambda number: store.give_edge_word(team, APP, words[number]))
        assert len(set(given)) == 1
        assert given[0] in words

    def test_adopted_blobs_are_the_repositorys_and_the_teams(
        self, store: MetadataStore, team: str
    ) -> None:
        store.give_edge_word(team, APP, "word")
        store.adopt_blobs(team, APP, "word", BLOBS)
        store.adopt_blobs(team, APP, "word", BLOBS[:1])
        store.adopt_blobs(team, APP, "word", [])
        assert all(adopted(store, team, "word"))
        assert store.find_blobs(team, [each.digest for each in BLOBS]) == {
            each.digest: each for each in BLOBS
        }
        assert store.find_link(team, OTHER, BLOBS[0].digest) is None

    @pytest.mark.parametrize("word", ["other", ""])
    def test_blobs_under_another_word_stay_unseen(
        self, store: MetadataStore, team: str, word: str
    ) -> None:
        store.give_edge_word(team, APP, "word")
        with pytest.raises(Conflict):
            store.adopt_blobs(team, APP, word, BLOBS)
        with pytest.raises(Conflict):
            store.adopt_blobs(team, OTHER, "word", BLOBS)
        assert not any(adopted(store, team, word))
        assert store.find_blobs(team, [BLOBS[0].digest]) == {}

    def test_of_blobs_those_that_are_there_are_found(self, store: MetadataStore, team: str) -> None:
        store.put_blob(team, APP, blob())
        wanted = [blob().digest, unknown_digest()]
        assert store.find_blobs(team, wanted) == {blob().digest: blob()}
        assert store.find_blobs(f"{team}-b", wanted) == {}
        assert store.find_blobs(team, []) == {}

    def test_taking_a_blob_away_takes_the_word_along(self, store: MetadataStore, team: str) -> None:
        store.give_edge_word(team, APP, "word")
        store.adopt_blobs(team, APP, "word", BLOBS[:1])
        with pytest.raises(Missing):
            store.delete_link(team, APP, BLOBS[1].digest)
        assert store.find_edge_word(team, APP) == "word"
        store.delete_link(team, APP, BLOBS[0].digest)
        assert store.find_edge_word(team, APP) is None
        with pytest.raises(Conflict):
            store.adopt_blobs(team, APP, "word", BLOBS[:1])
        assert store.give_edge_word(team, APP, "new") == "new"

    def test_a_repositorys_word_ends_with_it(self, store: MetadataStore, team: str) -> None:
        store.put_repository(team, repository())
        store.give_edge_word(team, APP, "word")
        store.delete_repository(team, repository())  # type: ignore[attr-defined]
        assert store.find_edge_word(team, APP) is None
        with pytest.raises(Conflict):
            store.adopt_blobs(team, APP, "word", BLOBS[:1])
        assert store.find_link(team, APP, BLOBS[0].digest) is None
