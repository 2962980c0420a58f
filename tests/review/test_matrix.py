"""The table of a tree: complete, and nothing in it is taken for markup."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest

from registrar.bundled import bundled
from registrar.policy import PolicySet, load
from registrar.review.matrix import html_page, markdown
from registrar.review.outline import outline
from tests.policy.trees import POLICY, compiled, guardrail, head, profile

# What may stand in a policy and would be markup in a page, or in Markdown, or would end a cell.
HOSTILE = "<script>alert(1)</script> | [x](javascript:y) `z` *b* & \\"


def shipped() -> PolicySet:
    return load(bundled("policies"), POLICY)


def hostile() -> PolicySet:
    quoted = HOSTILE.replace("\\", "\\\\")
    spec = f'constants: {{evil: "{quoted}"}}\nprofiles: [native]'
    described = profile("client: {client_name: {pattern: '<b>|`'}}").replace(
        "{name: native}", f'{{name: native, description: "{quoted}", annotations: {{"<i>|": "{quoted}"}}}}'
    )
    expression = 'client.client_name != "<b>|`" ||  // </td>\n      true'
    rules = f"validations:\n  - id: r\n    message: a <b> | c\n    expression: |-\n      {expression}"
    limit = f'{{id: a, description: "{quoted}", key: \'"<b>|`"\', rate: 5/hour}}'
    limits = f"apiVersion: registrar/v1\nkind: Limits\nmetadata: {{name: room}}\nspec: {{limits: [{limit}]}}\n"
    files = {"guardrails/rules.yaml": guardrail(rules), "limits/room.yaml": limits}
    return compiled({"policyset.yaml": head(spec), "profiles/native.yaml": described, **files})


class Page(HTMLParser):
    """A page's elements, its text, and whether every element is closed by its own end tag."""

    EMPTY = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def ids(self) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get("id")) is not None]


def test_a_page_needs_nothing_but_itself() -> None:
    page = Page(html_page(outline(shipped())))
    outside = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "div"}
    assert {tag for tag, _ in page.elements} == outside | {"table", "thead", "tbody", "tr", "th", "td", "code"}
    names = {name for _, attributes in page.elements for name in attributes}
    assert names == {"lang", "charset", "http-equiv", "content", "name", "scope", "class", "id"}
    [style] = re.findall(r"<style>(.*?)</style>", html_page(outline(shipped())), re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style


def test_a_page_has_one_anchor_for_each_rule() -> None:
    policies = shipped()
    page = Page(html_page(outline(policies)))
    assert len(page.ids) == len(set(page.ids))
    assert {rule for rule, _ in policies.testable_rules()} <= set(page.ids)


@pytest.mark.parametrize("render", [markdown, html_page])
def test_a_table_has_everything_that_a_reviewer_asks_for(render: type) -> None:
    policies = shipped()
    text = re.sub(r"\\(.)", r"\1", str(render(outline(policies), "git 0123abc")))
    for words in (
        *(policies.revision, "git 0123abc", "1. hosted-clients", "5. other-web", "owner: registrar-maintainers"),
        *("https://claude.ai/api/mcp/auth_callback", "https://chatgpt.com/connector/oauth/…", "any private-use scheme"),
        *("client_secret_post", "refresh_token", "mcp:resources", "unused client: 1d", "secret: for ever"),
        *("other-web/one-host", "all redirect URIs must be on one host", "invalid_redirect_uri at /redirect_uris"),
        *("identity/no-reserved-name", "guardrails/identity.yaml:97:19", "links/client-uri-on-redirect-host", "audit"),
        *("hosted_hosts", "insiders.vscode.dev", "known and unknown hosts cannot be mixed"),
        *(
            "registration/per-source",
            "at most 120/hour",
            "at most 30 at once",
            "from hosted: at most 6000/hour, at most 600 at once",
        ),
        *("2000 of them only for hosted-clients", "identical clients share one id", "updates may come from native-with-secret"),
    ):
        assert words in text


def test_nothing_of_a_policy_is_markup_in_a_page() -> None:
    page = Page(html_page(outline(hostile()), HOSTILE))
    assert not {tag for tag, _ in page.elements} & {"script", "i", "b", "a"}
    assert page.text.count(HOSTILE) == 5
    assert 'client.client_name != "<b>|`" ||  // </td>\ntrue' in page.text


def test_nothing_of_a_policy_is_markup_in_markdown() -> None:
    text = markdown(outline(hostile()), HOSTILE)
    outside_code = re.sub(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert not re.search(r"(?<!\\)(<(?!br>)|[\[*&])", outside_code)


def test_each_row_of_a_markdown_table_has_as_many_cells_as_its_head() -> None:
    for policies in (shipped(), hostile()):
        for table in re.findall(r"(?:^\|.*\n)+", markdown(outline(policies)), re.MULTILINE):
            cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
            assert len(cells) == 1


def test_a_backslash_before_a_bar_does_not_end_the_cell() -> None:
    rules = "validations: [{id: r, message: m, expression: 'client.client_name.matches(r\"a\\|b\")'}]"
    text = markdown(outline(compiled({"guardrails/rules.yaml": guardrail(rules)})))
    [row] = [row for row in text.splitlines() if row.startswith("| rules/r |")]
    assert "\\" not in row.replace("\\_", "")
    assert unescape(row).split(" | ")[1] == '<code>client.client_name.matches(r"a\\|b")</code>'


def test_a_comment_ends_where_it_ended() -> None:
    """As one line of code, what follows a comment would seem to belong to it."""
    assert "// </td>``<br>`true`" in markdown(outline(hostile())).replace(" ``", "``")


def test_what_is_not_limited_is_said_so() -> None:
    text = markdown(outline(compiled({"profiles/native.yaml": profile("client: {grant_types: {set: [client_credentials]}}")})))
    rows = {row.split(" | ")[0].removeprefix("| "): row for row in text.splitlines() if row.startswith("| ")}
    assert "everybody" in rows["Who"]
    assert rows["Redirect URIs"] == "| Redirect URIs | any valid redirect URI |"
    assert rows["Authentication"] == "| Authentication | any method<br>default client\\_secret\\_basic |"
    assert rows["Grants"] == "| Grants | always client\\_credentials |"
    assert rows["Scopes"] == "| Scopes | any scope |"
    assert rows["Other members"] == "| Other members | as they come |"
    assert rows["Rules"] == "| Rules | none of its own |"


def test_the_same_tree_gives_the_same_text() -> None:
    assert markdown(outline(shipped())) == markdown(outline(shipped()))
    assert html_page(outline(shipped())) == html_page(outline(shipped()))
