import pytest


async def test_the_description_covers_every_resource(api):
    answer = await api.get("http://radiusd/api/openapi.json")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    for path in ("users", "groups", "clients", "sessions", "tokens"):
        assert f"/api/v1/{path}" in paths
    assert {"/api/v1/auth-log", "/api/v1/audit", "/api/v1/explain", "/healthz", "/readyz", "/metrics"} <= set(paths)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("GET", "http://radiusd/nothing", 404), ("PUT", "users", 405)],
)
async def test_even_unknown_paths_answer_with_a_problem(api, method, path, status):
    answer = await api.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "users", {"GET", "POST"}),
        ("POST", "users/bob", {"GET", "PUT", "PATCH", "DELETE"}),
        ("DELETE", "sessions/reap", {"GET", "POST"}),
        ("POST", "http://radiusd/readyz", {"GET", "HEAD"}),
        ("POST", "http://radiusd/api/docs", {"GET", "HEAD"}),
    ],
)
async def test_a_method_that_is_not_there_is_answered_with_those_that_are(api, method, path, allowed):
    answer = await api.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
