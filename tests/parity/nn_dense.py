"""Cases of dense maps, and of noise where it does nothing."""

from __future__ import annotations

from parity.base import case

F = "nn.functional."

for lead in ((2,), (), (2, 1)):
    case(F + "linear", lambda lib, x, w, b: lib.nn.functional.linear(x, w, b), (*lead, 3), (2, 3), (2,))
    case(F + "linear", lambda lib, x, w: lib.nn.functional.linear(x, w), (*lead, 3), (2, 3))
    case(F + "bilinear", lambda lib, x, y, w, b: lib.nn.functional.bilinear(x, y, w, b),
         (*lead, 3), (*lead, 4), (2, 3, 4), (2,))
    case(F + "bilinear", lambda lib, x, y, w: lib.nn.functional.bilinear(x, y, w), (*lead, 3), (*lead, 4), (2, 3, 4))
for name, shape in {
    "dropout": (2, 3),
    "dropout2d": (2, 3, 2, 2),
    "dropout3d": (2, 3, 1, 2, 2),
    "alpha_dropout": (4,),
    "feature_alpha_dropout:with_train": (2, 3, 2),
    "feature_alpha_dropout:without_train": (2, 3),
}.items():
    plain = name.partition(":")[0]
    case(F + name, lambda lib, x, f=plain: getattr(lib.nn.functional, f)(x, 0.5, training=False), shape)
    case(F + name, lambda lib, x, f=plain: getattr(lib.nn.functional, f)(x, 1.0, training=True), shape)
