"""``compile``: a step is run once on arrays that take notes, and the notes are replayed.

``traced`` has the arrays and ``capture`` takes the notes, which are ``calls``; ``numbers`` are those that Python
computes on the way, and ``undo`` puts back what taking notes has changed. A ``program`` is made of the notes by passes,
``plan`` gives it memory, ``reach`` finds what it depends on, and ``step`` keeps programs and replays them.
"""

from autodiff.compiling.step import compile as compile
