from radiusd.policy.model import Problem, Request, User


def test_a_user_is_printed_without_his_rows():
    assert repr(User("alice", ((1, "Cleartext-Password", ":=", "hunter2"),))) == "User('alice')"


def test_a_problem_reads_as_a_line():
    assert str(Problem("radcheck", 7, "user alice", "no such thing")) == "radcheck 7 (user alice): no such thing"


def test_problems_are_ordered_by_table_and_row():
    problems = [Problem("radreply", 1, "", ""), Problem("radcheck", 10, "", ""), Problem("radcheck", 9, "", "")]
    assert [(one.table, one.row_id) for one in sorted(problems)] == [("radcheck", 9), ("radcheck", 10), ("radreply", 1)]


def test_a_request_needs_no_more_than_its_attributes_and_code():
    request = Request([(1, b"u")], 1)
    assert (request.client, request.password, request.host) == (None, None, "")
