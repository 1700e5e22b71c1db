"""Says what a machine has for a GPU: one JSON object. Ends with 69 where there is no GPU.

The driver is asked itself: nvidia-smi is missing in some containers.
"""

import ctypes
import json
import pathlib
import shutil
import subprocess
import sys

UNAVAILABLE = 69
CAPABILITY = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
CLOCKS = "clocks.sm,clocks.mem,clocks.max.sm,temperature.gpu,power.draw,power.limit"


class NoGpu(Exception):
    pass


def first_gpu():
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        raise NoGpu("there is no NVIDIA driver (libcuda.so.1)") from None
    code, count, version = driver.cuInit(0), ctypes.c_int(), ctypes.c_int()
    if code != 0:
        raise NoGpu(f"the NVIDIA driver does not start: cuInit gives {code}")
    driver.cuDriverGetVersion(ctypes.byref(version))
    driver.cuDeviceGetCount(ctypes.byref(count))
    if count.value == 0:
        raise NoGpu("the NVIDIA driver sees no GPU")
    name, bytes_there, number = ctypes.create_string_buffer(256), ctypes.c_size_t(), ctypes.c_int()
    driver.cuDeviceGetName(name, 256, 0)
    driver.cuDeviceTotalMem_v2(ctypes.byref(bytes_there), 0)
    capability = []
    for attribute in CAPABILITY:
        driver.cuDeviceGetAttribute(ctypes.byref(number), attribute, 0)
        capability.append(str(number.value))
    return {"name": name.value.decode(), "capability": ".".join(capability),
            "memory_gib": round(bytes_there.value / 2**30, 1),
            "driver_cuda": f"{version.value // 1000}.{version.value % 1000 // 10}"}


def said(*command):
    """The last line, or None."""
    if not shutil.which(command[0]):
        return None
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return (done.stdout.strip().splitlines() or [None])[-1]


def smi(fields):
    line = said("nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader", "--id=0")
    return dict(zip(fields.split(","), line.split(", "))) if line else None


def describe(python):
    imported = "import {0}; print({0}.__version__)"
    return {"driver": smi("driver_version"), "clocks": smi(CLOCKS), "nvcc": said("nvcc", "--version"),
            "cmake": said("cmake", "--version"), "g++": said("g++", "-dumpfullversion"),
            "torch": said(python, "-c", imported.format("torch")),
            "jax": said(python, "-c", imported.format("jax"))}


def cublas_folders(python):
    """Those of the interpreter's packages with the header and with the library of cuBLASLt; an empty
    text for what the toolkit has itself."""
    toolkit = pathlib.Path(shutil.which("nvcc") or "nvcc").resolve().parents[1]
    packages = pathlib.Path(said(python, "-c", "import sysconfig as s; print(s.get_path('purelib'))"))
    folders = []
    for places, kind, name in ((("include", "targets/*/include"), "include", "cublasLt.h"),
                               (("lib64", "targets/*/lib"), "lib", "libcublasLt.so.*")):
        there = any(list(toolkit.glob(f"{place}/{name}")) for place in places)
        brought = sorted(packages.glob(f"nvidia/*/{kind}/{name}"))
        folders.append(str(brought[0].parent) if brought and not there else "")
    return folders


def architecture(capability):
    """For CMAKE_CUDA_ARCHITECTURES: from Hopper on with the features of that chip alone."""
    number = capability.replace(".", "")
    return f"{number}{'a' if int(number) >= 90 else ''}-real"


def main():
    if sys.argv[1] == "clocks":
        print(json.dumps(smi(CLOCKS)))
        return
    if sys.argv[1] == "cublas":
        print(*cublas_folders(sys.argv[2]), sep="\n")
        return
    try:
        gpu = first_gpu()
    except NoGpu as reason:
        print(f"script/gpu-check: no GPU to check on: {reason}", file=sys.stderr)
        sys.exit(UNAVAILABLE)
    if sys.argv[1] == "architecture":
        print(architecture(gpu["capability"]))
    else:
        print(json.dumps(gpu | describe(sys.argv[2])))


if __name__ == "__main__":
    main()
