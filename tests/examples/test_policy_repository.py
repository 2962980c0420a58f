"""`examples/policy-repository`: what its workflow, its hooks and its README say is run, word for word."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import registrar
from registrar.documents import read_yaml

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "policy-repository"
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
PATIENCE = 60.0  # seconds for a script of several commands on a busy machine

HOST = "      - agents.partner.example     # IAM-117\n"
PARTNER = f"{HOST}      - chat.partner.example       # IAM-140\n"
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")
COMMAND = re.compile(r"^[^#\n]*?\b(registrar \w+ [^|>\n]*?)\s*$", re.MULTILINE)


def parsed(path: Path) -> Any:
    return read_yaml(path.read_text(encoding="utf-8"), path.name).value


WORKFLOW: Mapping[str, Any] = parsed(EXAMPLE / ".github/workflows/policy.yml")
STEPS: list[Mapping[str, Any]] = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
SCRIPTS = [step["run"] for step in STEPS if "registrar " in step.get("run", "")]
GATE = "--no-new-access"


@dataclass(frozen=True, slots=True)
class Repository:
    """A clone of the example with a `registrar` on its path that keeps a list of what it was asked."""

    folder: Path

    @property
    def tree(self) -> Path:
        return self.folder / "repository"

    @property
    def asked(self) -> list[str]:
        """Every command that was run, in order."""
        return (self.folder / "asked").read_text(encoding="utf-8").splitlines()

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """A script as GitHub runs it: https://docs.github.com/en/actions/reference/workflow-syntax-for-github-actions."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.tree,
            env={
                "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
                "HOME": str(self.folder),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
                "GIT_CONFIG_NOSYSTEM": "1",
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=somebody", "-c", "user.email=somebody@acme.example")
        done = subprocess.run(["git", *who, *arguments], cwd=self.tree, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def merge(self, old: str, new: str, file: str = "policyset.yaml") -> None:
        """A pull request that puts `new` for `old` in a file of the tree, checked out as its merge into main."""
        self.git("switch", "--quiet", "--create", "change")
        path = self.tree / "policies" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        self.git("commit", "--quiet", "--all", "--message", "Change the policy")
        self.git("switch", "--quiet", "--detach", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", "Merge", "change")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    shutil.copytree(EXAMPLE, made.tree)
    command = tmp_path / "bin" / "registrar"
    command.parent.mkdir()
    package = Path(registrar.__file__).resolve().parents[1]
    noted = f'echo "registrar $*" >> "{tmp_path}/asked"'
    command.write_text(
        f'#!/bin/sh\n{noted}\nPYTHONPATH="{package}" exec "{sys.executable}" -m registrar "$@"\n', encoding="utf-8"
    )
    command.chmod(0o755)
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "The policies")
    return made


def test_every_command_of_the_workflow_is_run_here(repository: Repository) -> None:
    """A change that only narrows passes every step that calls registrar; no command in the file is left out."""
    repository.merge("unused: 90d", "unused: 60d", "profiles/hosted.yaml")
    for script in SCRIPTS:
        done = repository.run(script)
        assert done.returncode == 0, script + done.stdout + done.stderr
    written = COMMAND.findall((EXAMPLE / ".github/workflows/policy.yml").read_text(encoding="utf-8"))
    assert written == repository.asked
    assert {command.split()[2] for command in written} == {"check", "test", "diff", "matrix"}


def test_a_change_that_widens_needs_the_label(repository: Repository) -> None:
    """The gate alone fails, with 5 and the place of what widens; the same step without the gate tells it and passes."""
    repository.merge(HOST, PARTNER)
    for script in SCRIPTS:
        done = repository.run(script)
        assert done.returncode == (5 if GATE in script else 0), script + done.stdout + done.stderr
        if GATE in script:
            assert "::error file=policies/profiles/hosted.yaml,line=" in done.stdout
            assert "chat.partner.example" in done.stdout
    report = (repository.tree / "report.md").read_text(encoding="utf-8")
    assert (repository.folder / "summary.md").read_text(encoding="utf-8") == report
    assert "allow gains https://chat.partner.example/" in report
    assert "# Policy acme" in report


def test_a_tree_that_does_not_load_stops_the_first_step(repository: Repository) -> None:
    """With its place, as an annotation on the pull request."""
    repository.merge("mode: enforce", "mode: enforced")
    done = repository.run(SCRIPTS[0])
    assert done.returncode == 3
    assert "::error file=policies/policyset.yaml,line=" in done.stdout


def test_the_readme_shows_what_is_printed(repository: Repository) -> None:
    """The diff that reviewers learn to read on is the real one."""
    repository.merge(HOST, PARTNER)
    printed = repository.run("registrar policy diff HEAD^1:policies policies").stdout.splitlines()
    shown = re.findall(r"comes out as\n\n```\n(.*?)```", (EXAMPLE / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert shown[0].splitlines() == printed[:-1]


def test_the_commands_of_the_readme_work(repository: Repository) -> None:
    """What a contributor is told to run runs, as it stands; only pip is left to the machine."""
    blocks = re.findall(r"```sh\n(.*?)```", (EXAMPLE / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line and not line.startswith("pip install")]
    done = repository.run("\n".join(lines))
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(repository.asked) == len(lines)
    status = subprocess.run(["git", "status", "--porcelain"], cwd=repository.tree, capture_output=True, text=True, check=True)
    assert status.stdout == ""


def test_nothing_of_a_pull_request_gets_into_a_script() -> None:
    """GitHub pastes ${{ }} into the text of a script, so no script has one."""
    assert [step["run"] for step in STEPS if "${{" in step.get("run", "")] == []


def test_only_the_comment_can_write_and_it_runs_no_code_of_the_pull_request() -> None:
    """Least permissions: nothing by default, reading for the checks, and writing where nothing is checked out."""
    assert WORKFLOW["permissions"] == {}
    assert set(WORKFLOW["on"]) == {"push", "pull_request"}
    rights = {name: job["permissions"] for name, job in WORKFLOW["jobs"].items()}
    assert rights == {
        "policies": {"contents": "read"},
        "access": {"contents": "read"},
        "comment": {"pull-requests": "write"},
    }
    steps = WORKFLOW["jobs"]["comment"]["steps"]
    assert [step["uses"].partition("@")[0] for step in steps if "uses" in step] == ["actions/download-artifact"]
    assert [step for step in steps if "pip" in step.get("run", "") or "registrar" in step.get("run", "")] == []
    assert "head.repo.full_name == github.repository" in WORKFLOW["jobs"]["comment"]["if"]


def test_no_secret_is_named() -> None:
    """The only token is the one of the run, and only the comment has it."""
    text = (EXAMPLE / ".github/workflows/policy.yml").read_text(encoding="utf-8")
    assert "secrets." not in text
    tokens = [name for name, job in WORKFLOW["jobs"].items() for step in job["steps"] if "github.token" in str(step)]
    assert tokens == ["comment"]
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False, False]


def test_actions_are_pinned() -> None:
    """By commit, since a tag can be moved; the version stands beside it for people."""
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert [name for name in used if not PINNED.fullmatch(name)] == []
    text = (EXAMPLE / ".github/workflows/policy.yml").read_text(encoding="utf-8")
    assert len(re.findall(r"uses: \S+  # v\d+\.\d+\.\d+$", text, re.MULTILINE)) == len(used)


def test_the_gate_opens_only_for_the_run_that_the_label_starts() -> None:
    """A label from before a push approves nothing that was pushed."""
    access = WORKFLOW["jobs"]["access"]
    assert access["env"]["APPROVED"] == ("${{ github.event.action == 'labeled' && github.event.label.name == 'widens-access' }}")
    conditions = {step["if"]: GATE in step["run"] for step in access["steps"] if "registrar " in step.get("run", "")}
    assert conditions == {"env.APPROVED != 'true'": True, "env.APPROVED == 'true'": False}
    assert {"labeled", "synchronize"} <= set(WORKFLOW["on"]["pull_request"]["types"])
    assert WORKFLOW["on"]["pull_request"]["branches"] == WORKFLOW["on"]["push"]["branches"] == ["main"]


def test_one_version_judges_and_serves() -> None:
    """The example is of this version, in all places that name one."""
    assert f"oauth-registrar=={registrar.__version__}" in (EXAMPLE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [repo["rev"] for repo in parsed(EXAMPLE / ".pre-commit-config.yaml")["repos"]] == [f"v{registrar.__version__}"]


def test_owners_own_paths_that_are_there() -> None:
    """A line of CODEOWNERS that fits nothing protects nothing."""
    lines = (EXAMPLE / ".github/CODEOWNERS").read_text(encoding="utf-8").splitlines()
    owned = {line.split()[0]: line.split()[1:] for line in lines if line and not line.startswith("#")}
    assert owned.pop("*")
    assert [path for path in owned if not (EXAMPLE / path.lstrip("/")).exists()] == []
    assert all(owner.startswith("@acme/") for owners in owned.values() for owner in owners)
    assert {"/.github/", "/requirements.txt", "/policies/guardrails/"} <= set(owned)


# A wheel has no repository around it, and pre-commit installs from the repository.
in_a_checkout = pytest.mark.skipif(not MANIFEST.exists(), reason="no checkout")


@in_a_checkout
def test_the_hooks_have_the_form_that_pre_commit_wants() -> None:
    """https://pre-commit.com/#creating-new-hooks: a command of this package on the whole tree, when a file of one changes."""
    hooks = parsed(MANIFEST)
    assert [hook["id"] for hook in hooks] == ["registrar-policy-check", "registrar-policy-test"]
    for hook in hooks:
        assert set(hook) == {"id", "name", "description", "entry", "args", "language", "pass_filenames", "files"}
        assert (hook["language"], hook["pass_filenames"]) == ("python", False)
        assert hook["entry"].split()[0] == "registrar"
        files = re.compile(hook["files"])
        mine = [path.relative_to(EXAMPLE).as_posix() for path in (EXAMPLE / "policies").rglob("*.yaml")]
        assert mine
        assert [path for path in mine if not files.search(path)] == []
        assert [path for path in ("README.md", "src/policyset.yaml.py", "profiles.yaml") if files.search(path)] == []


@in_a_checkout
def test_the_hooks_run(repository: Repository) -> None:
    """With their own arguments and with those of the example: well on its tree, and not on a broken one."""
    hooks = {hook["id"]: hook for hook in parsed(MANIFEST)}
    used = [hook for repo in parsed(EXAMPLE / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert [hook["id"] for hook in used] == list(hooks)
    commands = [[*hooks[hook["id"]]["entry"].split(), *hook["args"]] for hook in (*used, *hooks.values())]
    for command in commands:
        done = repository.run(" ".join(command))
        assert done.returncode == 0, done.stdout + done.stderr
    repository.merge("- hosted ", "- hosting ")
    assert [repository.run(" ".join(command)).returncode for command in commands] == [3, 3, 3, 3]
