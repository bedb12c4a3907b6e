"""Cases of padding."""

from __future__ import annotations

from parity.base import case

F = "nn.functional."

for widths in ((1, 2), (0, 3), (-1, 2), (2, -1), (1, 0, 2, 1), (-1, 1, 1, -1), (1, 1, 0, 2, 1, 0)):
    axes = len(widths) // 2
    for shape in ((2, 3, *(4, 3, 5)[:axes]), (2, *(4, 3, 5)[:axes])):
        case(F + "pad:constant", lambda lib, x, w=widths: lib.nn.functional.pad(x, w), shape)
        case(F + "pad:constant", lambda lib, x, w=widths: lib.nn.functional.pad(x, w, value=1.5), shape)
        name = F + ("pad:replicate_negative" if min(widths) < 0 else "pad:replicate")
        case(name, lambda lib, x, w=widths: lib.nn.functional.pad(x, w, mode="replicate"), shape)
        case(F + "pad:circular", lambda lib, x, w=widths: lib.nn.functional.pad(x, w, mode="circular"), shape)
        if max(widths) < 3 and min(widths) >= 0:
            case(F + "pad:reflect", lambda lib, x, w=widths: lib.nn.functional.pad(x, w, mode="reflect"), shape)
