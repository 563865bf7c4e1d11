"""Refusing a request: the problem travels as an exception from where it is found."""

from csms_shared.contracts.requests import FieldProblem, Problem


class ProblemRaised(Exception):
    """The request is refused, and this is why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def refuse(status: int, code: str, detail: str, *errors: tuple[str, str]) -> ProblemRaised:
    """Return the refusal to raise; `errors` are pairs of a field's name and what is wrong."""
    fields = tuple(FieldProblem(field=field, message=message) for field, message in errors)
    return ProblemRaised(Problem(status=status, code=code, detail=detail, errors=fields))


def outside_scope() -> ProblemRaised:
    """Return the refusal of what is not for those who are limited to sites or tags."""
    return refuse(
        403, "outside_scope", "this is not for users and keys that are limited to sites or tags"
    )
