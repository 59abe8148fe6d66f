"""What holds commands back: bubblewrap, or what stands in for it.

In comes a command and the bounds it has; out goes how it is started so that it keeps them. `port` says what a sandbox
is, `choice` which there is on this machine, `bubblewrap` how the usual one is asked for, `landlock` what holds without
namespaces. `gateway` leads out to the hosts that are granted, through `proxy` and by way of `bridge`.
"""
