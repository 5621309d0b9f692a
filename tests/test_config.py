"""Settings: what each may be, and that a mistake stops the start with a sentence of its name."""

from __future__ import annotations

import pytest

from chalicelib.config import SettingError, read_networks, read_settings

NEEDED = {
    "ROADSTEAD_SIGNING_KEY": "0f" * 32,
    "ROADSTEAD_TABLE": "t",
    "ROADSTEAD_BUCKET": "b",
    "AWS_REGION": "eu-central-1",
}
WORD, KEY = "ed" * 32, "ab" * 32
EDGE = {"ROADSTEAD_EDGE_WORD": WORD, "ROADSTEAD_EDGE_KEY": KEY}


def test_without_an_edge_there_is_none() -> None:
    for given in ({}, dict.fromkeys((*EDGE, "ROADSTEAD_HOST", "ROADSTEAD_V1_ENDPOINTS"), "")):
        settings = read_settings({**NEEDED, **given})
        assert (settings.edge_word, settings.edge_key) == (None, None)
        assert (settings.host, settings.v1_endpoints) == ("", ())


def test_the_edges_settings_are_read() -> None:
    given = {
        "ROADSTEAD_EDGE_WORD": WORD.upper(),
        "ROADSTEAD_EDGE_KEY": KEY,
        "ROADSTEAD_HOST": " Registry.Example.com ",
        "ROADSTEAD_V1_ENDPOINTS": "v1.example.com, gate.example.com:5000,,[::1]:80",
    }
    settings = read_settings({**NEEDED, **given})
    assert settings.edge_word == WORD
    assert settings.edge_key == bytes.fromhex(KEY)
    assert settings.host == "registry.example.com"
    assert settings.v1_endpoints == ("v1.example.com", "gate.example.com:5000", "[::1]:80")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"ROADSTEAD_EDGE_WORD": "ed" * 31}, "ROADSTEAD_EDGE_WORD"),
        ({"ROADSTEAD_EDGE_WORD": "secret"}, "ROADSTEAD_EDGE_WORD"),
        ({**EDGE, "ROADSTEAD_EDGE_KEY": "x" * 64}, "ROADSTEAD_EDGE_KEY"),
        ({"ROADSTEAD_EDGE_KEY": KEY}, "ROADSTEAD_EDGE_WORD"),
        ({"ROADSTEAD_HOST": "a.test,b.test"}, "ROADSTEAD_HOST"),
        ({"ROADSTEAD_HOST": "https://a.test"}, "ROADSTEAD_HOST"),
        ({"ROADSTEAD_V1_ENDPOINTS": "a.test\r\nX: y"}, "ROADSTEAD_V1_ENDPOINTS"),
        ({"ROADSTEAD_V1_ENDPOINTS": "a b"}, "ROADSTEAD_V1_ENDPOINTS"),
        ({"ROADSTEAD_V1_HOSTS": "a/b"}, "ROADSTEAD_V1_HOSTS"),
        ({"ROADSTEAD_TEAM_HOSTS": "teams.test"}, "ROADSTEAD_TEAM_HOSTS"),
        ({"ROADSTEAD_TEAM_HOSTS": "*teams.test"}, "ROADSTEAD_TEAM_HOSTS"),
        ({"ROADSTEAD_TEAM_HOSTS": "*.example.com:5000"}, "ROADSTEAD_TEAM_HOSTS"),
        ({"ROADSTEAD_TEAM_HOSTS": "*.a.test,*.b.test"}, "ROADSTEAD_TEAM_HOSTS"),
        ({"ROADSTEAD_TAG_EXPIRY": "yes"}, "ROADSTEAD_TAG_EXPIRY"),
    ],
)
def test_a_mistake_is_named_and_its_value_is_not_shown(given: dict[str, str], name: str) -> None:
    with pytest.raises(SettingError, match=name) as raised:
        read_settings({**NEEDED, **given})
    assert not any(value in str(raised.value) for value in given.values())


def test_no_secret_is_shown_with_the_settings() -> None:
    shown = repr(read_settings({**NEEDED, **EDGE}))
    assert WORD not in shown
    assert KEY not in shown
    assert repr(bytes.fromhex(KEY)) not in shown


def test_the_settings_of_teams_are_read() -> None:
    given = {"ROADSTEAD_TEAM_HOSTS": " *.Teams.Example.com", "ROADSTEAD_TAG_EXPIRY": "on"}
    settings = read_settings({**NEEDED, **given})
    assert settings.team_hosts == "*.teams.example.com"
    assert settings.expires_tags_by_name
    settings = read_settings(NEEDED)
    assert (settings.team_hosts, settings.expires_tags_by_name) == ("", False)


@pytest.mark.parametrize("text", ["x", "10.0.0.1/8", "10.0.0.0/8;10.1.0.0/16", "*"])
def test_networks_of_webhooks_that_are_none_stop_the_start(text: str) -> None:
    with pytest.raises(SettingError, match="ROADSTEAD_WEBHOOK_NETWORKS must be networks"):
        read_networks({"ROADSTEAD_WEBHOOK_NETWORKS": text})
