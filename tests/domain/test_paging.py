"""Pages. Spec: OCI Distribution 1.1, "Listing Tags"."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.limits import MAX_PAGE_ENTRIES
from chalicelib.domain.paging import Page, parse_page
from tests.support.refusals import outcome_of, refusal_of

GOOD = [
    (None, None, Page(MAX_PAGE_ENTRIES)),
    ("", "", Page(MAX_PAGE_ENTRIES)),
    ("0", None, Page(0)),
    ("1", None, Page(1)),
    ("007", None, Page(7)),
    ("1000", None, Page(1000)),
    ("1001", None, Page(MAX_PAGE_ENTRIES)),
    ("9" * 19, None, Page(MAX_PAGE_ENTRIES)),
    ("9" * 1_000_000, None, Page(MAX_PAGE_ENTRIES)),
    ("2", "v1", Page(2, "v1")),
    (None, "not a tag / at all", Page(MAX_PAGE_ENTRIES, "not a tag / at all")),
]

BAD = ["-1", "+1", "1.0", "1e3", "ten", " 1", "1 ", "0x1", "\u0661", "\u00b2", "1,2", "NaN", "1\n"]


@pytest.mark.parametrize(("n", "last", "page"), GOOD, ids=lambda value: str(value)[:20])
def test_a_page_is_read_and_cut_down(n: str | None, last: str | None, page: Page) -> None:
    assert parse_page(n, last) == page


@pytest.mark.parametrize("n", BAD, ids=ascii)
def test_a_number_that_is_none_is_refused(n: str) -> None:
    error = refusal_of(parse_page, n, None)
    assert (error.code, error.status) == (ErrorCode.PAGINATION_NUMBER_INVALID, 400)


@given(st.one_of(st.none(), st.text(), st.integers().map(str)), st.one_of(st.none(), st.text()))
def test_no_text_does_worse_than_be_refused(n: str | None, last: str | None) -> None:
    outcome = outcome_of(parse_page, n, last)
    if isinstance(outcome, RegistryError):
        assert outcome.code is ErrorCode.PAGINATION_NUMBER_INVALID
    else:
        assert 0 <= outcome.limit <= MAX_PAGE_ENTRIES
        assert outcome.after == (last or "")
