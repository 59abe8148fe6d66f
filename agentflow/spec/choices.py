"""What each value of a closed choice means, by the model and the key it belongs to; a key inherits its base's."""

from collections.abc import Mapping

_ENDS_THE_RUN = "Steps that are running finish, no new ones start, and the run fails."
_COUNTS_AS_SKIPPED = "Its readers see a skipped step; its `.status` is `failed`."
_EFFECTS = {
    "none": "Nothing: it may be repeated after a crash without asking anybody.",
    "writes": "It changes files of this machine.",
    "sends": "It may reach other people's machines. A crash inside one leaves its outcome unknown.",
}
_ON_UNKNOWN = {
    "ask": "A person is asked whether to repeat it.",
    "retry": "It is run again.",
    "fail": "The step fails.",
}
_WORKSPACES = {
    "shared": "The files of what it stands in; for a step of the file, the project's own.",
    "copy": "A copy of the project's files, without `.git`.",
    "worktree": "A git worktree of the last commit, on a branch of its own.",
}

_ENDS = {
    "done": "It is done, and has its output.",
    "failed": "It failed.",
    "skipped": "It was skipped.",
    "rejected": "A person said no.",
    "waiting": "It waits for a person.",
    "unreached": "Nothing came to it: the run ended first.",
}

CHOICES: Mapping[str, Mapping[str, str]] = {
    "AgentDefaults.effort": {
        "low": "Quick and cheap: for looking up and sorting.",
        "medium": "For most tasks.",
        "high": "More thought, for tasks with many parts.",
        "xhigh": "More again, for hard tasks.",
        "max": "As much as the model can give.",
    },
    "AgentDefaults.thinking": {
        "adaptive": "The model decides when and how long.",
        "between_tools": "It also thinks between its tool calls.",
        "disabled": "It answers at once.",
    },
    "Agent.memory": {
        "agent": "Files of this agent alone, kept from run to run of this workflow.",
        "workflow": "Files that all agents of this workflow share that say so.",
    },
    "AgentDefaults.service_tier": {
        "auto": "Capacity that was bought beforehand where there is some, else the standard one.",
        "standard_only": "Only the standard capacity.",
    },
    "AgentDefaults.speed": {
        "standard": "As fast as the model is by itself.",
        "fast": "Faster, at a higher price for every token.",
    },
    "Workflow.redact": {
        "likely": "What looks like a key, a token or a password too: `[likely secret: GitHub token]`.",
        "exact": "Nothing: only the values of `secrets` are taken out, as they are in every run.",
    },
    "Context.strategy": {
        "compact": "The service's own compaction, where the model has it; else as `summarize`.",
        "window": "The oldest turns are left out. It costs nothing.",
        "summarize": "A model writes down what is older: topics, decisions, facts, what is open.",
        "clear_tools": "Old results of tools are left out, and the oldest turns where that is not enough.",
        "none": "Nothing is done: a conversation that no longer fits fails.",
    },
    "Agent.workspace": _WORKSPACES,
    "Permissions.mode": {
        "default": "What `tools` grants runs; `ask` asks. Where `allow` is written, other calls with effects are asked "
        "about.",
        "accept_edits": "As `default`, and files of the project are written and edited unasked.",
        "plan": "Nothing with effects runs.",
        "dont_ask": "What would be asked about is denied.",
        "bypass": "All that is granted and not denied runs unasked. Refused as root outside a sandbox.",
    },
    "OwnTool.effects": _EFFECTS,
    "StepBase.join": {
        "all": "All of them must be done; one that was skipped or rejected skips this step.",
        "any": "One of them must be done; all are waited for.",
        "done": "All are waited for, whatever became of them.",
    },
    "StepBase.on_error": {"fail": _ENDS_THE_RUN, "continue": _COUNTS_AS_SKIPPED},
    "StepBase.on_resume": {
        "reuse": "It is done: its output is used as it is.",
        "rerun": "It runs again, as long as nothing has used its output.",
    },
    "StepBase.workspace": _WORKSPACES,
    "ForEachStep.on_error": {
        "fail": _ENDS_THE_RUN,
        "continue": _COUNTS_AS_SKIPPED,
        "collect": "The list has the items that succeeded, in their order; `.errors` has the others.",
    },
    "RunStep.parse": {
        "text": "One text, less a final newline.",
        "json": "The value that the text is in JSON; a failure where it is not.",
        "lines": "A list of its lines.",
    },
    "RunStep.effects": _EFFECTS,
    "RunStep.on_unknown": _ON_UNKNOWN,
    "CallStep.effects": _EFFECTS,
    "CallStep.on_unknown": _ON_UNKNOWN,
    "ToolStep.on_unknown": _ON_UNKNOWN,
    "ApproveStep.on_timeout": {
        "reject": "No answer in time is a no.",
        "fail": "No answer in time fails the step.",
    },
    "ApproveStep.on_reject": {
        "skip": "A no skips the steps that depend on this one.",
        "continue": "A no lets them run; they read the answer from `.approved`.",
    },
    "Rounds.at_max": {
        "fail": "The step fails, as `max_rounds`.",
        "accept": "The last round is taken as it is; `.converged` is false.",
    },
    "Stub.status": {end: _ENDS[end] for end in ("done", "failed", "skipped")},
    "Stub.answer": {
        "yes": "A person says yes.",
        "no": "A person says no.",
        "timeout": "Nobody answers in time.",
        "wait": "Nobody answers; the run waits.",
    },
    "ExpectedStep.status": _ENDS,
    "Expect.status": {
        "done": "It is done, with its outputs.",
        "failed": "It failed.",
        "waiting": "It waits for a person.",
    },
}
