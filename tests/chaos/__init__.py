"""The chaos driver: thousands of tasks while workers and Redis are killed, stopped and cut off.

    plan      a seed -> which faults, after how many finished tasks (pure)
    load      a seed -> which tasks, in which groups (pure); and the thread that submits them
    deeds     the tasks themselves: what workers import and run
    history   one line for each execution, in a file outside Redis
    fleet     the server and the workers: started, broken, started again
    spy       a second reader of all events: counts how often each task was ended
    storm     puts them together and gathers the evidence
    checker   evidence -> findings: lost, wrong, ended twice, run too often, … (pure)
    report    findings -> JSON

`python -m chaos --help`, with the folder `tests` on PYTHONPATH, says how to run it.
"""
