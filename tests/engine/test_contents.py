"""Images and PDFs on their way from a tool to the model, the record, and steps."""

import pytest

from agentflow.engine.contents import redacted_content, text_of
from agentflow.engine.secrets import Secrets
from agentflow.events.session_events import ToolFinished
from agentflow.tools.toolbox import Toolbox
from tests.engine.doubles import reply
from tests.pictures import document, encoded, image, pdf, picture


async def test_an_agent_is_shown_an_image_and_the_record_keeps_it(setting):
    run = setting("agents: {a: {tools: [Read]}}\nsteps: {s: {agent: a, prompt: go}}\noutputs: {s: steps.s.output}")
    run.tools = Toolbox({})
    (run.folder / "a.png").write_bytes(data := picture())

    def answer(request):
        if request.turn == 1:
            return reply("", ("1", "Read", {"file_path": "a.png"}))
        blocks = request.messages[-1]["content"][0]["content"]
        assert blocks[1] == image(encoded(data))
        return reply(blocks[0]["text"])

    run.model.answer = answer
    assert await run.outputs() == {"s": "`a.png`: PNG image, 40 × 30 pixels."}
    (finished,) = run.events(ToolFinished)
    assert finished.content[1] == image(encoded(data))
    assert finished.media_tokens == 4


@pytest.mark.parametrize("data", [picture(), pdf()], ids=["image", "PDF"])
async def test_a_step_is_not_given_what_only_a_model_can_be_shown(setting, data):
    run = setting("steps: {s: {tool: Read, with: {file_path: a}}}")
    run.tools = Toolbox({})
    (run.folder / "a").write_bytes(data)
    finished = (await run.run()).finished
    assert finished.failure.kind == "tool_failed"
    assert "shown to a model alone" in finished.failure.message
    assert "let an agent read it" in finished.failure.message


def test_blocks_of_text_are_text_to_a_step():
    assert text_of("plain") == "plain"
    assert text_of([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]) == "a\nb"
    assert text_of([{"type": "text", "text": "a"}, image("x")]) is None


def test_no_letter_of_an_image_is_changed_by_chance_and_none_that_holds_a_secret_is_shown():
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "the key is s3cret-value")
    plain, telling = encoded(picture()), encoded(picture(pnginfo=info))
    secrets = Secrets({"KEY": "s3cret-value", "CHANCE": plain[40:48]})
    blocks = [{"type": "text", "text": "of s3cret-value"}, image(plain), image(telling), document(encoded(pdf()))]
    words, first, second, third = redacted_content(secrets, blocks)
    assert words["text"] == "of [secret KEY]"
    assert first == image(plain)
    assert second == {"type": "text", "text": "(Not shown: this file holds [secret KEY].)"}
    assert third == document(encoded(pdf()))


def test_what_is_no_base64_is_redacted_as_any_text_is():
    secrets = Secrets({"KEY": "s3cret-value"})
    assert "s3cret-value" not in repr(redacted_content(secrets, [image("s3cret-value")]))
    assert redacted_content(secrets, "s3cret-value") == "[secret KEY]"
