import pytest


async def test_the_description_covers_every_resource(api):
    answer = await api.get("http://radiusd/api/openapi.json")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    for path in ("users", "groups", "clients", "sessions", "tokens"):
        assert f"/api/v1/{path}" in paths
    assert {"/api/v1/auth-log", "/api/v1/audit", "/api/v1/explain", "/healthz", "/readyz", "/metrics"} <= set(paths)


async def test_the_description_says_how_errors_look(api):
    description = (await api.get("http://radiusd/api/openapi.json")).json()
    assert "Problem" in description["components"]["schemas"]
    create = description["paths"]["/api/v1/users"]["post"]
    assert list(create["responses"]["422"]["content"]) == ["application/problem+json"]
    assert create["security"] == [{"HTTPBearer": []}]


async def test_the_docs_are_there(api):
    assert (await api.get("http://radiusd/api/docs")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("GET", "http://radiusd/nothing", 404), ("PUT", "users", 405)],
)
async def test_even_unknown_paths_answer_with_a_problem(api, method, path, status):
    answer = await api.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
