"""Times that are taken in rounds beside other processes, and what is made of them."""

import statistics
import time

from . import host

DISTURBED = 0.1  # of a core


def ask_undisturbed(engine, place, model, batch, seconds, deadline):
    """The least disturbed of up to three answers, of one after the deadline; "others" is what other
    processes took of a core."""
    if place.device != "cpu":  # other work on the host's cores does not say that the GPU had any
        return engine.ask(model, batch, seconds) | {"others": 0.0}
    best = None
    for _ in range(3):
        start, own = time.monotonic(), engine.cpu_seconds()
        busy = host.busy_seconds(place.cpus)
        answer = engine.ask(model, batch, seconds)
        others = host.busy_seconds(place.cpus) - busy - (engine.cpu_seconds() - own)
        answer["others"] = max(0.0, others / (time.monotonic() - start))
        if best is None or answer["others"] < best["others"]:
            best = answer
        if best["others"] < DISTURBED or time.monotonic() > deadline:
            break
    return best


def spread(times):
    """Half the distance of the extremes, as a part of the median."""
    return (max(times) - min(times)) / 2 / statistics.median(times)


def undisturbed(answers):
    """Those of undisturbed rounds, or all if there is none, and whether that is so."""
    clean = [answer for answer in answers if answer["others"] < DISTURBED]
    return clean or answers, not clean


def summarise(answers):
    """Medians over the undisturbed rounds."""
    answers, disturbed = undisturbed(answers)
    times = [answer["us_per_step"] for answer in answers]
    result = {"disturbed": disturbed, "us_per_step": statistics.median(times)}
    if len(times) > 1:
        result["spread"] = spread(times)
    cpu = [answer["cpu_us_per_step"] for answer in answers]
    result["cpu_us_per_step"] = None if None in cpu else statistics.median(cpu)
    kernels = [answer.get("kernels_us_per_step") for answer in answers]
    if None not in kernels:
        result["kernels_us_per_step"] = statistics.median(kernels)
    if "note" in answers[-1]:
        result["note"] = answers[-1]["note"]
    return result | {"rounds_us": times, "loss": answers[-1]["loss"]}
