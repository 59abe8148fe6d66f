"""WebFetch in a run: by an agent whose rules name hosts, and as a step."""

from agentflow.events.session_events import ToolFinished
from agentflow.tools.toolbox import Toolbox
from tests.engine.doubles import ModelDouble, reply
from tests.tools.web_server import exchange_of, response, site


async def test_an_agent_fetches_from_the_hosts_of_its_grant_and_from_no_other(setting):
    async with site() as here:
        here.answers["/"] = response(b"A page.")
        asked = [("c1", f"http://a.org:{here.port}/"), ("c2", f"http://b.org:{here.port}/")]

        def answer(request):
            return (
                reply("", *((name, "WebFetch", {"url": url}) for name, url in asked))
                if request.turn == 1
                else reply("x")
            )

        run = setting(
            """
            agents: {a: {tools: ["WebFetch(domain:a.org)"]}}
            steps: {s: {agent: a, prompt: go}}
            """,
            model=ModelDouble(answer),
        )
        run.tools = Toolbox({}, exchange_of(here.port))
        await run.run()
    results = {event.call: event for event in run.events(ToolFinished)}
    assert results["c1"].content.endswith("\n\nA page.")
    assert not results["c1"].is_error
    assert "`tools` grants `WebFetch(domain:a.org)` only" in results["c2"].content
    assert results["c2"].is_error
    assert len(here.heard) == 1


async def test_a_step_fetches_a_page(setting):
    async with site() as here:
        here.answers["/tea?x=1"] = response(b"A page.")
        run = setting(
            f"""
            inputs: {{page: {{type: string, default: tea}}}}
            steps: {{s: {{tool: WebFetch, with: {{url: "http://a.org:{here.port}/{{{{ inputs.page }}}}?x=1"}}}}}}
            outputs: {{s: steps.s.output}}
            """,
            inputs={"page": "tea"},
        )
        run.tools = Toolbox({}, exchange_of(here.port))
        outputs = await run.outputs()
    assert outputs["s"].endswith("A page.")


async def test_a_step_whose_page_is_not_there_fails(setting):
    async with site() as here:
        run = setting(f'steps: {{s: {{tool: WebFetch, with: {{url: "http://a.org:{here.port}/"}}}}}}')
        run.tools = Toolbox({}, exchange_of(here.port))
        assert await run.failure() == "tool_failed"
