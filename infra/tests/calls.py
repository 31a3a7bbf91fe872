"""Which DynamoDB calls the functions make, read from their sources: each is (table, action), the table as `ConfigTable`,
or `ConfigTable/index/owner` for an index.

Rust is not parsed here. Functions are found by their heads and braces, calls by the SDK's own form (`client.get_item()`)
and by the helpers that make them. What looks like a call and is not understood fails.
"""

import functools
import pathlib
import re

from templates import ROOT

STORE = ROOT / "shared/src/store/dynamodb"
KINDS = {"Quota": "QuotaTable", "Config": "ConfigTable", "State": "StateTable"}
# Of the client itself, no calls.
NO_CALLS = {"config", "clone"}
ACTIONS = {"get_item", "batch_get_item", "put_item", "update_item", "delete_item", "query", "scan"}
# How helpers are called that are no methods of a table.
HELPER_FORMS = {"on": r"Expression::\w+\([^)]*\)\.on\("}


def functions(code):
    """The bodies of all functions by their names; of several with one name, all of them together."""
    found = {}
    for head in re.finditer(r"\bfn (\w+)", code):
        start = code.find("{", head.end())
        if start < 0 or ";" in re.sub(r"\[[^]]*\]", "", code[head.end() : start]):
            continue  # of a trait, without a body
        depth, end = 0, start
        while True:
            depth += {"{": 1, "}": -1}.get(code[end], 0)
            end += 1
            if depth == 0:
                break
        found[head[1]] = found.get(head[1], "") + code[start:end]
    return found


@functools.cache
def product_code(path):
    """Without tests and comments."""
    code = re.sub(r"(?m)^\s*//.*$", "", pathlib.Path(path).read_text())
    return code.split("#[cfg(test)]")[0] if "#[cfg(test)]\nmod tests {" in code else code


def direct(body):
    """(action, whether by the index) of the SDK's own calls in a body."""
    found = set()
    for call in re.finditer(r"\bclient\s*\.\s*(\w+)\(\)([^;]*)", body):
        if call[1] in NO_CALLS:
            continue
        assert call[1] in ACTIONS, f"client.{call[1]}() is not known here: which actions does it take?"
        action = "dynamodb:" + "".join(word.capitalize() for word in call[1].split("_"))
        found.add((action, ".index_name(" in call[2]))
    return found


def of_file(name, helpers):
    """What each function of a file of the store calls, through others of the file and through these helpers."""
    bodies = functions(product_code(STORE / name))
    calls = {function: direct(body) for function, body in bodies.items()}
    for function, body in bodies.items():
        for helper, its in helpers.items():
            if re.search(HELPER_FORMS.get(helper, rf"(?:self(?:\.0)?|\?)\s*\.{helper}\("), body):
                calls[function] |= its
    for _ in bodies:  # as long a chain as there may be
        for function, body in bodies.items():
            for other in bodies:
                if other != function and re.search(rf"\bself\s*\.{other}\(", body):
                    calls[function] |= calls[other]
    return calls


def of_store():
    """What each function of the gateway's store calls, by table."""
    helpers = {name: its for name, its in of_file("table.rs", {}).items() if its}
    helpers["on"] = of_file("counter.rs", {})["on"]
    calls = of_file("../dynamodb.rs", helpers)
    bodies = functions(product_code(STORE.parent / "dynamodb.rs"))
    found = {}
    for function, its in calls.items():
        if not its:
            continue
        kinds = set(re.findall(r"TableKind::(\w+)", bodies[function]))
        # Without one it takes whichever is there.
        tables = [KINDS[kind] for kind in kinds or KINDS]
        found[function] = {(table, action) for table in tables for action, _ in its}
    return found


def _sources(*places):
    for place in places:
        for path in [place] if place.suffix else sorted(place.rglob("*.rs")):
            if "test" not in path.name and not {"tests", "testing"} & set(path.parts):
                yield product_code(path)


def _named(code, names):
    return {name for name in names if re.search(rf"\.{name}\(", code)}


def of_function(*places):
    """What is called through the store by the code in these places."""
    calls = of_store()
    code = "\n".join(_sources(*places))
    return set().union(*(calls[name] for name in _named(code, calls)))


def gateway():
    shared = ROOT / "shared/src"
    return of_function(
        *(it for it in sorted(shared.iterdir()) if it.name not in ("store", "store.rs", "authorizer", "authorizer.rs"))
    )


def authorizer():
    shared = ROOT / "shared/src"
    found = of_function(shared / "auth", shared / "auth.rs", shared / "authorizer", shared / "authorizer.rs")
    # `warm` asks the first table that is there, and a quota table is not.
    return {it for it in found if it[0] != "QuotaTable" or it[1] != "dynamodb:GetItem"}


def admin():
    """The admin function has the administrators' types, each on one table."""
    code = "\n".join(_sources(ROOT / "functions/admin/src"))
    helpers = {name: its for name, its in of_file("table.rs", {}).items() if its}
    helpers |= {name: its for name, its in of_file("admin_table.rs", helpers).items() if its}
    files = {"ApiKeys": "api_keys.rs", "Plans": "plans.rs", "Counters": "counters.rs", "Sessions": "sessions.rs"}
    found = set()
    for member, kind, table in re.findall(r"(\w+): (\w+)::new\([\w.()]+, table\(TableKind::(\w+)\)\)", code):
        calls = of_file(files[kind], helpers)
        used = set(re.findall(rf"\b{member}\s*\.\s*(\w+)\(", code)) & set(calls)
        assert used, f"{member} is there and never asked"
        for action, by_index in set().union(*(calls[name] for name in used)):
            found.add((KINDS[table] + ("/index/owner" if by_index else ""), action))
    return found
