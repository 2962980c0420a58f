"""`registrar policy diff`: what it prints, how it exits, and what it reads from git."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from registrar.cli import main
from tests.policy.trees import BASE, profile

WIDE = profile("client: {scope: {allow: [a, b], default: [a]}}")
SIZES = (("old", 2), ("new", 3))
NARROW = profile("client: {scope: {allow: [a], default: [a]}}")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(directory: str, native: str, extra: Mapping[str, str] | None = None) -> str:
    """A tree on disk, with `native` as its only profile."""
    for path, text in {**BASE, "profiles/native.yaml": native, **(extra or {})}.items():
        file = Path(directory, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return directory


def diff(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["policy", "diff", *arguments])


def git(*arguments: str) -> str:
    identity = (
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t.example",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "init.defaultBranch=main",
    )
    return subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def commit(native: str, extra: Mapping[str, str] | None = None) -> str:
    """A commit of the tree at rules/policies."""
    if not Path(".git").exists():
        git("init", "--quiet")
    write("rules/policies", native, extra)
    git("add", "--all")
    git("commit", "--quiet", "--message", "m")
    return git("rev-parse", "HEAD")


def test_what_widens_is_told_with_its_place() -> None:
    result = diff(write("old", NARROW), write("new", WIDE))
    assert result.exit_code == 0
    first, *summary = result.output.splitlines()
    assert first == "new/profiles/native.yaml:5:20: warning: native/client.scope: allow gains b: a -> a, b [wider]"
    assert summary[0] == "1 wider"
    assert summary[1].count("sha256:") == 2


def test_what_widens_is_an_error_where_no_new_access_is_allowed() -> None:
    result = diff("--no-new-access", write("old", NARROW), write("new", WIDE))
    assert result.exit_code == 5
    assert ": error: native/client.scope" in result.output


def test_what_may_widen_fails_too() -> None:
    patterns = [profile(f"client: {{client_name: {{pattern: '{pattern}'}}}}") for pattern in ("^a", "^b")]
    assert diff("--no-new-access", write("old", patterns[0]), write("new", patterns[1])).exit_code == 5


def test_what_narrows_is_no_failure_and_stands_where_it_was() -> None:
    result = diff("--no-new-access", write("old", WIDE), write("new", NARROW))
    assert result.exit_code == 0
    assert result.output.startswith(
        "new/profiles/native.yaml:5:20: note: native/client.scope: allow loses b: a, b -> a [narrower]"
    )


def test_what_was_taken_away_stands_in_the_old_tree() -> None:
    result = diff(write("old", NARROW), write("new", profile("client: {scope: {default: [a]}}")))
    assert result.output.startswith("old/profiles/native.yaml:5:20: warning: native/client.scope: allow is no longer limited")


def test_a_tree_does_not_differ_from_itself() -> None:
    result = diff(write("old", WIDE), "old/")
    assert result.exit_code == 0
    assert result.output.startswith("the same revision, sha256:")


def test_a_revision_that_says_the_same_says_so() -> None:
    result = diff("--no-new-access", write("old", WIDE), write("new", f"# a comment\n{WIDE}"))
    assert result.exit_code == 0
    assert result.output.startswith("another revision, but no difference in what it says")


def test_json_has_every_difference() -> None:
    result = diff("--format", "json", "--no-new-access", write("old", NARROW), write("new", WIDE))
    report = json.loads(result.stdout)
    assert result.exit_code == 5
    assert (report["passed"], report["widens"]) == (False, True)
    assert report["counts"] == {"wider": 1, "may-widen": 0, "narrower": 0, "neutral": 0}
    assert (report["old"]["tree"], report["new"]["tree"]) == ("old", "new")
    assert report["differences"] == [
        {
            "direction": "wider",
            "subject": "native/client.scope",
            "message": "allow gains b",
            "old": "a",
            "new": "a, b",
            "side": "new",
            "file": "new/profiles/native.yaml",
            "line": 5,
            "column": 20,
        }
    ]


def test_json_has_one_name_for_each_direction() -> None:
    """That of the rule, in counts and in differences."""
    trees = [write(name, profile(f"matchConditions: [{{name: few, expression: size(redirects) < {n}}}]")) for name, n in SIZES]
    report = json.loads(diff("--format", "json", *trees).stdout)
    assert [found["direction"] for found in report["differences"]] == ["may-widen"]
    assert [finding["rule"] for finding in report["findings"]] == [found["direction"] for found in report["differences"]]
    assert set(report["counts"]) == {"wider", "may-widen", "narrower", "neutral"}


def test_every_report_says_what_changed() -> None:
    """And not only how: which rule, profile or limit it is."""
    trees = write("old", NARROW), write("new", WIDE)
    [result] = json.loads(diff("--format", "sarif", *trees).stdout)["runs"][0]["results"]
    assert result["message"]["text"] == "native/client.scope: allow gains b: a -> a, b"
    junit = diff("--format", "junit", *trees).stdout
    assert "warning: native/client.scope: allow gains b: a -&gt; a, b [wider]" in junit
    assert "warning: native/client.scope: allow gains b: a -> a, b [wider]" in diff(*trees).stdout


def test_github_shows_it_beside_the_line() -> None:
    result = diff("--format", "github", write("old", NARROW), write("new", WIDE))
    assert result.output.startswith("::warning file=new/profiles/native.yaml,line=5,col=20,title=wider::")


def test_github_shows_what_is_gone_at_the_new_file() -> None:
    """It has no lines of the old one; a file that is gone as a whole is no place at all."""
    gone = f"{NARROW}  lifetimes: {{client: 1d}}\n"
    result = diff("--format", "github", write("old", gone), write("new", NARROW))
    assert result.output.startswith("::warning file=new/profiles/native.yaml,line=1,col=1,title=wider::native/lifetimes.client")
    limits = "apiVersion: registrar/v1\nkind: Limits\nmetadata: {name: l}\nspec: {limits: [{id: a, key: profile, maxTotal: 1}]}\n"
    (Path("old") / "limits").mkdir()
    (Path("old") / "limits/l.yaml").write_text(limits, encoding="utf-8")
    result = diff("--format", "github", "old", write("new", gone))
    assert result.output.startswith("::warning title=wider::l/a: no longer limits anybody")


def test_github_shows_a_revision_where_it_is_checked_out() -> None:
    first = commit(NARROW)
    commit(WIDE)
    result = diff("--format", "github", f"{first}:rules/policies", "HEAD:rules/policies")
    assert result.output.startswith("::warning file=rules/policies/profiles/native.yaml,line=5,col=20,title=wider::")


def test_a_broken_tree_is_named_with_its_mistakes() -> None:
    result = diff(write("old", NARROW), write("new", profile("client: {scope: {alow: [a]}}")))
    assert result.exit_code == 3
    assert "the policy tree new does not load" in result.stderr
    assert 'new/profiles/native.yaml:5:20: spec.client.scope.alow: unknown key "alow" (did you mean "allow"?)' in result.stderr


def test_a_broken_tree_in_json() -> None:
    result = diff("--format", "json", write("old", profile("client: {scope: {alow: [a]}}")), write("new", NARROW))
    assert result.exit_code == 3
    [finding] = json.loads(result.stdout)["findings"]
    assert (finding["file"], finding["line"]) == ("old/profiles/native.yaml", 5)


@pytest.mark.parametrize("style", ["pretty", "json", "github", "sarif", "junit"])
def test_no_format_fails(style: str) -> None:
    assert diff("--format", style, write("old", NARROW), write("new", WIDE)).exit_code == 0


# Revisions


def test_revisions_are_read_from_git() -> None:
    first = commit(NARROW)
    commit(WIDE)
    result = diff("--no-new-access", f"{first}:rules/policies", "HEAD:rules/policies")
    assert result.exit_code == 5
    assert result.output.startswith("HEAD:rules/policies/profiles/native.yaml:5:20: error: native/client.scope: allow gains b")


def test_a_path_for_all_revisions() -> None:
    commit(NARROW)
    commit(WIDE)
    assert "1 wider" in diff("--path", "rules/policies/", "HEAD~1", "HEAD").output


def test_a_revision_and_a_directory() -> None:
    commit(NARROW)
    write("rules/policies", WIDE)
    assert "1 wider" in diff("main:rules/policies", "rules/policies").output


def test_a_tree_at_the_root_of_the_repository() -> None:
    git("init", "--quiet")
    write(".", NARROW)
    git("add", "--all")
    git("commit", "--quiet", "--message", "m")
    write(".", WIDE)
    assert "1 wider" in diff("HEAD:", ".").output


def test_the_work_tree_is_left_alone() -> None:
    commit(NARROW)
    commit(WIDE)
    Path("rules/policies/profiles/native.yaml").write_text("changed", encoding="utf-8")
    Path("staged").write_text("x", encoding="utf-8")
    git("add", "staged")
    before = git("status", "--porcelain")
    assert "1 wider" in diff("--path", "rules/policies", "HEAD~1", "HEAD").output
    assert git("status", "--porcelain") == before


def test_attributes_of_the_repository_do_not_change_what_is_read() -> None:
    """A guardrail that `git archive` would leave out is there, and so is one that it would rewrite."""
    rule = (
        "apiVersion: registrar/v1\nkind: Guardrail\nmetadata: {name: rules}\nspec:\n"
        "  validations: [{id: r, expression: client.client_name != '$Format:%H$', message: m}]\n"
    )
    commit(NARROW, {"guardrails/rules.yaml": rule, ".gitattributes": "guardrails/* export-ignore export-subst\n"})
    assert diff("HEAD:rules/policies", "rules/policies").output.startswith("the same revision")


def test_hidden_files_are_no_policy() -> None:
    commit(NARROW, {".schemas/x.yaml": "no: policy", "README.md": "words"})
    assert diff("HEAD:rules/policies", "rules/policies").output.startswith("the same revision")


def test_a_symbolic_link_is_not_followed_inside_a_revision() -> None:
    write("rules/policies", NARROW)
    Path("rules/policies/guardrails").mkdir()
    Path("rules/policies/guardrails/rules.yaml").symlink_to("/etc/passwd")
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "m")
    result = diff("HEAD:rules/policies", "HEAD:rules/policies")
    assert result.exit_code == 2
    assert "guardrails/rules.yaml is a symbolic link" in result.stderr


def test_a_broken_tree_in_a_revision() -> None:
    commit(NARROW, {"profiles/other.yaml": "kind: Profile"})
    result = diff("HEAD:rules/policies", "HEAD:rules/policies")
    assert result.exit_code == 3
    assert "HEAD:rules/policies/profiles/other.yaml:1:1: " in result.stderr


@pytest.mark.parametrize(
    ("old", "reason"),
    [
        ("--output=stolen:rules/policies", '"--output=stolen" is no git revision'),
        ("-n:rules/policies", '"-n" is no git revision'),
        (":rules/policies", '"" is no git revision'),
        ("HEAD", "a git revision needs a path"),
        ("nowhere:rules/policies", 'git has no revision "nowhere"'),
        ("HEAD:elsewhere", "git has no elsewhere in revision HEAD"),
        ("HEAD:--help", "git has no --help in revision HEAD"),
        ("HEAD:rules/policies/policyset.yaml", "is no folder"),
    ],
)
def test_what_is_no_tree_is_a_usage_error(old: str, reason: str) -> None:
    commit(NARROW)
    result = diff("--", old, "rules/policies")
    assert result.exit_code == 2
    assert reason in result.stderr
    assert not Path("stolen").exists()


def test_outside_of_a_repository() -> None:
    result = diff("HEAD:policies", write("new", WIDE))
    assert result.exit_code == 2
    assert 'git finds no repository here, which the revision "HEAD" needs' in result.stderr


def test_in_a_repository_without_commits() -> None:
    git("init", "--quiet")
    assert 'git has no revision "HEAD"' in diff("HEAD:policies", write("new", WIDE)).stderr


def test_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    result = diff("HEAD:policies", write("new", WIDE))
    assert result.exit_code == 2
    assert "there is no git here" in result.stderr
