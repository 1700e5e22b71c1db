"""Small files of the names that the documents use."""

import random
import struct


def write_npy(file, rows):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])}), }}"
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    data = b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)
    file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def make_files(folder):
    made = random.Random(1)
    rows = [[made.random() for _ in range(10)] for _ in range(200)]
    sums = [sum(row) for row in rows]
    write_npy(folder / "x.npy", rows)
    write_npy(folder / "new.npy", rows[:5])
    columns = {"y": [f"{value:.4f}" for value in sums],
               "labels": [min(int(value) // 4, 2) for value in sums],
               "yes": [int(value > 5) for value in sums]}
    for name, values in columns.items():
        (folder / f"{name}.csv").write_text("".join(f"{value}\n" for value in values))
    (folder / "x.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
