from agentflow.tools.shell import OUTPUT_LIMIT, bash


async def test_a_script_runs_in_the_project_with_its_variables(project, context_of):
    output = await bash({"command": "pwd; echo $MINE $AGENTFLOW_IDEMPOTENCY_KEY"}, context_of(env={"MINE": "1"}))
    assert output.content == f"{project}\n1 key-1"
    assert not output.is_error


async def test_a_failed_script_shows_both_outputs_and_its_exit_code(context_of):
    output = await bash({"command": "false; echo out; echo err >&2; exit 7"}, context_of())
    assert output.content == "out\n[stderr]\nerr\n(Exit code 7.)"
    assert output.is_error


async def test_a_silent_script_is_said_to_be_silent(context_of):
    assert (await bash({"command": "true"}, context_of())).content == "(No output.)"


async def test_a_script_out_of_time_is_stopped(context_of):
    output = await bash({"command": "echo began; sleep 100", "timeout": 1500}, context_of())
    assert output.content.startswith("began\n(Stopped after 1.5 seconds; all it started was killed.)\n")
    assert "`run_in_background`" in output.content
    assert output.is_error


async def test_what_only_standard_error_says_is_told_apart(context_of):
    assert (await bash({"command": "echo warning >&2"}, context_of())).content == "[stderr]\nwarning"


async def test_a_script_that_needs_more_than_ten_minutes_is_sent_to_the_background(project, context_of):
    output = await bash({"command": "touch ran", "timeout": 600_001}, context_of())
    assert output.is_error
    assert "not started" in output.content
    assert "`run_in_background`" in output.content
    assert not (project / "ran").exists()


async def test_without_a_sandbox_nothing_runs(project, context_of):
    output = await bash({"command": "touch ran"}, context_of(sandbox_off=False))
    assert output.is_error
    assert "sandbox: off" in output.content
    assert not (project / "ran").exists()


async def test_much_output_is_whole_and_only_what_nobody_could_read_is_cut_in_the_middle(context_of):
    output = await bash({"command": "seq 100000; seq 100000 >&2"}, context_of())
    numbers = [*map(str, range(1, 100_001))]
    assert output.content == "\n".join([*numbers, "[stderr]", *numbers])
    output = await bash({"command": "seq 3000000"}, context_of())
    assert len(output.content) < OUTPUT_LIMIT + 100
    assert output.content.startswith("1\n2\n")
    assert output.content.endswith("2999999\n3000000")
    assert "bytes cut" in output.content
