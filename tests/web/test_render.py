"""Errors as each family's clients read them."""

from __future__ import annotations

import json
from itertools import product

import pytest

from chalicelib.domain.errors import ErrorCode, ErrorItem, RegistryError
from chalicelib.web.endpoints import ENDPOINTS, Endpoint, Family, url_for
from chalicelib.web.render import FAMILY_HEADERS, V1_FAMILIES, V1_TRANSLATIONS, render_error
from tests.support.world import Registry, json_of, memory_world

OTHERS = [family for family in Family if family not in (*V1_FAMILIES, Family.PAGE)]
BODIES = (b"", b"{", b"[]", b"null", b"\xff")
PARAMS = {"repository": "acme/app", "digest": "x", "reference": ":", "image_id": "x", "tag": "-"}


@pytest.mark.parametrize("family", OTHERS, ids=lambda family: family.value)
def test_a_v2_error_is_a_list_of_codes_with_sentences(family: Family) -> None:
    for code in ErrorCode:
        answer = render_error(family, RegistryError(code, detail={"digest": "x"}))
        (item,) = json.loads(answer.body)["errors"]
        assert item == {
            "code": code.value.code,
            "message": code.value.message,
            "detail": {"digest": "x"},
        }
        assert answer.status == code.status
        assert ("WWW-Authenticate" in answer.headers) is (code.status == 401)
        assert answer.headers.items() >= FAMILY_HEADERS[family].items()


@pytest.mark.parametrize("family", sorted(V1_FAMILIES, key=str), ids=lambda family: family.value)
def test_a_v1_error_is_a_flat_map_of_strings(family: Family) -> None:
    for code in ErrorCode:
        answer = render_error(family, RegistryError(code, detail={"digest": "x"}))
        said = V1_TRANSLATIONS.get(code, code)
        assert json.loads(answer.body) == {"error": said.value.message}
        assert answer.status == said.status
        assert ("WWW-Authenticate" in answer.headers) is (said.status == 401)
        assert answer.headers["X-Docker-Registry-Version"]


CHALLENGES = {
    Family.V2: 'Basic realm="Roadstead"',
    Family.UPLOADER: 'Basic realm="Roadstead"',
    Family.V1_REGISTRY: "Token",
    Family.V1_INDEX: 'Basic realm="auth required",Token',
}


@pytest.mark.parametrize(("family", "challenge"), CHALLENGES.items(), ids=str)
def test_a_401_has_the_challenge_of_its_family(family: Family, challenge: str) -> None:
    answer = render_error(family, RegistryError(ErrorCode.UNAUTHORIZED))
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, challenge)


def test_several_items_are_several_entries() -> None:
    code = ErrorCode.MANIFEST_BLOB_UNKNOWN
    items = tuple(ErrorItem(code, f"no {n}", {"digest": n}) for n in "ab")
    document = json.loads(render_error(Family.V2, RegistryError(code, items=items)).body)
    assert [entry["message"] for entry in document["errors"]] == ["no a", "no b"]


def test_headers_and_status_of_the_refusal_go_along() -> None:
    error = RegistryError(ErrorCode.RANGE_INVALID, "no", headers={"Range": "0-4"}, status=499)
    answer = render_error(Family.V2, error)
    assert (answer.status, answer.headers["Range"]) == (499, "0-4")


def test_text_of_any_kind_can_be_said() -> None:
    error = RegistryError(ErrorCode.NAME_INVALID, "\ud800 \u00e4 \n", detail={"name": "\udfff"})
    for family in (*V1_FAMILIES, *OTHERS):
        assert json.loads(render_error(family, error).body)
    page = render_error(Family.PAGE, error)
    assert page.headers.items() >= FAMILY_HEADERS[Family.PAGE].items()
    assert '<p data-code="NAME_INVALID">⟨U+D800⟩ \u00e4  </p>' in page.body.decode()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_no_answer_of_any_endpoint_has_chalices_shape(endpoint: Endpoint) -> None:
    params = {key: PARAMS.get(key, "x") for key in endpoint.pattern.groupindex}
    registry, url = Registry(memory_world()), url_for(endpoint.name, **params)
    for method, body in product(endpoint.methods, BODIES):
        answer = registry.send(method, url, body)
        assert answer.status != 500, answer.body
        if answer.status < 400 or not answer.body:
            continue
        if endpoint.family is Family.PAGE:
            assert b"<p data-code=" in answer.body
            continue
        document = json_of(answer)
        if endpoint.family in V1_FAMILIES:
            assert isinstance(document, str) or list(document) == ["error"]
        else:
            assert list(document) == ["errors"]
