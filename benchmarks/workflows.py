"""The workflows that are measured, as text."""

_HEAD = """\
agentflow: 1
name: bench
limits: {{cost_usd: 100000, turns: 100000, agents: 100000, parallel: {parallel}, wall_time: 1h}}
agents:
  worker:
    description: Reads.
    instructions: Read what you are asked to read.
    tools: [Read]
    stop: {{turns: 1000, tool_calls: 100000}}
  leader:
    instructions: Read what you are asked to read.
    tools: ["Agent(worker)"]
    stop: {{turns: 10, tool_calls: 100000}}
  speaker:
    instructions: Read what you are asked to read.
steps:
"""


def one_agent(turns: int) -> str:
    return (
        _HEAD.format(parallel=8)
        + f"  work: {{agent: worker, prompt: turns {turns}}}\noutputs: {{text: steps.work.output}}\n"
    )


def fan_out(agents: int) -> str:
    return (
        _HEAD.format(parallel=agents)
        + f"  work: {{agent: leader, prompt: agents {agents}}}\noutputs: {{text: steps.work.output}}\n"
    )


def chain(agents: int) -> str:
    lines = ["  s0: {agent: speaker, prompt: 'turns 1: begin'}"]
    lines += [
        f"  s{n}: {{agent: speaker, prompt: 'turns 1: {{{{ steps.s{n - 1}.output }}}}'}}" for n in range(1, agents)
    ]
    return _HEAD.format(parallel=8) + "\n".join(lines) + f"\noutputs: {{text: steps.s{agents - 1}.output}}\n"
