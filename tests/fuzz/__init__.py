"""Changed messages against real code: nothing of them may be run, unpickled, or end a process."""
