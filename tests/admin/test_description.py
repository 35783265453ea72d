import re

import pytest

from radiusd.admin.deps import API
from radiusd.admin.description import REFUSALS
from radiusd.admin.examples import BODIES

METHODS = {"get", "put", "post", "delete", "patch"}


@pytest.fixture
async def document(api):
    return (await api.get("http://radiusd/api/openapi.json")).json()


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def walk(node):
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


def resolve(document, node):
    while isinstance(node, dict) and "$ref" in node:
        found = document
        for key in node["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        node = found
    return node


async def test_it_is_openapi(document):
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= set(document["info"])
    names = []
    for method, path, operation in operations(document):
        assert method in METHODS
        names.append(operation["operationId"])
        assert operation["summary"]
        assert operation["description"]
        placed = [(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", [])]
        assert len(placed) == len(set(placed))
        assert {name for where, name in placed if where == "path"} == set(re.findall(r"\{(\w+)\}", path))
        assert all(parameter["schema"] for parameter in operation.get("parameters", []))
        assert any(status.startswith("2") for status in operation["responses"])
        for status, answer in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d", status)
            assert resolve(document, answer)["description"]
        for scheme in operation.get("security", []):
            assert set(scheme) <= set(document["components"]["securitySchemes"])
    assert len(names) == len(set(names))


async def test_every_reference_leads_somewhere_and_every_part_is_used(document):
    references = {node["$ref"] for node in walk(document) if isinstance(node, dict) and "$ref" in node}
    for reference in references:
        assert resolve(document, {"$ref": reference}) is not None
    parts = {
        f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in document["components"][kind]
    }
    assert parts == references


async def test_what_writes_take_is_named(document):
    for method, path, operation in operations(document):
        headers = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "header"}
        named = re.match(rf"{API}/(users|groups|clients)/", path)
        wanted = set() if method == "get" else {"Idempotency-Key"}
        if named and method != "get":
            wanted.add("If-Match")
        assert headers == wanted, (method, path)


async def test_refusals_are_named_where_they_occur(document):
    for method, path, operation in operations(document):
        statuses = {int(status) for status in operation["responses"]}
        if not path.startswith(API):
            assert not statuses & {401, 403}
            continue
        assert {401, 405, 503} <= statuses
        assert ({400, 413, 422} <= statuses) if "requestBody" in operation else (not statuses & {400, 413})
        assert (403 in statuses) is (operation["security"] != [{"HTTPBearer": ["viewer"]}])
        assert (412 in statuses) is any(parameter["name"] == "If-Match" for parameter in operation["parameters"])
        assert (404 in statuses) is ("{" in path and method != "put")
        for status in statuses & set(REFUSALS):
            answer = resolve(document, operation["responses"][str(status)])
            assert list(answer["content"]) == ["application/problem+json"]
    assert "409" in document["paths"][f"{API}/users"]["post"]["responses"]
    assert "Allow" in document["components"]["responses"]["Refusal405"]["headers"]


async def test_what_is_created_has_a_location(document):
    created = {
        (method, path): answer["headers"]
        for method, path, operation in operations(document)
        for status, answer in operation["responses"].items()
        if status == "201"
    }
    assert {path for _, path in created} >= {f"{API}/users", f"{API}/users/{{username}}", f"{API}/tokens"}
    assert all("Location" in headers for headers in created.values())


async def test_a_repeated_creation_of_a_token_is_described(document):
    create = document["paths"][f"{API}/tokens"]["post"]
    assert '"token": null' in create["description"]
    assert "null" in document["components"]["schemas"]["TokenCreated"]["properties"]["token"]["type"]


async def test_the_examples_work_in_their_order(api, document):
    done = 0
    for method, path in BODIES:
        operation = document["paths"][path][method]
        target = path
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                target = target.replace(f"{{{parameter['name']}}}", parameter["example"])
        for example in operation["requestBody"]["content"]["application/json"]["examples"].values():
            answer = await api.request(method, f"http://radiusd{target}", json=example["value"])
            assert str(answer.status_code) in operation["responses"], (method, path, answer.text)
            assert answer.is_success, (method, path, answer.text)
            done += 1
    assert done >= len(BODIES)


async def test_every_body_has_an_example(document):
    bodies = {(method, path) for method, path, operation in operations(document) if "requestBody" in operation}
    assert bodies == set(BODIES)
