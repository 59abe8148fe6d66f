"""What Read shows of images and PDFs is taken by an API that refuses what the real one does, turn after turn."""

import random
from pathlib import Path

from PIL import Image

from agentflow import api
from agentflow.models.anthropic import AnthropicModel
from tests.messages_api import MessagesAPI, Reply, text, tool_use, turn_of
from tests.pictures import pdf, picture

WORKFLOW = """agentflow: 1
name: t
agents:
  a: {model: claude-sonnet-5-5, tools: [Read], stop: {turns: 100}, max_tokens: 2000}
steps: {s: {agent: a, prompt: Look.}}
outputs: {s: steps.s.output}
limits: {turns: 100, cost_usd: 5}
"""


async def test_no_image_and_no_pdf_that_is_shown_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    (tmp_path / ".git").mkdir()
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        (tmp_path / kind).write_bytes(picture(kind))
    (tmp_path / "large").write_bytes(picture("PNG", (2400, 10)))
    (tmp_path / "cut").write_bytes(picture("JPEG")[:200])
    Image.frombytes("RGB", (1200, 1200), random.Random(1).randbytes(1200 * 1200 * 3)).save(tmp_path / "heavy", "PNG")
    (tmp_path / "pdf").write_bytes(pdf(3))
    (tmp_path / "long").write_bytes(pdf(25))
    looks = [*(("large", {}),) * 22, *((name, {}) for name in ("PNG", "JPEG", "GIF", "WEBP", "cut", "heavy", "pdf"))]
    looks.append(("long", {"pages": "2-5"}))

    def script(request):
        turn = turn_of(request)
        if turn >= len(looks):
            return Reply([text("Seen.")])
        name, more = looks[turn]
        return Reply(
            [tool_use("Read", {"file_path": name, **more, **({"limit": turn + 1} if name == "large" else {})})]
        )

    async with MessagesAPI(script) as server:
        model = AnthropicModel(base_url=server.base_url, connections=2)
        try:
            result = await api.run(tmp_path / "w.yaml", {}, api.RunOptions(model=model))
        finally:
            await model.close()
    assert [request.message for request in server.refused] == []
    assert result.outputs == {"s": "Seen."}
    assert len(server.requests) == len(looks) + 1
    shown = [
        block["type"]
        for message in server.requests[-1].body["messages"]
        for result in message["content"]
        if result["type"] == "tool_result" and isinstance(result["content"], list)
        for block in result["content"]
    ]
    assert (shown.count("image"), shown.count("document")) == (22 + 5, 2)
