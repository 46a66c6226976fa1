"""Parameters checked from their descriptions, with the answers of the newer methods (code 100)."""

from dataclasses import replace

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import integer
from sandbox.portal.fields.casts import scalar
from sandbox.portal.methods.spec import Call, Method, Param, Reply
from sandbox.portal.php import as_map
from sandbox.portal.portal import Portal


def checked(method: Method) -> Method:
    """The method with its `params` checked before it runs."""
    if not method.params:
        return method

    async def run(portal: Portal, call: Call) -> Reply:
        for param in method.params:
            check(call, param)
        return await method.run(portal, call)

    return replace(method, run=run)


def check(call: Call, param: Param) -> None:
    """Raises `RestError` 400 with the code 100 for a parameter that is missing or of another type."""
    value = call.param(param.name)
    if value is None or (value == "" and param.type != "string"):
        if param.optional:
            return
        raise RestError(not_given(param.name))
    if param.type == "array":
        found = as_map(value)
        if found is None:
            raise RestError(wrong_type(param.name, value, "array"))
        if param.filled and not found:
            raise RestError(not_given(param.name))
    elif param.type == "int" and integer(value) is None:
        raise RestError(wrong_type(param.name, value, "int"))
    elif param.type == "string" and isinstance(value, dict | list):
        raise RestError(wrong_type(param.name, value, "string"))


def not_given(name: str) -> Problem:
    """The answer to a required parameter that is missing (catalog.product.get, sale.order.add pages)."""
    return Problem(400, 100, f"Could not find value for parameter {{{name}}}")


def wrong_type(name: str, value: object, wanted: str) -> Problem:
    """The answer to a parameter that cannot be what the method declares."""
    given = "array" if isinstance(value, dict | list) else scalar(value)
    return Problem(
        400, 100, f"Invalid value {{{given}}} to match with parameter {{{name}}}. Should be value of type {wanted}."
    )


def not_iterable(value: object) -> Problem:
    """The answer to a single value for a multiple field (crm.item.add page)."""
    names = {bool: "boolean", int: "integer", float: "double", str: "string"}
    given = names.get(type(value), "NULL")
    return Problem(400, 100, f"Expected iterable value for multiple field, but got `{given}` instead")
