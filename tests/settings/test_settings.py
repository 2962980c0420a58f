"""What an operator sets, from three sources, and how mistakes are reported."""

import json
import pickle
from collections.abc import Mapping
from dataclasses import fields
from ipaddress import ip_network
from pathlib import Path

import pytest

from registrar.bundled import bundled
from registrar.settings import Bind, Settings, SettingsError, StatementIssuer
from registrar.settings.sources import KINDS
from registrar.statements import ALGORITHMS

HOME = {"HOME": "/home/operator"}
NO_NETWORK = "must be an address or a network such as 10.0.0.0/8, with no bit set past the prefix"
METADATA = "{authorization_endpoint: https://as.example/authorize, token_endpoint: https://as.example/token}"


def load(
    tmp_path: Path, text: str | None = None, environ: Mapping[str, str] = HOME, flags: Mapping[str, str] | None = None
) -> Settings:
    """Settings from a file with `text` (none: no file)."""
    file = tmp_path / "registrar.yaml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    return Settings.load(None if text is None else file, environ, flags or {})


def mistakes(tmp_path: Path, text: str | None = None, **sources: Mapping[str, str]) -> list[str]:
    """The lines of the error, with the file's folder cut off."""
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text, sources.get("environ", HOME), sources.get("flags"))
    assert str(caught.value) == "\n".join(caught.value.lines())
    return [line.removeprefix(f"{tmp_path}/") for line in caught.value.lines()]


def test_everything_has_a_default(tmp_path: Path) -> None:
    """With nothing set, the shipped policies are served on loopback from a database in the home folder."""
    settings = load(tmp_path)
    assert settings.bind == Bind("127.0.0.1", 8000)
    assert settings.policies == bundled("policies")
    assert settings.state_dir == Path("/home/operator/.local/state/registrar")
    assert settings.database_url == "sqlite:////home/operator/.local/state/registrar/registrar.db"
    assert settings.issuer == "http://127.0.0.1:8000"
    assert settings.metadata is None


def test_clients_manage_themselves_by_default(tmp_path: Path) -> None:
    """RFC 7592 is on, credentials stay as they are, and the server sweeps every minute."""
    settings = load(tmp_path)
    assert (settings.management, settings.rotate_registration_token, settings.rotate_client_secret) == (True, False, False)
    assert settings.sweep_interval == 60


def test_management_and_sweeping_are_set_like_the_rest(tmp_path: Path) -> None:
    """In the file and in the environment; an interval below nothing is a mistake."""
    text = "management: false\nrotate_client_secret: true\nsweep_interval: 0\n"
    settings = load(tmp_path, text, {**HOME, "REGISTRAR_ROTATE_REGISTRATION_TOKEN": "true"})
    assert (settings.management, settings.rotate_registration_token, settings.rotate_client_secret) == (False, True, True)
    assert settings.sweep_interval == 0
    assert mistakes(tmp_path, "sweep_interval: -1\n") == ["registrar.yaml:1:17: sweep_interval: must be at least 0"]


def test_the_private_app_is_on_this_machine_or_off(tmp_path: Path) -> None:
    """It has a port of its own on loopback; an empty text turns it off, in every source."""
    assert load(tmp_path).private_bind == Bind("127.0.0.1", 8001)
    assert load(tmp_path, "private_bind: 10.0.0.7:9000\n").private_bind == Bind("10.0.0.7", 9000)
    assert load(tmp_path, 'private_bind: ""\n').private_bind is None
    assert load(tmp_path, environ={**HOME, "REGISTRAR_PRIVATE_BIND": ""}).private_bind is None
    assert load(tmp_path, flags={"private_bind": ""}).private_bind is None
    assert mistakes(tmp_path, flags={"private_bind": "8001"}) == [
        "--private-bind: must be HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000"
    ]


@pytest.mark.parametrize(
    ("flags", "place"),
    [
        ({"bind": "127.0.0.1:8001"}, "--bind"),
        ({"private_bind": "127.0.0.1:8000"}, "--private-bind"),
        ({"bind": "127.0.0.1:9000", "private_bind": "0.0.0.0:9000"}, "--private-bind"),
        ({"bind": "[::]:9000", "issuer": "https://as.example", "private_bind": "[::1]:9000"}, "--private-bind"),
    ],
)
def test_the_public_address_is_not_the_private_one(tmp_path: Path, flags: Mapping[str, str], place: str) -> None:
    """Whoever reaches the one must not reach the other."""
    (mistake,) = mistakes(tmp_path, flags=flags)
    assert mistake == f"{place}: bind and private_bind must differ: whoever reaches one may not reach the other"


def test_addresses_that_share_a_port_may_differ(tmp_path: Path) -> None:
    """Two addresses of one machine."""
    assert load(tmp_path, flags={"private_bind": "127.0.0.2:8000"}).private_bind == Bind("127.0.0.2", 8000)


def test_several_workers_need_postgresql(tmp_path: Path) -> None:
    """To SQLite one process writes."""
    url = {"database_url": "postgresql://db/registrar"}
    assert load(tmp_path).workers == 1
    assert load(tmp_path, flags={"workers": "4", **url}).workers == 4
    assert mistakes(tmp_path, flags={"workers": "4"}) == [
        "--workers: several workers need PostgreSQL: to SQLite one process writes"
    ]
    assert mistakes(tmp_path, flags={"workers": "0", **url}) == ["--workers: must be at least 1"]


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    """A file of comments only is a file."""
    assert load(tmp_path, "# nothing yet\n") == load(tmp_path)


def test_flags_go_before_the_environment_and_the_environment_before_the_file(tmp_path: Path) -> None:
    """Each source overrides the one below it, setting by setting."""
    text = "max_body: 2048\nmax_depth: 5\nlog_level: debug\n"
    environ = {**HOME, "REGISTRAR_MAX_DEPTH": "6", "REGISTRAR_LOG_LEVEL": "warning"}
    settings = load(tmp_path, text, environ, {"log_level": "error"})
    assert (settings.max_body, settings.max_depth, settings.log_level) == (2048, 6, "error")


def test_the_environment_reads_lists_at_commas(tmp_path: Path) -> None:
    """`REGISTRAR_TRUSTED_PROXIES=a, b` is a list of two."""
    settings = load(tmp_path, environ={**HOME, "REGISTRAR_TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::1,"})
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("2001:db8::1/128"))


def test_every_mistake_of_every_source_is_named_at_once(tmp_path: Path) -> None:
    """Keys and values, in the file, in the environment and in flags, each with its place."""
    text = "max_bdoy: 4096\nthreads: 0\ntrusted_proxies: [10.0.0.0/8, 10.0.0.1/8]\n"
    environ = {**HOME, "REGISTRAR_MAX_BODDY": "1", "REGISTRAR_BACKLOG": "many"}
    assert mistakes(tmp_path, text, environ=environ, flags={"bind": "8000", "log_format": "xml"}) == [
        "--bind: must be HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000",
        "--log-format: must be one of text, json",
        'registrar.yaml:1:1: max_bdoy: unknown key "max_bdoy" (did you mean "max_body"?)',
        "registrar.yaml:2:10: threads: must be at least 1",
        f"registrar.yaml:3:31: trusted_proxies[1]: {NO_NETWORK}",
        "environment REGISTRAR_BACKLOG: must be a whole number",
        'environment REGISTRAR_MAX_BODDY: is no setting (did you mean "REGISTRAR_MAX_BODY"?)',
    ]


@pytest.mark.parametrize("text", ["max_body: 1024\nmax_body: 2048\n", "max_body: [\n", "- max_body\n", "log_level: no\n"])
def test_the_file_is_strict_yaml(tmp_path: Path, text: str) -> None:
    """Duplicate keys, broken syntax, another shape and words that YAML 1.1 would change are mistakes with a line."""
    assert mistakes(tmp_path, text)[0].startswith("registrar.yaml:")


def test_a_file_that_cannot_be_read_is_a_mistake_of_its_own(tmp_path: Path) -> None:
    """A missing file and one that is no text are named."""
    with pytest.raises(SettingsError, match=r"^/nowhere/registrar\.yaml: cannot be read: No such file or directory$"):
        Settings.load(Path("/nowhere/registrar.yaml"), HOME, {})
    (tmp_path / "latin.yaml").write_bytes(b"issuer: caf\xe9\n")
    with pytest.raises(SettingsError, match="is not UTF-8"):
        Settings.load(tmp_path / "latin.yaml", HOME, {})


def test_variables_of_the_tests_and_the_files_own_name_are_no_settings(tmp_path: Path) -> None:
    """REGISTRAR_TEST_* and REGISTRAR_CONFIG pass; a variable in small letters is told its name."""
    load(tmp_path, environ={**HOME, "REGISTRAR_TEST_POSTGRES": "1", "REGISTRAR_CONFIG": "x"})
    assert mistakes(tmp_path, environ={**HOME, "REGISTRAR_max_body": "2048"}) == [
        'environment REGISTRAR_max_body: is no setting (did you mean "REGISTRAR_MAX_BODY"?)'
    ]


SERVICE = {  # what Kubernetes sets in every container beside Services that are called registrar and registrar-private
    "REGISTRAR_SERVICE_HOST": "10.96.0.7",
    "REGISTRAR_SERVICE_PORT": "8000",
    "REGISTRAR_SERVICE_PORT_HTTP": "8000",
    "REGISTRAR_PORT": "tcp://10.96.0.7:8000",
    "REGISTRAR_PORT_8000_TCP": "tcp://10.96.0.7:8000",
    "REGISTRAR_PORT_8000_TCP_PROTO": "tcp",
    "REGISTRAR_PORT_8000_TCP_PORT": "8000",
    "REGISTRAR_PORT_8000_TCP_ADDR": "10.96.0.7",
    "REGISTRAR_PRIVATE_SERVICE_HOST": "10.96.0.8",
    "REGISTRAR_PRIVATE_PORT": "tcp://10.96.0.8:8001",
    "REGISTRAR_PRIVATE_PORT_8001_TCP": "tcp://10.96.0.8:8001",
}


def test_the_variables_of_a_kubernetes_service_are_no_settings(tmp_path: Path) -> None:
    """A Service of the program's own name stops nothing."""
    assert load(tmp_path, environ={**HOME, **SERVICE}) == load(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"), [("PORT", "8000"), ("PRIVATE_PORT", "8001"), ("SERVICE", "x"), ("PORT_NUMBER", "8000")]
)
def test_variables_that_only_resemble_those_of_a_service_are_mistakes(tmp_path: Path, name: str, text: str) -> None:
    """Whoever means a setting by it is told."""
    [line] = mistakes(tmp_path, environ={**HOME, f"REGISTRAR_{name}": text})
    assert line.startswith(f"environment REGISTRAR_{name}: is no setting")


def test_the_prefix_of_all_variables_makes_none_of_them_alike(tmp_path: Path) -> None:
    """The hint compares what stands behind it."""
    assert mistakes(tmp_path, environ={**HOME, "REGISTRAR_REUSE": "1"}) == ["environment REGISTRAR_REUSE: is no setting"]


def test_a_program_sets_what_a_file_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same keys and types; nothing else counts but where the home is."""
    monkeypatch.chdir(tmp_path)
    values = {"bind": "127.0.0.1:8080", "policies": "tree", "state_dir": tmp_path / "state", "reload_tests": True}
    settings = Settings.of(values, {**HOME, "REGISTRAR_BIND": "127.0.0.1:9"})
    assert (str(settings.bind), settings.issuer, settings.reload_tests) == ("127.0.0.1:8080", "http://127.0.0.1:8080", True)
    assert (settings.policies, settings.state_dir) == (tmp_path / "tree", tmp_path / "state")
    assert Settings.of({}, HOME) == Settings.load(None, HOME, {})


def test_every_mistake_of_a_program_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.of({"bin": "127.0.0.1:8080", "threads": "4", "issuer": "ftp://as.example", "metadata": {}}, HOME)
    assert [line.split(": must")[0] for line in caught.value.lines()] == [
        'settings: bin: unknown key "bin" (did you mean "bind"?)',
        "settings: metadata: authorization_endpoint is required",
        "settings: metadata: token_endpoint is required",
        "settings: threads",
        "settings: issuer",
    ]


def test_a_mapping_cannot_come_from_the_environment(tmp_path: Path) -> None:
    """The metadata document is written in the file."""
    environ = {**HOME, "REGISTRAR_METADATA": "{}"}
    assert mistakes(tmp_path, environ=environ) == ["environment REGISTRAR_METADATA: metadata can only be set in the file"]


def test_relative_paths_start_at_the_file_or_at_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file they start at its folder, elsewhere at the working folder; `~` is HOME."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    text = "policies: tree\nstate_dir: ~/state\ndatabase_url: sqlite:///data/registrar.db\n"
    settings = load(tmp_path, text)
    assert settings.policies == tmp_path / "tree"
    assert settings.state_dir == Path("/home/operator/state")
    assert settings.database_url == f"sqlite:///{tmp_path}/data/registrar.db"
    assert load(tmp_path, text, flags={"policies": "tree"}).policies == tmp_path / "elsewhere/tree"
    assert mistakes(tmp_path, text, environ={"XDG_STATE_HOME": "/x"}) == [
        "registrar.yaml:2:12: state_dir: ~ has no meaning: HOME is not set"
    ]


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_STATE_HOME": "/var/state", "HOME": "/root"}, "/var/state/registrar"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/root"}, "/root/.local/state/registrar"),
        ({}, "/var/lib/registrar"),
    ],
)
def test_the_state_folder_follows_the_xdg_specification(tmp_path: Path, environ: Mapping[str, str], folder: str) -> None:
    """$XDG_STATE_HOME when it is absolute, else the home folder, else /var/lib for an account without one."""
    assert load(tmp_path, environ=environ).state_dir == Path(folder)


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ("127.0.0.1:8000", Bind("127.0.0.1", 8000)),
        ("[::1]:8000", Bind("::1", 8000)),
        ("localhost:1", Bind("127.0.0.1", 1)),
    ],
)
def test_bind_takes_addresses(tmp_path: Path, text: str, bind: Bind) -> None:
    """IPv4, IPv6 in brackets, and localhost."""
    assert load(tmp_path, flags={"bind": text}).bind == bind


def test_the_default_issuer_of_an_ipv6_bind_has_brackets(tmp_path: Path) -> None:
    """The default issuer is a URL."""
    assert load(tmp_path, flags={"bind": "[::1]:9000"}).issuer == "http://[::1]:9000"


@pytest.mark.parametrize(
    "text",
    [
        "::1:8000",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "as.example:80",
        ":8000",
        "[::1]",
        "1.2.3.4.5:80",
        "127.0.0.1:８",
    ],
)
def test_bind_refuses_the_rest(tmp_path: Path, text: str) -> None:
    """No host names, no missing parts, no port out of range, no digits of other scripts."""
    assert mistakes(tmp_path, flags={"bind": text})[0].startswith("--bind: ")


def test_a_bind_that_others_reach_needs_an_issuer(tmp_path: Path) -> None:
    """Nobody but this machine could use the default."""
    assert mistakes(tmp_path, "bind: 0.0.0.0:80\n") == [
        "registrar.yaml:1:7: bind: needs the setting issuer, since others than this machine can ask"
    ]
    assert load(tmp_path, "bind: 0.0.0.0:80\nissuer: https://as.example\n").issuer == "https://as.example"


@pytest.mark.parametrize(
    "issuer",
    [
        "https://as.example",
        "https://as.example/",
        "https://as.example:8443/tenant/one",
        "http://127.0.0.1:8000",
        "http://[::1]/t",
    ],
)
def test_an_issuer_is_kept_byte_for_byte(tmp_path: Path, issuer: str) -> None:
    """Contract 24: https, or http on loopback; also with a terminating slash."""
    assert load(tmp_path, flags={"issuer": issuer}).issuer == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "http://as.example",
        "https://as.example?x=1",
        "https://as.example/?",
        "https://as.example#top",
        "https://as.example#",
        "https://user@as.example",
        "https://",
        "https:///path",
        "as.example",
        "ftp://as.example",
        "cursor://as.example",
        "https://as.example/../x",
        "https://as.example//x",
        "https://as.example/%7Euser",
        "https://as.example/a b",
        "https://as.example/{id}",
        "http://localhost.evil.example",
        "https://as.example\\@evil.example",
        "HTTPS://as.example",
        "https://bücher.example",
    ],
)
def test_contract_24_a_url_that_is_no_issuer_is_refused(tmp_path: Path, issuer: str) -> None:
    """Other schemes, a query, a fragment, userinfo, and paths that could be read in two ways."""
    found = mistakes(tmp_path, flags={"issuer": issuer})
    assert len(found) == 1
    assert found[0].startswith("--issuer: ")


def test_metadata_needs_what_clients_refuse_to_miss(tmp_path: Path) -> None:
    """Contract 30: both endpoints are there and https, S256 is announced, nothing is promised that is not served."""
    text = """\
issuer: https://as.example
metadata:
  issuer: https://as.example/
  authorization_endpoint: http://as.example/authorize
  jwks_uri: 7
  revocation_endpoint: [x]
  code_challenge_methods_supported: [plain]
  client_id_metadata_document_supported: true
"""
    found = mistakes(tmp_path, text)
    assert [line.split(": ")[1] for line in found] == ["metadata", "metadata.jwks_uri"]
    assert "token_endpoint" in found[0]
    mended = text.replace("  jwks_uri: 7\n", "  token_endpoint: https://as.example/token\n")
    assert [(line.split(":")[1], line.split(": ")[1]) for line in mistakes(tmp_path, mended)] == [
        ("4", "metadata.authorization_endpoint"),
        ("6", "metadata.revocation_endpoint"),
        ("7", "metadata.code_challenge_methods_supported"),
        ("8", "metadata.client_id_metadata_document_supported"),
    ]


def test_metadata_is_of_the_issuer_that_is_set(tmp_path: Path) -> None:
    """RFC 8414 §3.3: one slash more is another issuer."""
    text = f"issuer: https://as.example\nmetadata: {METADATA.replace('{', '{issuer: https://as.example/, ')}\n"
    assert mistakes(tmp_path, text) == ["registrar.yaml:2:20: metadata.issuer: must be the setting issuer, byte for byte"]


def test_metadata_announces_s256_by_itself(tmp_path: Path) -> None:
    """An operator who says nothing about PKCE methods gets the one that clients want."""
    settings = load(tmp_path, f"metadata: {METADATA}\n")
    assert settings.metadata is not None
    assert settings.metadata["code_challenge_methods_supported"] == ["S256"]


def test_cors_origins_are_origins(tmp_path: Path) -> None:
    """A star stands alone; a list holds origins without path or slash."""
    assert load(tmp_path, "cors_origins: [HTTPS://App.example, 'http://localhost:6274']\n").cors_origins == (
        "https://app.example",
        "http://localhost:6274",
    )
    assert load(tmp_path, "cors_origins: []\n").cors_origins == ()
    assert load(tmp_path, "cors_origins: ['*']\n").cors_origins == ("*",)
    found = mistakes(tmp_path, "cors_origins: ['*', 'https://app.example/', 'null', app.example]\n")
    assert [line.split(": ")[1] for line in found] == [f"cors_origins[{index}]" for index in range(4)]


def test_a_password_in_the_database_url_is_not_shown(tmp_path: Path) -> None:
    """Neither by repr, nor by the error about an unknown kind of database."""
    assert "hunter2" not in repr(load(tmp_path, flags={"database_url": "postgresql://u:hunter2@db/registrar"}))
    assert "hunter2" not in mistakes(tmp_path, flags={"database_url": "mysql://u:hunter2@db/registrar"})[0]


def test_settings_can_be_sent_to_the_serving_process(tmp_path: Path) -> None:
    """Where processes are spawned, not forked, the settings are pickled."""
    settings = load(tmp_path, f"metadata: {METADATA}\ntrusted_proxies: [10.0.0.0/8]\n")
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_the_schema_names_every_setting_and_its_default() -> None:
    """`schemas/settings.schema.json`, the dataclass and the table of kinds say the same."""
    properties = json.loads((bundled("schemas") / "settings.schema.json").read_text(encoding="utf-8"))["properties"]
    kinds = {"string": "text", "integer": "integer", "boolean": "boolean", "array": "list", "object": "structure"}
    structured = {name for name, one in properties.items() if one.get("items", {}).get("type") == "object"}
    found = {name: kinds[one.get("type", "string")] for name, one in properties.items()}
    assert {**found, **dict.fromkeys(structured, "structure")} == KINDS
    assert set(properties) == {field.name for field in fields(Settings)}
    plain = Settings.load(None, HOME, {})
    for name, one in properties.items():
        if "default" in one:
            value = getattr(plain, name)
            assert (list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Bind) else value) == one[
                "default"
            ], name


STATEMENTS = """\
software_statements:
  - {issuer: "https://vendor.example", jwks: keys/vendor.json, algorithms: [ES256, EdDSA], audience: "https://as.example"}
  - {issuer: urn:other, jwks: ~/other.json, algorithms: [RS256]}
"""


def test_issuers_of_software_statements_stand_in_the_file(tmp_path: Path) -> None:
    """Each with its own file of keys, which like every path starts at the settings file."""
    algorithms = ("ES256", "EdDSA")
    assert load(tmp_path, STATEMENTS).software_statements == (
        StatementIssuer("https://vendor.example", tmp_path / "keys/vendor.json", algorithms, "https://as.example"),
        StatementIssuer("urn:other", Path("/home/operator/other.json"), ("RS256",)),
    )
    assert load(tmp_path).software_statements == ()
    environ = {**HOME, "REGISTRAR_SOFTWARE_STATEMENTS": "[]"}
    assert mistakes(tmp_path, environ=environ) == [
        "environment REGISTRAR_SOFTWARE_STATEMENTS: software_statements can only be set in the file"
    ]


def test_an_issuer_of_software_statements_has_one_set_of_keys(tmp_path: Path) -> None:
    """And a home to find them in."""
    found = mistakes(tmp_path, STATEMENTS.replace("urn:other", '"https://vendor.example"'), environ={"XDG_STATE_HOME": "/x"})
    assert found == [
        "registrar.yaml:3:14: software_statements[1].issuer: is there already: an issuer has one set of keys",
        "registrar.yaml:3:46: software_statements[1].jwks: ~ has no meaning: HOME is not set",
    ]


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256K", "es256"])
def test_statements_are_signed_with_what_only_their_issuer_can_sign_with(tmp_path: Path, algorithm: str) -> None:
    """The settings know the same algorithms as the room that verifies."""
    (found,) = mistakes(tmp_path, STATEMENTS.replace("RS256", algorithm))
    assert found.startswith("registrar.yaml:3:")
    assert "software_statements[1].algorithms[0]: must be one of " in found
    every = STATEMENTS.replace("[RS256]", f"[{', '.join(ALGORITHMS)}]")
    assert load(tmp_path, every).software_statements[1].algorithms == ALGORITHMS


@pytest.mark.parametrize("missing", ["issuer", "jwks", "algorithms"])
def test_a_trust_that_is_not_said_whole_is_none(tmp_path: Path, missing: str) -> None:
    """No issuer, no keys, or no algorithm: nothing is assumed."""
    assert mistakes(tmp_path, STATEMENTS.replace(f"{missing}:", f"{missing[:2]}:", 1))


def test_how_many_refusals_are_recorded_one_by_one_is_a_setting(tmp_path: Path) -> None:
    """Of each process, a minute."""
    assert load(tmp_path).recorded_refusals == 60
    assert load(tmp_path, environ={**HOME, "REGISTRAR_RECORDED_REFUSALS": "0"}).recorded_refusals == 0
    assert mistakes(tmp_path, "recorded_refusals: -1\n") == ["registrar.yaml:1:20: recorded_refusals: must be at least 0"]
