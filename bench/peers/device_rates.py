"""What the device can do at most, by PyTorch: products, copies, and launches of CUDA graphs.

    bench/peers/device_rates.py cuda        # one line of JSON
"""

import json
import statistics
import sys
import time

import torch

SIZE = {"cuda": 8192, "cpu": 256}
NODES = [1, 10, 100, 1000]


def seconds_per_call(call, device, calls=20):
    """The median of five sets; one more before them warms up."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    sets = []
    for _ in range(6):
        wait()
        start = time.perf_counter()
        for _ in range(calls):
            call()
        wait()
        sets.append((time.perf_counter() - start) / calls)
    return statistics.median(sets[1:])


def product_tflops(device, precision):
    """Of two square matrices of random numbers: zeros cost less power and run faster."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(SIZE[device], SIZE[device], device=device, dtype=dtype) for _ in range(2))
    return 2e-12 * SIZE[device] ** 3 / seconds_per_call(lambda: torch.mm(a, b), device)


def copy_gb_per_second(device):
    """Read and written, in the device's memory."""
    source = torch.ones(SIZE[device] ** 2, device=device)
    target = torch.empty_like(source)
    return 2e-9 * 4 * source.numel() / seconds_per_call(lambda: target.copy_(source), device)


def graph_launch_us(nodes):
    """Of a graph of dependent kernels of one number each: how long the caller is held up by a launch,
    and a launch's share of many that wait for each other."""
    x = torch.zeros(1, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(nodes):
            x.add_(1)
    total = seconds_per_call(graph.replay, "cuda")
    held_up = []
    for _ in range(20):
        torch.cuda.synchronize()
        start = time.perf_counter()
        graph.replay()
        held_up.append(time.perf_counter() - start)
    torch.cuda.synchronize()
    return {"caller": 1e6 * statistics.median(held_up), "total": 1e6 * total}


def main():
    device = sys.argv[1]
    rates = {"size": SIZE[device], "versions": f"torch {torch.__version__}",
             "product_tflops": {precision: product_tflops(device, precision)
                                for precision in ("fp32", "tf32", "bf16")},
             "copy_gb_per_second": copy_gb_per_second(device)}
    if device == "cuda":
        rates["graph_launch_us"] = {nodes: graph_launch_us(nodes) for nodes in NODES}
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
