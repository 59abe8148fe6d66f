"""What AgentDojo's tasks call, as JSON on standard output. Wants an interpreter with `agentdojo`; asks no model.

Of each suite: its tools, and for each task of a user and of an attacker the calls that solve it (`ground_truth`).
"""

import json
import sys

VERSION = "v1.2.1"


def calls_of(task, suite):
    """The calls that solve a task in the suite's own world, as `{tool, input}`."""
    world = suite.load_and_inject_default_environment({})
    if hasattr(task, "init_environment"):
        world = task.init_environment(world)
    return [{"tool": call.function, "input": dict(call.args)} for call in task.ground_truth(world)]


def plain(schema):
    """A parameter's schema without references and titles: its types alone."""
    named = schema.get("anyOf", [schema])
    types = [each["type"] for each in named if "type" in each]
    return {"type": types[0] if len(types) == 1 else types} if types else {}


def main():
    """Prints the suites."""
    from agentdojo.task_suite.load_suites import get_suites

    suites = {
        name: {
            "tools": {
                tool.name: {
                    "description": tool.description,
                    "parameters": {
                        key: plain(value)
                        for key, value in tool.parameters.model_json_schema().get("properties", {}).items()
                    },
                }
                for tool in suite.tools
            },
            "users": {task_id: calls_of(task, suite) for task_id, task in suite.user_tasks.items()},
            "attackers": {task_id: calls_of(task, suite) for task_id, task in suite.injection_tasks.items()},
        }
        for name, suite in get_suites(VERSION).items()
    }
    json.dump(suites, sys.stdout, default=str)


main()
